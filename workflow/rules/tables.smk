# Metrics to tables: our results, with the published values where there are any.


rule collect:
    input:
        lambda wildcards: runs_of(wildcards, "metrics.json"),
    output:
        "results/tables/{study}/metrics.csv",
    log:
        "results/logs/collect/{study}.log",
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        conditions=condition_columns,
        batch_size=lambda wildcards: study_of(wildcards).training.batch_size,
        code=code_digest(["reporting.collect"]),
    shell:
        "python -m imbalance_aware collect --study {wildcards.study:q} --conditions {params.conditions:q}"
        " --batch-size {params.batch_size} --out {output:q} {input:q} 2> {log:q}"


use rule collect as collect_condition with:
    input:
        lambda wildcards: runs_of(wildcards, "metrics.json", [wildcards.dataset], [wildcards.condition]),
    output:
        "results/runs/{study}/{dataset}/{condition}/metrics.csv",
    log:
        "results/logs/collect/{study}/{dataset}/{condition}.log",


use rule collect as collect_ensembles with:
    input:
        ensembles_of,
    output:
        "results/tables/{study}/ensemble_metrics.csv",
    log:
        "results/logs/collect/{study}-ensembles.log",


rule tables:
    input:
        metrics="results/tables/{study}/metrics.csv",
        comparisons="results/tables/{study}/comparisons.csv",
        references="results/tables/{study}/values.csv",
        published=lambda wildcards: PUBLISHED if study_of(wildcards).settings.published else [],
    output:
        expand(
            "results/tables/{{study}}/{table}.{suffix}",
            table=[*METRIC_TABLES, COMPARISON],
            suffix=["csv", "md", "tex"],
        ),
        *map(page_of, [*METRIC_TABLES, COMPARISON]),
    log:
        "results/logs/tables/{study}.log",
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        folder=subpath(output[0], parent=True),
        arguments=table_arguments(*METRIC_TABLES),
        unit=CONFIG.evaluation.unit,
        code=code_digest(["reporting.tables"]),
    shell:
        "python -m imbalance_aware tables --metrics {input.metrics:q} --unit {params.unit} {params.arguments}"
        " --out {params.folder:q} 2> {log:q}"


# What the study shows, in words; first in the report.
rule verdict:
    input:
        tables=expand("results/tables/{{study}}/{table}.csv", table=STATISTICS),
        metrics="results/tables/{study}/metrics.csv",
        samples=lambda wildcards: files_of_datasets(wildcards, "samples.csv"),
        duplicates=lambda wildcards: files_of_datasets(wildcards, "duplicates.csv"),
        folds=folds_of_study,
    output:
        "results/tables/{study}/verdict.json",
        "results/tables/{study}/verdict.md",
        report(
            "results/tables/{study}/verdict.html",
            caption="../report/verdict.rst",
            category="Answer",
            subcategory="{study}",
            labels={"page": "verdict"},
        ),
    log:
        "results/logs/verdict/{study}.log",
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        folder=subpath(output[0], parent=True),
        folds=lambda wildcards, input: shlex.join(["--folds", *input.folds]) if input.folds else "",
        evaluation=evaluation_settings,
        code=code_digest(["reporting.verdict"]),
    shell:
        "python -m imbalance_aware verdict --study {wildcards.study:q} --evaluation {params.evaluation:q}"
        " --tables {params.folder:q} --metrics {input.metrics:q} --samples {input.samples:q}"
        " --duplicates {input.duplicates:q} {params.folds} --out {params.folder:q} 2> {log:q}"


use rule tables as table_of_small_batches with:
    input:
        metrics="results/tables/{study}/metrics.csv",
        references="results/tables/{study}/values.csv",
        published=lambda wildcards: PUBLISHED if study_of(wildcards).settings.published else [],
    output:
        expand("results/tables/{{study}}/{table}.{suffix}", table=BATCH_SIZE_TABLES, suffix=["csv", "md", "tex"]),
        *map(page_of, BATCH_SIZE_TABLES),
    log:
        "results/logs/tables/{study}-small_batches.log",
    params:
        folder=subpath(output[0], parent=True),
        arguments=table_arguments(*BATCH_SIZE_TABLES),
        unit=CONFIG.evaluation.unit,
        code=code_digest(["reporting.tables"]),


# Every value of the paper beside ours.
use rule tables as table_of_published_cells with:
    input:
        metrics="results/tables/{study}/metrics.csv",
        values="results/tables/{study}/values.csv",
        published=PUBLISHED,
    output:
        expand("results/tables/{{study}}/{table}.{suffix}", table=PUBLISHED_CELLS, suffix=["csv", "md", "tex"]),
        page_of(PUBLISHED_CELLS),
    log:
        "results/logs/tables/{study}-published_cells.log",
    params:
        folder=subpath(output[0], parent=True),
        arguments=lambda wildcards, input: shlex.join(
            ["--values", input.values, "--published", input.published, "--tables"]
        ),
        unit=CONFIG.evaluation.unit,
        code=code_digest(["reporting.tables"]),


# The paper's claims, from the runs on those datasets that take the place of its own.
rule claims:
    input:
        claims=CLAIMED,
        predictions=runs_on_stand_ins,
    output:
        "results/tables/{study}/claim_estimates.csv",
    log:
        "results/logs/claims/{study}.log",
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        stand_ins=lambda wildcards: json.dumps(study_of(wildcards).settings.stand_ins()),
        unit=CONFIG.evaluation.unit,
        code=code_digest(["evaluation.claims"]),
    shell:
        "python -m imbalance_aware claims --claims {input.claims:q} --stand-ins {params.stand_ins:q}"
        " --unit {params.unit} --out {output:q} {input.predictions:q} 2> {log:q}"


use rule tables as table_of_claims with:
    input:
        metrics="results/tables/{study}/metrics.csv",
        claims="results/tables/{study}/claim_estimates.csv",
        stated=CLAIMED,
        published=PUBLISHED,
    output:
        expand("results/tables/{{study}}/{table}.{suffix}", table=CLAIMS, suffix=["csv", "md", "tex"]),
        page_of(CLAIMS),
    log:
        "results/logs/tables/{study}-claims.log",
    params:
        folder=subpath(output[0], parent=True),
        arguments=lambda wildcards, input: shlex.join(
            ["--claims", input.claims, "--stated", input.stated, "--published", input.published, "--tables"]
        ),
        unit=CONFIG.evaluation.unit,
        code=code_digest(["reporting.tables"]),


use rule tables as table_of_ensembles with:
    input:
        metrics="results/tables/{study}/metrics.csv",
        ensembles="results/tables/{study}/ensemble_metrics.csv",
    output:
        expand("results/tables/{{study}}/{table}.{suffix}", table=ENSEMBLES, suffix=["csv", "md", "tex"]),
        page_of(ENSEMBLES),
    log:
        "results/logs/tables/{study}-ensembles.log",
    params:
        folder=subpath(output[0], parent=True),
        arguments=lambda wildcards, input: f"--ensembles {shlex.quote(input.ensembles)} --tables",
        unit=CONFIG.evaluation.unit,
        code=code_digest(["reporting.tables"]),


use rule tables as table_of_cohorts with:
    input:
        metrics="results/tables/{study}/metrics.csv",
        cohorts="results/tables/{study}/cohort_metrics.csv",
    output:
        expand("results/tables/{{study}}/{table}.{suffix}", table=COHORTS, suffix=["csv", "md", "tex"]),
        page_of(COHORTS),
    log:
        "results/logs/tables/{study}-cohorts.log",
    params:
        folder=subpath(output[0], parent=True),
        arguments=lambda wildcards, input: f"--cohorts {shlex.quote(input.cohorts)} --tables",
        unit=CONFIG.evaluation.unit,
        code=code_digest(["reporting.tables"]),


use rule tables as table_of_overfitting with:
    input:
        metrics="results/tables/{study}/metrics.csv",
    output:
        expand("results/tables/{{study}}/{table}.{suffix}", table=OVERFITTING, suffix=["csv", "md", "tex"]),
        page_of(OVERFITTING),
    log:
        "results/logs/tables/{study}-overfitting.log",
    params:
        folder=subpath(output[0], parent=True),
        arguments=f"--overfitting {CONFIG.evaluation.primary} --tables",
        unit=CONFIG.evaluation.unit,
        code=code_digest(["reporting.tables"]),
