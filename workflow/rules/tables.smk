# Metrics to tables: our results, with the published values where there are any.

from dataclasses import dataclass
from typing import Callable

from imbalance_aware.reporting.table_catalogue import (
    CLAIMS,
    COHORTS,
    COMPARISON,
    ENSEMBLES,
    OVERFITTING,
    PUBLISHED_CELLS,
    TABLES,
    TUNING,
)


@dataclass(frozen=True)
class TableJob:
    """What one job of the command `tables` makes: which tables, of which inputs (option -> file), for which studies."""

    tables: list[str]
    inputs: dict[str, str | Callable]
    of: Callable = lambda study: True
    settings: str = ""


STUDY = "results/tables/{study}"
TABLE_JOBS = {
    "tables": TableJob(
        tables=[*(name for name, table in TABLES.items() if not table.only), COMPARISON],
        inputs={
            "comparison": f"{STUDY}/comparisons.csv",
            "references": f"{STUDY}/values.csv",
            "ranks": f"{STUDY}/ranks.csv",
            "published": published_if_shown,
        },
    ),
    "table_of_small_batches": TableJob(
        tables=[name for name, table in TABLES.items() if table.only == "own_batch_size"],
        inputs={
            "references": f"{STUDY}/values.csv",
            "ranks": f"{STUDY}/ranks.csv",
            "published": published_if_shown,
        },
        of=lambda study: study.training.batch_size != CONFIG.training.batch_size,
    ),
    "table_of_temperatures": TableJob(
        tables=[name for name, table in TABLES.items() if table.only == "validation"],
        inputs={},
        of=lambda study: not study.validation_metrics.keys().isdisjoint(study.settings.datasets),
    ),
    "table_of_published_cells": TableJob(
        tables=[PUBLISHED_CELLS],
        inputs={"values": f"{STUDY}/values.csv", "published": PUBLISHED},
        of=lambda study: study.settings.published,
    ),
    "table_of_claims": TableJob(
        tables=[CLAIMS],
        inputs={"claims": f"{STUDY}/claim_estimates.csv", "stated": CLAIMED, "published": PUBLISHED},
        of=lambda study: study.settings.recomputes_claims,
    ),
    "table_of_ensembles": TableJob(
        tables=[ENSEMBLES],
        inputs={"ensembles": f"{STUDY}/ensemble_metrics.csv"},
        of=lambda study: bool(with_ensembles(study)),
    ),
    "table_of_cohorts": TableJob(tables=[COHORTS], inputs={"cohorts": f"{STUDY}/cohort_metrics.csv"}),
    "table_of_tuning": TableJob(tables=[TUNING], inputs={}, of=lambda study: bool(study.grids), settings="--tuning"),
    "table_of_overfitting": TableJob(
        tables=[OVERFITTING], inputs={}, settings=option("overfitting", CONFIG.evaluation.primary)
    ),
}


rule collect:
    input:
        lambda wildcards: runs_of(wildcards, "metrics.json"),
    output:
        "results/tables/{study}/metrics.csv",
    log:
        "results/logs/collect/{study}.log",
    localrule: True
    conda:
        "../../envs/analysis.yaml"
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
    localrule: True


use rule collect as collect_ensembles with:
    input:
        ensembles_of,
    output:
        "results/tables/{study}/ensemble_metrics.csv",
    log:
        "results/logs/collect/{study}-ensembles.log",
    localrule: True


# The command of a rule made in a loop is formatted only when its job runs, so all values of a row are passed as params.
for name, job in TABLE_JOBS.items():

    rule:
        name:
            name
        input:
            **job.inputs,
            trials=trials_if_tuned,
            metrics="results/tables/{study}/metrics.csv",
        output:
            expand("results/tables/{{study}}/{table}.{suffix}", table=job.tables, suffix=["csv", "md", "tex"]),
            *(
                report(
                    f"results/tables/{{study}}/{table}.html",
                    caption=f"../report/{table}.rst",
                    category="Tables",
                    subcategory="{study}",
                    labels={"table": table},
                )
                for table in job.tables
            ),
        log:
            f"results/logs/{name}/{{study}}.log",
        localrule: True
        conda:
            "../../envs/analysis.yaml"
        params:
            folder=subpath(output[0], parent=True),
            inputs=named_inputs([*job.inputs, "trials"]),
            settings=job.settings,
            tables=[table for table in job.tables if table in TABLES],
            unit=CONFIG.evaluation.unit,
            code=code_digest(["reporting.tables"]),
        shell:
            "python -m imbalance_aware tables --metrics {input.metrics:q} --unit {params.unit} {params.inputs}"
            " {params.settings} --tables {params.tables} --out {params.folder:q} 2> {log:q}"
