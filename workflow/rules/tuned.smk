"""Which studies are tuned, where their trials lie, and the params of the steps that choose values."""

from dataclasses import replace

from imbalance_aware.runs.identity import FOLD, Run, identify
from imbalance_aware.runs.run_folder import OPTIONAL, UNTESTED, VALIDATION_PREDICTIONS
from imbalance_aware.tuning.values import with_values

TUNED = {name: study for name, study in STUDIES.items() if study.grids}
# Whether a study is tuned decides which rules make its runs. What follows the name in a path says the seed.
NOT_TUNED = rf"(?!(?:{'|'.join(map(re.escape, TUNED)) or '(?!)'})/)[^/]+"
SEEDS = {name: study.settings.seeds[0] for name, study in TUNED.items()}
WITH_SEED_OF_TRIALS = (
    "|".join(rf"{re.escape(name)}(?=/[^/]+/[^/]+/seed-{seed}(?!\d))" for name, seed in SEEDS.items()) or "(?!)"
)
WITH_OTHER_SEEDS = (
    "|".join(rf"{re.escape(name)}(?!/[^/]+/[^/]+/seed-{seed}(?!\d))" for name, seed in SEEDS.items()) or "(?!)"
)
# Of a trial: seed, repeat and fold in one wildcard.
SPLIT = rf"seed-\d+(?:-repeat-[1-9]\d*)?(?:/{FOLD.pattern.replace('(', '(?:')})?"
TRIALS = "results/trials/{study}/{dataset}/{condition}"


class Names(dict):
    """Wildcards of another job, read like Snakemake's own."""

    __getattr__ = dict.__getitem__


def grid_of(wildcards):
    """The trials of a condition of a tuned study."""
    condition_of(wildcards)
    grids = study_of(wildcards).grids
    if wildcards.condition not in grids:
        stop(f'the study "{wildcards.study}" has no trials of "{wildcards.condition}" (see studies.NAME.tune)')
    return grids[wildcards.condition]


def trial_settings(wildcards):
    """Settings of one trial, as JSON."""
    dataset_of(wildcards)
    point = next((point for point in grid_of(wildcards) if point.name == wildcards.trial), None)
    if point is None:
        known = ", ".join(point.name for point in grid_of(wildcards))
        stop(f'the condition "{wildcards.condition}" has no trial "{wildcards.trial}"; there are {known}')
    settings = run_settings(study_of(wildcards), wildcards.condition, wildcards.dataset, CONFIG)
    return json.dumps(with_values(settings, point.values).decisive())


def grid_argument(wildcards):
    """Names and values of the trials of a condition, as JSON."""
    return json.dumps({point.name: dict(point.values) for point in grid_of(wildcards)})


def run_of_split(wildcards):
    """The run whose seed, repeat and fold a split names."""
    dataset_of(wildcards)
    run = identify("{study}/{dataset}/{condition}/{split}/trials.csv".format(**wildcards))
    if (run.fold is not None) != (wildcards.dataset in CROSS_VALIDATED):
        has = "folds" if wildcards.dataset in CROSS_VALIDATED else "a fixed split"
        stop(f'the dataset "{wildcards.dataset}" has {has}, so there are no trials of {wildcards.split}')
    return run


def folds_of_split(wildcards):
    """The table that a split's fold is in; none of a fixed split."""
    run = run_of_split(wildcards)
    fold = {} if run.fold is None else {"fold": run.fold}
    return folds_if_any(Names(dataset=run.dataset, replicate=run.replicate, **fold))


def trial_arguments(wildcards, input):
    """The fold of a trial, and that it gets no test part."""
    run = run_of_split(wildcards)
    fold = [] if run.fold is None else ["--folds", input.folds, "--fold", str(run.fold)]
    return shlex.join([*fold, "--without-test"])


def files_of_trials(wildcards, file):
    """That file of every trial of a condition in a split."""
    place = f"{TRIALS}/{{split}}".format(**wildcards)
    return [f"{place}/{point.name}/{file}" for point in grid_of(wildcards)]


def primary_of(wildcards):
    """The metric of the validation part."""
    return study_of(wildcards).validation_metrics[wildcards.dataset]


def place_of_trials(run):
    """The folder of the trials of a run's seed and split."""
    return f"results/trials/{run.place.as_posix()}"


def run_of(wildcards):
    """The run that a job of a tuned study makes."""
    seed, repeat = read_replicate(wildcards.replicate)
    fold = int(wildcards.fold) if "fold" in wildcards.keys() else None
    return Run(wildcards.study, wildcards.dataset, wildcards.condition, seed, repeat, fold)


def trials_of_run(wildcards):
    """The table of the trials that chose the values of a run: those of the study's first seed in the same split."""
    run = run_of(wildcards)
    return f"{place_of_trials(replace(run, seed=study_of(wildcards).settings.seeds[0]))}/trials.csv"


def trained_of_run(wildcards):
    """The folder in which the network of a run is trained, below the name of its values."""
    return here(place_of_trials(run_of(wildcards)))


def networks_of_trials(wildcards):
    """All files of the trials of a run's split, with a storage: its network may be that of one, if it has their seed."""
    run = run_of(wildcards)
    if run.seed != study_of(wildcards).settings.seeds[0]:
        return []
    files = [*UNTESTED, *OPTIONAL]
    return [f"{place_of_trials(run)}/{point.name}/{file}" for point in grid_of(wildcards) for file in files]


def tables_of_trial(folder):
    """What a trial predicts, as outputs; its own training samples only with a storage, where all must be declared."""
    return optional_outputs(folder) or {"validation_predictions": f"{folder}/{VALIDATION_PREDICTIONS}"}


def trials_of_study(wildcards):
    """The tables of the trials of all conditions and splits of a study."""
    study = study_of(wildcards)
    return [
        f"{place_of_trials(Run(study.name, dataset, condition, study.settings.seeds[0], repeat, fold))}/trials.csv"
        for dataset in study.settings.datasets
        for condition in study.grids
        for repeat in range(repeats_of(dataset))
        for fold in (range(CROSS_VALIDATED[dataset].folds) if dataset in CROSS_VALIDATED else [None])
    ]


def trials_if_tuned(wildcards):
    """The table of all trials of a study; none of one that is not tuned."""
    return f"results/tables/{wildcards.study}/trials.csv" if study_of(wildcards).grids else []
