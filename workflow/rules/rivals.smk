# Trained networks to rivals: classifiers on their features, each a condition like those that are trained.
#
# They need a trained run and change nothing of it, so that they can be added to runs that are done.


rule part_features:
    input:
        model="results/runs/{study}/{dataset}/{condition}/{replicate}/model.pt",
        images="results/datasets/{dataset}/images.npy",
        samples="results/datasets/{dataset}/samples.csv",
    output:
        "results/runs/{study}/{dataset}/{condition}/{replicate}/part_features.npz",
    log:
        "results/logs/part_features/{study}/{dataset}/{condition}/{replicate}.log",
    benchmark:
        "results/benchmarks/part_features/{study}/{dataset}/{condition}/{replicate}.tsv"
    wildcard_constraints:
        dataset=NOT_IN_FOLDS,
        condition=TRAINED,
    group:
        "rivals"
    conda:
        TRAIN_ENVIRONMENT
    threads: 1
    resources:
        mem_mb=growing(lambda wildcards: {"images": 4000, "volumes": 8000}[dataset_of(wildcards).kind]),
        runtime=growing(60),
    params:
        fold="",
        code=code_digest(["rivals.keep_features"]),
    shell:
        "python -m imbalance_aware part_features --model {input.model:q} --images {input.images:q}"
        " --samples {input.samples:q} {params.fold} --device cpu --threads {threads} --out {output:q} 2> {log:q}"


use rule part_features as part_features_of_fold with:
    input:
        model="results/runs/{study}/{dataset}/{condition}/{replicate}/fold-{fold}/model.pt",
        images="results/datasets/{dataset}/images.npy",
        samples="results/datasets/{dataset}/samples.csv",
        folds=folds_table,
    output:
        "results/runs/{study}/{dataset}/{condition}/{replicate}/fold-{fold}/part_features.npz",
    log:
        "results/logs/part_features/{study}/{dataset}/{condition}/{replicate}/fold-{fold}.log",
    benchmark:
        "results/benchmarks/part_features/{study}/{dataset}/{condition}/{replicate}/fold-{fold}.tsv"
    wildcard_constraints:
        dataset="[^/]+",
        condition=TRAINED,
    params:
        fold=lambda wildcards, input: shlex.join(["--folds", input.folds, "--fold", wildcards.fold]),
        code=code_digest(["rivals.keep_features"]),


rule rival:
    input:
        features="results/runs/{study}/{dataset}/{condition}/{replicate}/part_features.npz",
        config="results/runs/{study}/{dataset}/{condition}/{replicate}/config.yaml",
        samples="results/datasets/{dataset}/samples.csv",
    output:
        **optional_outputs("results/runs/{study}/{dataset}/{condition}+{rival}/{replicate}"),
        predictions="results/runs/{study}/{dataset}/{condition}+{rival}/{replicate}/predictions.csv",
        config="results/runs/{study}/{dataset}/{condition}+{rival}/{replicate}/config.yaml",
    log:
        "results/logs/rival/{study}/{dataset}/{condition}+{rival}/{replicate}.log",
    benchmark:
        "results/benchmarks/rival/{study}/{dataset}/{condition}+{rival}/{replicate}.tsv"
    wildcard_constraints:
        dataset=NOT_IN_FOLDS,
        condition=TRAINED,
    group:
        "rivals"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(20),
    params:
        folder=subpath(output.config, parent=True),
        primary=primary_of_rival,
        code=rival_code,
    shell:
        "python -m imbalance_aware rival --rival {wildcards.rival} --features {input.features:q} --config {input.config:q}"
        " --samples {input.samples:q} {params.primary} --code {params.code} --out {params.folder:q} 2> {log:q}"
        f"{WITH_OPTIONAL}"


use rule rival as rival_of_fold with:
    input:
        features="results/runs/{study}/{dataset}/{condition}/{replicate}/fold-{fold}/part_features.npz",
        config="results/runs/{study}/{dataset}/{condition}/{replicate}/fold-{fold}/config.yaml",
        samples="results/datasets/{dataset}/samples.csv",
    output:
        **optional_outputs("results/runs/{study}/{dataset}/{condition}+{rival}/{replicate}/fold-{fold}"),
        predictions="results/runs/{study}/{dataset}/{condition}+{rival}/{replicate}/fold-{fold}/predictions.csv",
        config="results/runs/{study}/{dataset}/{condition}+{rival}/{replicate}/fold-{fold}/config.yaml",
    log:
        "results/logs/rival/{study}/{dataset}/{condition}+{rival}/{replicate}/fold-{fold}.log",
    benchmark:
        "results/benchmarks/rival/{study}/{dataset}/{condition}+{rival}/{replicate}/fold-{fold}.tsv"
    wildcard_constraints:
        dataset="[^/]+",
        condition=TRAINED,


# Without a model card: there is no network that is the rival's alone.
use rule evaluate_pooled as evaluate_rival with:
    input:
        predictions="results/runs/{study}/{dataset}/{condition}/{replicate}/predictions.csv",
        samples="results/datasets/{dataset}/samples.csv",
        folds=folds_if_any,
        configs=[],
        parts=declared(part_tables),
    output:
        metrics="results/runs/{study}/{dataset}/{condition}/{replicate}/metrics.json",
    wildcard_constraints:
        dataset="[^/]+",
        condition=OF_RIVAL,
    localrule: True
    params:
        folds=named_inputs(["folds"]),
        context=context_argument,
        parts=part_arguments,
        card="",
        about="",
        templates="",
        code=code_digest(["evaluation.evaluate"]),
