"""Which files a study has: its runs, and all that is made of them."""

# Tables that every study has, and those for studies with batches of their own size.
METRIC_TABLES = [name for name, table in TABLES.items() if not table.own_batch_size]
BATCH_SIZE_TABLES = [name for name, table in TABLES.items() if table.own_batch_size]


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


def page_of(table):
    """The page of a table, for the report."""
    return report(
        f"results/tables/{{study}}/{table}.html",
        caption=f"../report/{table}.rst",
        category="Tables",
        subcategory="{study}",
        labels={"table": table},
    )


def all_tables():
    """Every table of the studies to run; some only for studies with a batch size of their own."""
    own = [name for name in CONFIG.run if STUDIES[name].training.batch_size != CONFIG.training.batch_size]
    page = "results/tables/{study}/{table}.html"
    return [
        *expand(page, study=CONFIG.run, table=[*METRIC_TABLES, COMPARISON]),
        *expand(page, study=own, table=BATCH_SIZE_TABLES),
    ]


def all_figures():
    """Every figure of the studies to run: some show all datasets of a study, some one."""
    return [
        f"{figure.path}.png".format(study=study, dataset=dataset)
        for study in CONFIG.run
        for figure in FIGURES
        for dataset in (STUDIES[study].settings.datasets if figure.scope == "dataset" else [None])
        if dataset is None or figure.kind in (None, CONFIG.datasets[dataset].kind)
    ]


def all_cohort_pages():
    """What was found in the sources of the studies to run, and what became of it."""
    pages = {"images": ["duplicates", "flow"], "volumes": ["duplicates", "preprocessed_flow", "qc"]}
    datasets = dict.fromkeys(dataset for name in CONFIG.run for dataset in STUDIES[name].settings.datasets)
    return [
        f"results/datasets/{dataset}/{page}.html"
        for dataset in datasets
        for page in pages[CONFIG.datasets[dataset].kind]
    ]
