# Arrays to runs: one job per study, dataset, condition and seed; of a cross-validated dataset one per repeat and fold too.


rule train:
    input:
        images="results/datasets/{dataset}/images.npy",
        samples="results/datasets/{dataset}/samples.csv",
    output:
        **optional_outputs("results/runs/{study}/{dataset}/{condition}/seed-{seed}"),
        model="results/runs/{study}/{dataset}/{condition}/seed-{seed}/model.pt",
        config="results/runs/{study}/{dataset}/{condition}/seed-{seed}/config.yaml",
        history="results/runs/{study}/{dataset}/{condition}/seed-{seed}/history.csv",
        predictions="results/runs/{study}/{dataset}/{condition}/seed-{seed}/predictions.csv",
        features="results/runs/{study}/{dataset}/{condition}/seed-{seed}/features.npy",
    log:
        "results/logs/train/{study}/{dataset}/{condition}/seed-{seed}.log",
    benchmark:
        "results/benchmarks/train/{study}/{dataset}/{condition}/seed-{seed}.tsv"
    wildcard_constraints:
        study=NOT_TUNED,
        dataset=NOT_IN_FOLDS,
        condition=TRAINED,
    group:
        "run"
    conda:
        TRAIN_ENVIRONMENT
    # One thread, so that results do not depend on the machine; several runs at once use its cores better.
    threads: 1
    resources:
        # More than twice what docs/benchmarks.md measured on a CPU with the paper's settings, to leave room for CUDA.
        mem_mb=growing(lambda wildcards: {"images": 4000, "volumes": 8000}[dataset_of(wildcards).kind]),
        runtime=growing(720),
        gpu=lambda wildcards: int(study_of(wildcards).training.device != "cpu"),
    params:
        folder=subpath(output.model, parent=True),
        fold="",
        settings=train_settings,
        seed=lambda wildcards: wildcards.seed,
        code=train_code,
        weights=weights_option,
    shell:
        "python -m imbalance_aware train --images {input.images:q} --samples {input.samples:q} {params.fold}"
        " --settings {params.settings:q} --seed {params.seed} --code {params.code} --threads {threads}"
        " {params.weights} --out {params.folder:q} 2> {log:q}"
        f"{WITH_OPTIONAL}"


# A group of its own: in that of the replicate, a cluster would train all its folds in one job.
use rule train as train_fold with:
    input:
        images="results/datasets/{dataset}/images.npy",
        samples="results/datasets/{dataset}/samples.csv",
        folds=folds_table,
    output:
        **optional_outputs("results/runs/{study}/{dataset}/{condition}/{replicate}/fold-{fold}"),
        model="results/runs/{study}/{dataset}/{condition}/{replicate}/fold-{fold}/model.pt",
        config="results/runs/{study}/{dataset}/{condition}/{replicate}/fold-{fold}/config.yaml",
        history="results/runs/{study}/{dataset}/{condition}/{replicate}/fold-{fold}/history.csv",
        predictions="results/runs/{study}/{dataset}/{condition}/{replicate}/fold-{fold}/predictions.csv",
        features="results/runs/{study}/{dataset}/{condition}/{replicate}/fold-{fold}/features.npy",
    log:
        "results/logs/train/{study}/{dataset}/{condition}/{replicate}/fold-{fold}.log",
    benchmark:
        "results/benchmarks/train/{study}/{dataset}/{condition}/{replicate}/fold-{fold}.tsv"
    wildcard_constraints:
        study=NOT_TUNED,
        dataset="[^/]+",
        condition=TRAINED,
    group:
        "fold"
    params:
        folder=subpath(output.model, parent=True),
        fold=lambda wildcards, input: shlex.join(["--folds", input.folds, "--fold", wildcards.fold]),
        settings=train_settings,
        seed=lambda wildcards: read_replicate(wildcards.replicate)[0],
        code=train_code,
        weights=weights_option,


# For a machine without Snakemake: snakemake results/bundles/paper/glaucoma.tar
rule bundle:
    input:
        images="results/datasets/{dataset}/images.npy",
        samples="results/datasets/{dataset}/samples.csv",
        folds=all_folds_tables,
    output:
        "results/bundles/{study}/{dataset}.tar",
    log:
        "results/logs/bundle/{study}/{dataset}.log",
    benchmark:
        "results/benchmarks/bundle/{study}/{dataset}.tsv"
    conda:
        "../../envs/train.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(120),
    params:
        settings=bundle_settings,
        folds=named_inputs(["folds"]),
        seeds=lambda wildcards: study_of(wildcards).settings.seeds,
        weights=weights_option,
        code=code_digest(["__main__", "runs.bundle", "runs.train", "runs.train_bundle"]),
    shell:
        "python -m imbalance_aware bundle --images {input.images:q} --samples {input.samples:q} {params.folds}"
        " --study {wildcards.study:q} --dataset {wildcards.dataset:q} --settings {params.settings:q}"
        " --seeds {params.seeds} {params.weights} --out {output:q} 2> {log:q}"
