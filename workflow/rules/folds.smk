"""Which datasets are cross-validated, in how many folds, and where the table of each repeat lies."""

from imbalance_aware.runs.identity import read_replicate


def cross_validations():
    """Name -> how many folds and repeats; and why that cannot be told, which is said when the dataset is needed."""
    found, unreadable = {}, {}
    for name, settings in CONFIG.datasets.items():
        try:
            found[name] = settings.cross_validation()
        except UserError as error:
            unreadable[name] = error
    return {name: folds for name, folds in found.items() if folds is not None}, unreadable


CROSS_VALIDATED, UNREADABLE = cross_validations()
# Whether a dataset is divided once or into folds decides which rules make its runs.
IN_FOLDS = "|".join(map(re.escape, CROSS_VALIDATED)) or "(?!)"
# All others, also those that are not in the configuration, so that the message is ours.
NOT_IN_FOLDS = f"(?!(?:{IN_FOLDS})/)[^/]+"


def repeats_of(dataset):
    """How often a dataset is cross-validated; once where it has a fixed split."""
    return CROSS_VALIDATED[dataset].repeats if dataset in CROSS_VALIDATED else 1


def fold_folders(dataset):
    """What stands between a replicate's folder and the files of its trainings: nothing, or one folder for each fold."""
    folds = CROSS_VALIDATED[dataset].folds if dataset in CROSS_VALIDATED else None
    return [""] if folds is None else [f"fold-{number}/" for number in range(folds)]


def folds_table(wildcards):
    """The table of the repeat that a replicate belongs to."""
    dataset = wildcards.dataset
    dataset_of(wildcards)
    if dataset not in CROSS_VALIDATED:
        stop(f'the dataset "{dataset}" has a fixed split and no folds (see its key `split`)')
    folds = CROSS_VALIDATED[dataset].folds
    if int(wildcards.get("fold", 0)) >= folds:
        stop(f'the dataset "{dataset}" has {folds} folds, counted from 0; there is no fold {wildcards.fold}')
    repeat = read_replicate(wildcards.replicate)[1]
    if repeat >= (repeats := repeats_of(dataset)):
        stop(f'the dataset "{dataset}" has {repeats} repeat(s), counted from 0; there is no repeat {repeat}')
    return f"results/datasets/{dataset}/folds/repeat-{repeat}.csv"


def folds_if_any(wildcards):
    """The table of the repeat that a replicate belongs to; none of a dataset with a fixed split, which has no repeats."""
    dataset = wildcards.dataset
    dataset_of(wildcards)
    if dataset in CROSS_VALIDATED:
        return folds_table(wildcards)
    if read_replicate(wildcards.replicate)[1]:
        stop(f'the dataset "{dataset}" has a fixed split and no repeats (see its key `split`)')
    return []


def ensemble_predictions(wildcards):
    """The mean over the seeds, of a dataset with a fixed split."""
    dataset_of(wildcards)
    if wildcards.dataset in CROSS_VALIDATED:
        stop(
            f'the dataset "{wildcards.dataset}" is cross-validated: no test set is that of all its trainings, so there '
            "are no metrics of their ensemble"
        )
    return "results/runs/{study}/{dataset}/{condition}/ensemble/predictions.csv"


def all_folds_tables(wildcards):
    """The tables of all repeats of a dataset; none of one with a fixed split."""
    dataset_of(wildcards)
    repeats = range(repeats_of(wildcards.dataset) if wildcards.dataset in CROSS_VALIDATED else 0)
    return [f"results/datasets/{wildcards.dataset}/folds/repeat-{repeat}.csv" for repeat in repeats]


def predictions_of_folds(wildcards):
    """Predictions of every fold of a replicate."""
    place = f"results/runs/{wildcards.study}/{wildcards.dataset}/{wildcards.condition}/{wildcards.replicate}"
    return [f"{place}/{fold}predictions.csv" for fold in fold_folders(wildcards.dataset)]
