"""Which files a study has: its runs, and all that is made of them."""


def runs_of(wildcards, file, datasets=None, conditions=None, seeds=None):
    """That file of every run of a study: on all its datasets, conditions and seeds, or on those named."""
    study = study_of(wildcards)
    settings = study.settings
    return expand(
        "results/runs/{study}/{dataset}/{condition}/seed-{seed}/{file}",
        study=study.name,
        dataset=datasets or settings.datasets,
        condition=conditions or study.conditions,
        seed=settings.seeds if seeds is None else seeds,
        file=file,
    )


def runs_of_first_seed(wildcards, file):
    return runs_of(wildcards, file, wildcards.dataset, seeds=study_of(wildcards).settings.seeds[0])


def all_tables():
    """Every table of the studies to run; that of small batches for studies with a batch size of their own."""
    small = [name for name in CONFIG.run if STUDIES[name].training.batch_size != CONFIG.training.batch_size]
    return expand("results/tables/{study}/{table}.html", study=CONFIG.run, table=TABLES) + expand(
        "results/tables/{study}/{table}.html", study=small, table=SMALL_BATCHES
    )


def all_figures():
    """Every figure of the studies to run: some show all datasets of a study, some one."""
    whole = ["figure5_class_distribution", "balanced_accuracy"]
    single = ["learning_curves", "confusion_matrices", "figure2_feature_map", "figure4_augmentations"]
    of_kind = {"images": single, "volumes": [*single, "figure3_sequences"]}
    return [
        f"results/figures/{name}/{figure}.png"
        for name in CONFIG.run
        for figure in [
            *whole,
            *(
                f"{dataset}/{figure}"
                for dataset in STUDIES[name].settings.datasets
                for figure in of_kind[CONFIG.datasets[dataset].kind]
            ),
        ]
    ]


def all_cohort_pages():
    """What was found in the sources of the studies to run, and what became of it."""
    pages = {"images": ["duplicates", "flow"], "volumes": ["duplicates", "prepared_flow", "qc"]}
    datasets = dict.fromkeys(dataset for name in CONFIG.run for dataset in STUDIES[name].settings.datasets)
    return [
        f"results/datasets/{dataset}/{page}.html"
        for dataset in datasets
        for page in pages[CONFIG.datasets[dataset].kind]
    ]
