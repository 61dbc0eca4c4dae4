# Cohort to arrays: photographs to one size; then all samples, photographs or volumes, into one file.


rule resize:
    input:
        cohort="results/datasets/{dataset}/cohort.csv",
        source=declared(generated_source),
    output:
        temp(directory("results/datasets/{dataset}/preprocessed")),
    log:
        "results/logs/resize/{dataset}.log",
    benchmark:
        "results/benchmarks/resize/{dataset}.tsv"
    group:
        "dataset"
    conda:
        "../../envs/preprocess.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        settings=settings_for("resize"),
        code=code_digest(["preprocessing.resize"]),
    shell:
        f"python -m imbalance_aware resize --cohort {TABLE_TO_RESIZE} --settings {{params.settings:q}} --out {{output:q}}"
        " 2> {log:q}"


rule pack:
    input:
        cohort=cohort_to_pack,
        preprocessed=arrays_to_pack,
    output:
        images="results/datasets/{dataset}/images.npy",
        samples="results/datasets/{dataset}/samples.csv",
    log:
        "results/logs/pack/{dataset}.log",
    benchmark:
        "results/benchmarks/pack/{dataset}.tsv"
    group:
        "dataset"
    conda:
        "../../envs/preprocess.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        folder=lambda wildcards: here(preprocessed_folder(wildcards)),
        classes=class_arguments,
        subgroups=subgroup_arguments,
        code=code_digest(["preprocessing.pack"]),
    shell:
        "python -m imbalance_aware pack --cohort {input.cohort:q} --preprocessed {params.folder:q}"
        " --images {output.images:q} --samples {output.samples:q} {params.classes} {params.subgroups} 2> {log:q}"


# Of a cross-validated dataset: who is tested by which model. One file per repeat, so that more repeats change none.
rule folds:
    input:
        cohort="results/datasets/{dataset}/cohort.csv",
        duplicates="results/datasets/{dataset}/duplicates.csv",
        samples="results/datasets/{dataset}/samples.csv",
    output:
        "results/datasets/{dataset}/folds/repeat-{repeat}.csv",
    log:
        "results/logs/folds/{dataset}/repeat-{repeat}.log",
    group:
        "dataset"
    conda:
        "../../envs/preprocess.yaml"
    params:
        settings=settings_for("folds"),
        code=code_digest(["cohort.list_folds"]),
    shell:
        "python -m imbalance_aware folds --samples {input.samples:q} --duplicates {input.duplicates:q}"
        " --cohort {input.cohort:q} --settings {params.settings:q} --repeat {wildcards.repeat} --out {output:q} 2> {log:q}"
