# Samples to figures that show what the images look like, before and in training.


rule sequences:
    input:
        images="results/datasets/{dataset}/images.npy",
        samples="results/datasets/{dataset}/samples.csv",
        qc="results/datasets/{dataset}/qc.csv",
        slices=of_each_subject("results/datasets/{dataset}/subjects/{subject}/slices.npz"),
    output:
        png=report(
            "results/figures/{study}/{dataset}/figure3_sequences.png",
            caption="../report/figure3_sequences.rst",
            category="Figures",
            subcategory="{study}",
            labels={"figure": "Sequences", "dataset": "{dataset}"},
        ),
        pdf="results/figures/{study}/{dataset}/figure3_sequences.pdf",
    log:
        "results/logs/sequences/{study}/{dataset}.log",
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        sequences=sequences_of,
        subjects="results/datasets/{dataset}/subjects",
        code=code_digest(["reporting.sequences"]),
    shell:
        "python -m imbalance_aware sequences --sequences {params.sequences} --images {input.images:q}"
        " --samples {input.samples:q} --qc {input.qc:q} --subjects {params.subjects:q}"
        " --png {output.png:q} --pdf {output.pdf:q} 2> {log:q}"


rule augmentation_examples:
    input:
        images="results/datasets/{dataset}/images.npy",
        samples="results/datasets/{dataset}/samples.csv",
    output:
        "results/datasets/{dataset}/augmentation_examples.npz",
    log:
        "results/logs/augmentation_examples/{dataset}.log",
    conda:
        "../../envs/train.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        settings=augmentation_settings,
        code=code_digest(["reporting.augmentation_examples"]),
    shell:
        "python -m imbalance_aware augmentation_examples --images {input.images:q} --samples {input.samples:q}"
        " --settings {params.settings:q} --out {output:q} 2> {log:q}"


rule augmentations:
    input:
        "results/datasets/{dataset}/augmentation_examples.npz",
    output:
        png=report(
            "results/figures/{study}/{dataset}/figure4_augmentations.png",
            caption="../report/figure4_augmentations.rst",
            category="Figures",
            subcategory="{study}",
            labels={"figure": "Augmentation", "dataset": "{dataset}"},
        ),
        pdf="results/figures/{study}/{dataset}/figure4_augmentations.pdf",
    log:
        "results/logs/augmentations/{study}/{dataset}.log",
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        sequences=sequence_arguments,
        code=code_digest(["reporting.augmentation_figure"]),
    shell:
        "python -m imbalance_aware augmentations {input:q} {params.sequences} --png {output.png:q} --pdf {output.pdf:q}"
        " 2> {log:q}"
