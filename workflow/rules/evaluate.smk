# Runs to metrics: computed from predictions alone. The post-hoc adjustment also needs the training set's class counts.
#
# Local rules take seconds: on a cluster they run where Snakemake does. As a group they would be one job, but Snakemake 9.27
# then searches the plan once for every pair of jobs in the group, which takes long where there are many patients.


# All folds of a replicate in one table, which then is what a run with a fixed split has.
rule pool:
    input:
        samples="results/datasets/{dataset}/samples.csv",
        folds=folds_table,
        predictions=predictions_of_folds,
    output:
        "results/runs/{study}/{dataset}/{condition}/{replicate}/predictions.csv",
    log:
        "results/logs/pool/{study}/{dataset}/{condition}/{replicate}.log",
    wildcard_constraints:
        dataset=IN_FOLDS,
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    params:
        code=code_digest(["evaluation.pool"]),
    shell:
        "python -m imbalance_aware pool --samples {input.samples:q} --folds {input.folds:q} --out {output:q}"
        " {input.predictions:q} 2> {log:q}"


rule evaluate_pooled:
    input:
        predictions="results/runs/{study}/{dataset}/{condition}/{replicate}/predictions.csv",
        samples="results/datasets/{dataset}/samples.csv",
        folds=folds_table,
        configs=configs_of_replicate,
        parts=declared(part_tables),
    output:
        metrics="results/runs/{study}/{dataset}/{condition}/{replicate}/metrics.json",
        card="results/runs/{study}/{dataset}/{condition}/{replicate}/model_card.md",
    log:
        "results/logs/evaluate/{study}/{dataset}/{condition}/{replicate}.log",
    wildcard_constraints:
        dataset=IN_FOLDS,
        condition=TRAINED,
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    params:
        folds=named_inputs(["folds"]),
        context=context_argument,
        parts=part_arguments,
        card=card_files,
        about=card_about,
        templates=templates_digest(CARD_TEMPLATES),
        code=code_digest(["evaluation.evaluate"]),
    shell:
        "python -m imbalance_aware evaluate --predictions {input.predictions:q} --samples {input.samples:q}"
        " {params.folds} {params.context} {params.parts} {params.card} {params.about} --out {output.metrics:q} 2> {log:q}"


# With a fixed split, in one job with the training.
use rule evaluate_pooled as evaluate with:
    input:
        predictions="results/runs/{study}/{dataset}/{condition}/{replicate}/predictions.csv",
        samples="results/datasets/{dataset}/samples.csv",
        folds=folds_if_any,
        configs=configs_of_replicate,
        parts=declared(part_tables),
    wildcard_constraints:
        dataset=NOT_IN_FOLDS,
        condition=TRAINED,
    group:
        "run"


# Only on demand: no table is made of the metrics of single folds.
use rule evaluate_pooled as evaluate_fold with:
    input:
        predictions="results/runs/{study}/{dataset}/{condition}/{replicate}/fold-{fold}/predictions.csv",
        samples="results/datasets/{dataset}/samples.csv",
        folds=folds_table,
        configs=["results/runs/{study}/{dataset}/{condition}/{replicate}/fold-{fold}/config.yaml"],
        parts=declared(part_tables),
    output:
        metrics="results/runs/{study}/{dataset}/{condition}/{replicate}/fold-{fold}/metrics.json",
        card="results/runs/{study}/{dataset}/{condition}/{replicate}/fold-{fold}/model_card.md",
    log:
        "results/logs/evaluate/{study}/{dataset}/{condition}/{replicate}/fold-{fold}.log",
    wildcard_constraints:
        dataset="[^/]+",
        condition=TRAINED,
    group:
        "fold"
    params:
        folds=lambda wildcards, input: shlex.join(["--folds", input.folds, "--fold", wildcards.fold]),
        context=context_argument,
        parts=part_arguments,
        card=card_files,
        about=card_about,
        templates=templates_digest(CARD_TEMPLATES),
        code=code_digest(["evaluation.evaluate"]),


# The mean over the seeds of a study, where all have the same test set.
rule ensemble:
    input:
        samples="results/datasets/{dataset}/samples.csv",
        predictions=lambda wildcards: runs_of(wildcards, "predictions.csv", [wildcards.dataset], [wildcards.condition]),
    output:
        "results/runs/{study}/{dataset}/{condition}/ensemble/predictions.csv",
    log:
        "results/logs/ensemble/{study}/{dataset}/{condition}.log",
    wildcard_constraints:
        dataset=NOT_IN_FOLDS,
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    params:
        code=code_digest(["evaluation.ensemble"]),
    shell:
        "python -m imbalance_aware ensemble --samples {input.samples:q} --out {output:q} {input.predictions:q} 2> {log:q}"


use rule evaluate_pooled as evaluate_ensemble with:
    input:
        predictions=ensemble_predictions,
        samples="results/datasets/{dataset}/samples.csv",
    output:
        metrics="results/runs/{study}/{dataset}/{condition}/ensemble/metrics.json",
    log:
        "results/logs/evaluate/{study}/{dataset}/{condition}/ensemble.log",
    wildcard_constraints:
        dataset="[^/]+",
    localrule: True
    params:
        folds="",
        context=context_argument,
        parts="",
        card="",
        about="",
        templates="",
        code=code_digest(["evaluation.evaluate"]),
