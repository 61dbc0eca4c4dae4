# Runs of a study, all together, to numbers: intervals, comparisons, ranks; each cohort; who is classified wrongly.

# What `statistics` writes.
STATISTICS = ["values", "comparisons", "ranks", "effects"]


# Of all runs of a study together: what is known of seeds is shared by its conditions.
rule statistics:
    input:
        samples=lambda wildcards: files_of_datasets(wildcards, "samples.csv"),
        folds=folds_of_study,
        predictions=lambda wildcards: runs_of(wildcards, "predictions.csv"),
        validation=declared(validation_tables),
    output:
        expand("results/tables/{{study}}/{table}.csv", table=STATISTICS),
    log:
        "results/logs/statistics/{study}.log",
    benchmark:
        "results/benchmarks/statistics/{study}.tsv"
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        folder=subpath(output[0], parent=True),
        folds=named_inputs(["folds"]),
        validation=validations_of,
        evaluation=evaluation_settings,
        context=contexts_of,
        conditions=condition_columns,
        code=code_digest(["evaluation.compare"]),
    shell:
        "python -m imbalance_aware statistics --evaluation {params.evaluation:q} --conditions {params.conditions:q}"
        " --context {params.context:q} --samples {input.samples:q} {params.folds} {params.validation}"
        " --out {params.folder:q} --predictions {input.predictions:q} 2> {log:q}"


# Of each cohort and subgroup; all of it from predictions, since intervals need the single patients.
rule cohort_metrics:
    input:
        lambda wildcards: runs_of(wildcards, "predictions.csv"),
    output:
        "results/tables/{study}/cohort_metrics.csv",
    log:
        "results/logs/cohort_metrics/{study}.log",
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        code=code_digest(["evaluation.by_cohort"]),
    shell:
        "python -m imbalance_aware cohort_metrics --out {output:q} {input:q} 2> {log:q}"


# Who is classified wrongly, by how many conditions and with what confidence.
rule failures:
    input:
        lambda wildcards: runs_of(wildcards, "predictions.csv"),
    output:
        "results/tables/{study}/failures.csv",
    log:
        "results/logs/failures/{study}.log",
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    params:
        code=code_digest(["evaluation.failures"]),
    shell:
        "python -m imbalance_aware failures --out {output:q} {input:q} 2> {log:q}"
