# Samples, runs and cohorts to figures, each as a picture for the report and as vectors for print.
#
# The rules are made from the rows of the package's reporting/figure_catalogue.py, which name their inputs as here. A command in a
# loop is put together when its job runs, so that all of a row comes through params.

INPUTS = {
    "metrics": "results/tables/{study}/metrics.csv",
    "published": lambda wildcards: PUBLISHED if study_of(wildcards).settings.published else [],
    "samples_of_datasets": lambda wildcards: expand(
        "results/datasets/{dataset}/samples.csv", dataset=study_of(wildcards).settings.datasets
    ),
    "histories": lambda wildcards: runs_of(wildcards, "history.csv", wildcards.dataset),
    "reports": lambda wildcards: runs_of(wildcards, "metrics.json", wildcards.dataset),
    "features": lambda wildcards: runs_of_first_seed(wildcards, "features.npy"),
    "predictions": lambda wildcards: runs_of_first_seed(wildcards, "predictions.csv"),
    "images": "results/datasets/{dataset}/images.npy",
    "samples": "results/datasets/{dataset}/samples.csv",
    "qc": "results/datasets/{dataset}/qc.csv",
    "slices": of_each_subject("results/datasets/{dataset}/subjects/{subject}/slices.npz"),
    "examples": "results/datasets/{dataset}/augmentation_examples.npz",
}
# Arguments that are no input.
OPTIONS = {
    "sequences": sequence_arguments,
    "subjects": lambda wildcards: f"--subjects results/datasets/{wildcards.dataset}/subjects",
}
# Where ../report/figure.rst finds them. As a param, a caption that is worded otherwise would draw its figure again.
config["captions"] = {figure.name: figure.caption for figure in FIGURES}


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
    params:
        settings=augmentation_settings,
        code=code_digest(["reporting.augmentation_examples"]),
    shell:
        "python -m imbalance_aware augmentation_examples --images {input.images:q} --samples {input.samples:q}"
        " --settings {params.settings:q} --out {output:q} 2> {log:q}"


for figure in FIGURES:

    rule:
        name:
            figure.step
        input:
            **{name: INPUTS[name] for name in (*figure.options, *figure.waits_for) if name in INPUTS},
            files=INPUTS[figure.files] if figure.files else [],
        output:
            png=report(
                f"{figure.path}.png",
                caption="../report/figure.rst",
                category="Figures",
                subcategory="{study}",
                labels={"figure": figure.label, "dataset": "{dataset}" if figure.scope == "dataset" else "all"},
            ),
            pdf=f"{figure.path}.pdf",
        log:
            f"results/logs/{figure.step}/{figure.place}.log",
        conda:
            "../../envs/analysis.yaml"
        params:
            step=figure.step,
            options=figure_options(figure),
            code=code_digest([f"reporting.{figure.step}"]),
        shell:
            "python -m imbalance_aware {params.step} {params.options} --png {output.png:q} --pdf {output.pdf:q}"
            " {input.files:q} 2> {log:q}"
