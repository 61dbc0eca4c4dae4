# Runs and cohorts to figures, each as a picture for the report and as vectors for print.


rule class_distribution:
    input:
        lambda wildcards: expand(
            "results/datasets/{dataset}/samples.csv", dataset=study_of(wildcards).settings.datasets
        ),
    output:
        png=report(
            "results/figures/{study}/figure5_class_distribution.png",
            caption="../report/figure5_class_distribution.rst",
            category="Figures",
            subcategory="{study}",
            labels={"figure": "Class distribution", "dataset": "all"},
        ),
        pdf="results/figures/{study}/figure5_class_distribution.pdf",
    log:
        "results/logs/class_distribution/{study}.log",
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_digest(["reporting.class_distribution"]),
    shell:
        "python -m imbalance_aware class_distribution --png {output.png:q} --pdf {output.pdf:q} {input:q} 2> {log:q}"


rule metric_dots:
    input:
        metrics="results/tables/{study}/metrics.csv",
        published=lambda wildcards: PUBLISHED if study_of(wildcards).settings.published else [],
    output:
        png=report(
            "results/figures/{study}/balanced_accuracy.png",
            caption="../report/balanced_accuracy.rst",
            category="Figures",
            subcategory="{study}",
            labels={"figure": "Balanced accuracy by condition", "dataset": "all"},
        ),
        pdf="results/figures/{study}/balanced_accuracy.pdf",
    log:
        "results/logs/metric_dots/{study}.log",
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        published=published_argument,
        code=code_digest(["reporting.metric_dots"]),
    shell:
        "python -m imbalance_aware metric_dots --metrics {input.metrics:q} {params.published}"
        " --png {output.png:q} --pdf {output.pdf:q} 2> {log:q}"


rule learning_curves:
    input:
        metrics="results/tables/{study}/metrics.csv",
        runs=lambda wildcards: runs_of(wildcards, "history.csv", wildcards.dataset),
    output:
        png=report(
            "results/figures/{study}/{dataset}/learning_curves.png",
            caption="../report/learning_curves.rst",
            category="Figures",
            subcategory="{study}",
            labels={"figure": "Learning curves", "dataset": "{dataset}"},
        ),
        pdf="results/figures/{study}/{dataset}/learning_curves.pdf",
    log:
        "results/logs/learning_curves/{study}/{dataset}.log",
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_digest(["reporting.learning_curves"]),
    shell:
        "python -m imbalance_aware learning_curves --metrics {input.metrics:q} --png {output.png:q} --pdf {output.pdf:q}"
        " {input.runs:q} 2> {log:q}"


rule confusion_matrices:
    input:
        metrics="results/tables/{study}/metrics.csv",
        runs=lambda wildcards: runs_of(wildcards, "metrics.json", wildcards.dataset),
    output:
        png=report(
            "results/figures/{study}/{dataset}/confusion_matrices.png",
            caption="../report/confusion_matrices.rst",
            category="Figures",
            subcategory="{study}",
            labels={"figure": "Confusion matrices", "dataset": "{dataset}"},
        ),
        pdf="results/figures/{study}/{dataset}/confusion_matrices.pdf",
    log:
        "results/logs/confusion_matrices/{study}/{dataset}.log",
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_digest(["reporting.confusion_matrices"]),
    shell:
        "python -m imbalance_aware confusion_matrices --metrics {input.metrics:q}"
        " --png {output.png:q} --pdf {output.pdf:q} {input.runs:q} 2> {log:q}"


rule feature_map:
    input:
        metrics="results/tables/{study}/metrics.csv",
        runs=lambda wildcards: runs_of_first_seed(wildcards, "features.npy"),
        predictions=lambda wildcards: runs_of_first_seed(wildcards, "predictions.csv"),
    output:
        png=report(
            "results/figures/{study}/{dataset}/figure2_feature_map.png",
            caption="../report/figure2_feature_map.rst",
            category="Figures",
            subcategory="{study}",
            labels={"figure": "t-SNE of the features", "dataset": "{dataset}"},
        ),
        pdf="results/figures/{study}/{dataset}/figure2_feature_map.pdf",
    log:
        "results/logs/feature_map/{study}/{dataset}.log",
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_digest(["reporting.feature_map"]),
    shell:
        "python -m imbalance_aware feature_map --metrics {input.metrics:q} --png {output.png:q} --pdf {output.pdf:q}"
        " {input.runs:q} 2> {log:q}"
