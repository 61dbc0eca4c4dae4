"""The files of a study: its runs and everything made from them."""

from imbalance_aware.runs.identity import replicate_name


def replicates_of(study, dataset):
    """Folders of the seeds of a study on a dataset, and of the repeats of its cross-validation."""
    return [replicate_name(seed, repeat) for repeat in range(repeats_of(dataset)) for seed in study.settings.seeds]


def runs_of(wildcards, file, datasets=None, conditions=None):
    """That file of every replicate of a study: on all its datasets and conditions, or on those named."""
    study = study_of(wildcards)
    return [
        f"results/runs/{study.name}/{dataset}/{condition}/{replicate}/{file}"
        for dataset in datasets or study.settings.datasets
        for condition in conditions or study.conditions
        for replicate in replicates_of(study, dataset)
    ]


def files_of_datasets(wildcards, file):
    """That file of every dataset of a study."""
    return [f"results/datasets/{dataset}/{file}" for dataset in study_of(wildcards).settings.datasets]


def folds_of_study(wildcards):
    """The tables of folds of all cross-validated datasets of a study."""
    datasets = study_of(wildcards).settings.datasets
    return [table for dataset in datasets for table in all_folds_tables(SimpleNamespace(dataset=dataset))]


def runs_on_stand_ins(wildcards):
    """Predictions of a study on all datasets that take the place of one of the paper's."""
    return [
        path
        for dataset in study_of(wildcards).settings.stand_ins()
        for path in runs_of(wildcards, "predictions.csv", [dataset])
    ]


def trainings_of(wildcards, file, conditions=None):
    """That file of every training of a study on one dataset: of all folds, where it has them."""
    places = runs_of(wildcards, "", [wildcards.dataset], conditions or study_of(wildcards).trained)
    return [f"{place}{fold}{file}" for place in places for fold in fold_folders(wildcards.dataset)]


def validation_tables(wildcards):
    """The validation predictions of a study, beside the predictions of each training and rival."""
    study = study_of(wildcards)
    return [
        path
        for dataset in study.settings.datasets
        if dataset in study.validation_metrics
        for path in trainings_of(
            SimpleNamespace(study=study.name, dataset=dataset), "validation_predictions.csv", study.conditions
        )
    ]


def validations_of(wildcards):
    """Params function: where the validation predictions of a study lie."""
    return option("validation", list(map(here, validation_tables(wildcards))))


def first_trainings_of(wildcards, file):
    """That file of the first seed of every condition of a study on one dataset; of the first fold, where it has them."""
    study, dataset = study_of(wildcards), wildcards.dataset
    first = f"{replicates_of(study, dataset)[0]}/{fold_folders(dataset)[0]}"
    return [f"results/runs/{study.name}/{dataset}/{condition}/{first}{file}" for condition in study.trained]


def with_ensembles(study):
    """Datasets of a study on which the mean over its seeds has a test set of its own."""
    several = len(study.settings.seeds) > 1
    return [name for name in study.settings.datasets if several and name not in CROSS_VALIDATED]


def ensembles_of(wildcards):
    """Metrics of the mean over the seeds, for every condition of a study."""
    study = study_of(wildcards)
    place = "results/runs/{study}/{dataset}/{condition}/ensemble/metrics.json"
    return expand(place, study=study.name, dataset=with_ensembles(study), condition=study.conditions)


def tables_of(study):
    """Every table of a study, without suffix; some only of studies of one kind."""
    jobs = [job for job in TABLE_JOBS.values() if job.of(STUDIES[study])]
    return [f"results/tables/{study}/{table}" for job in jobs for table in job.tables]


def all_tables():
    """Every table of the studies to run."""
    return [f"{table}.html" for study in CONFIG.run for table in tables_of(study)]


def all_verdicts():
    """The answer of every study to run."""
    return expand("results/tables/{study}/verdict.html", study=CONFIG.run)


def all_journal_texts():
    """Checklists and methods of every study to run."""
    return expand("results/tables/{study}/journal/{file}", study=CONFIG.run, file=JOURNAL)


def figures_of(study):
    """Every figure of a study, without suffix: some show all of its datasets, some one."""
    return [
        figure.path.format(study=study, dataset=dataset)
        for figure in FIGURES
        for dataset in (STUDIES[study].settings.datasets if figure.scope == "dataset" else [None])
        if dataset is None or figure.kind in (None, CONFIG.datasets[dataset].kind)
    ]


def all_figures():
    """Every figure of the studies to run."""
    return [f"{figure}.png" for study in CONFIG.run for figure in figures_of(study)]


def all_reports():
    """One page for every study to run, with all that the study shows."""
    return expand("results/report/{study}.html", study=CONFIG.run)


def all_cohort_pages():
    """What was found in the sources of the studies to run, and what became of it."""
    pages = {"images": ["duplicates", "flow"], "volumes": ["duplicates", "preprocessed_flow", "qc"]}
    datasets = dict.fromkeys(dataset for name in CONFIG.run for dataset in STUDIES[name].settings.datasets)
    return [
        f"results/datasets/{dataset}/{page}.html"
        for dataset in datasets
        for page in pages[CONFIG.datasets[dataset].kind]
    ]
