# Metrics to tables: what ran, beside what was published.


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
        lambda wildcards: runs_of(wildcards, "metrics.json", wildcards.dataset, wildcards.condition),
    output:
        "results/runs/{study}/{dataset}/{condition}/metrics.csv",
    log:
        "results/logs/collect/{study}/{dataset}/{condition}.log",


rule tables:
    input:
        metrics="results/tables/{study}/metrics.csv",
        differences="results/tables/{study}/differences.csv",
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
        code=code_digest(["reporting.tables"]),
    shell:
        "python -m imbalance_aware tables --metrics {input.metrics:q} {params.arguments} --out {params.folder:q} 2> {log:q}"


use rule tables as table_of_small_batches with:
    input:
        metrics="results/tables/{study}/metrics.csv",
        published=lambda wildcards: PUBLISHED if study_of(wildcards).settings.published else [],
    output:
        expand("results/tables/{{study}}/{table}.{suffix}", table=BATCH_SIZE_TABLES, suffix=["csv", "md", "tex"]),
        *map(page_of, BATCH_SIZE_TABLES),
    log:
        "results/logs/tables/{study}-small_batches.log",
    params:
        folder=subpath(output[0], parent=True),
        arguments=table_arguments(*BATCH_SIZE_TABLES),
        code=code_digest(["reporting.tables"]),
