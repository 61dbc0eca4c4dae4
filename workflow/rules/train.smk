# Arrays to runs: one job per study, dataset, condition and seed.


rule train:
    input:
        images="results/datasets/{dataset}/images.npy",
        samples="results/datasets/{dataset}/samples.csv",
    output:
        model="results/runs/{study}/{dataset}/{condition}/seed-{seed}/model.pt",
        config="results/runs/{study}/{dataset}/{condition}/seed-{seed}/config.yaml",
        history="results/runs/{study}/{dataset}/{condition}/seed-{seed}/history.csv",
        predictions="results/runs/{study}/{dataset}/{condition}/seed-{seed}/predictions.csv",
        features="results/runs/{study}/{dataset}/{condition}/seed-{seed}/features.npy",
    log:
        "results/logs/train/{study}/{dataset}/{condition}/seed-{seed}.log",
    benchmark:
        "results/benchmarks/train/{study}/{dataset}/{condition}/seed-{seed}.tsv"
    group:
        "run"
    conda:
        train_environment
    # One thread, so that the bytes do not depend on the machine; several runs side by side use its cores better.
    threads: 1
    resources:
        # More than twice what docs/benchmarks.md measured on a CPU with the paper's settings, to leave room for CUDA.
        mem_mb=lambda wildcards: {"images": 4000, "volumes": 8000}[dataset_of(wildcards).kind],
        runtime=720,
        gpu=lambda wildcards: int(study_of(wildcards).training.device != "cpu"),
    params:
        folder=subpath(output.model, parent=True),
        settings=train_settings,
        code=train_code,
    shell:
        "python -m imbalance_aware train --images {input.images:q} --samples {input.samples:q}"
        " --settings {params.settings:q} --seed {wildcards.seed} --code {params.code} --threads {threads}"
        " --out {params.folder:q} 2> {log:q}"


# For a machine without Snakemake: snakemake results/bundles/paper/glaucoma.tar
rule bundle:
    input:
        images="results/datasets/{dataset}/images.npy",
        samples="results/datasets/{dataset}/samples.csv",
    output:
        "results/bundles/{study}/{dataset}.tar",
    log:
        "results/logs/bundle/{study}/{dataset}.log",
    benchmark:
        "results/benchmarks/bundle/{study}/{dataset}.tsv"
    conda:
        "../../envs/train.yaml"
    resources:
        mem_mb=2000,
        runtime=120,
    params:
        settings=bundle_settings,
        seeds=lambda wildcards: study_of(wildcards).settings.seeds,
        code=code_digest(["__main__", "runs.bundle", "runs.train", "runs.train_bundle"]),
    shell:
        "python -m imbalance_aware bundle --images {input.images:q} --samples {input.samples:q}"
        " --study {wildcards.study:q} --dataset {wildcards.dataset:q} --settings {params.settings:q}"
        " --seeds {params.seeds} --out {output:q} 2> {log:q}"
