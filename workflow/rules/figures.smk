# Samples, runs and cohorts to figures, each as a picture for the report and as vectors for print.
#
# The rules are made from the rows of the package's reporting/figure_catalogue.py, which name their inputs as here. The
# command of a rule made in a loop is formatted only when its job runs, so all values of a row are passed as params.

INPUTS = {
    "metrics": "results/tables/{study}/metrics.csv",
    "values": "results/tables/{study}/values.csv",
    "comparisons": "results/tables/{study}/comparisons.csv",
    "ranks": "results/tables/{study}/ranks.csv",
    "published": published_if_shown,
    "samples_of_datasets": lambda wildcards: files_of_datasets(wildcards, "samples.csv"),
    "histories": lambda wildcards: trainings_of(wildcards, "history.csv"),
    "reports": lambda wildcards: runs_of(wildcards, "metrics.json", [wildcards.dataset]),
    "features": lambda wildcards: first_trainings_of(wildcards, "features.npy"),
    "predictions": lambda wildcards: first_trainings_of(wildcards, "predictions.csv"),
    "run_predictions": lambda wildcards: runs_of(wildcards, "predictions.csv", [wildcards.dataset]),
    "images": "results/datasets/{dataset}/images.npy",
    "samples": "results/datasets/{dataset}/samples.csv",
    "qc": "results/datasets/{dataset}/qc.csv",
    "slices": of_each_subject("results/datasets/{dataset}/subjects/{subject}/slices.npz"),
    "examples": "results/datasets/{dataset}/augmentation_examples.npz",
    "maps": "results/explanations/{study}/{dataset}/maps.npz",
    "similarity": "results/explanations/{study}/{dataset}/similarity.csv",
}
# Arguments that are not inputs.
OPTIONS = {
    "design": design_argument,
    "unit": lambda wildcards: f"--unit {CONFIG.evaluation.unit}",
    "dataset": lambda wildcards: f"--dataset {wildcards.dataset}",
    "relevant": lambda wildcards: f"--relevant-difference {CONFIG.evaluation.relevant_difference}",
    "context": context_argument,
    "sequences": sequence_arguments,
    "subjects": lambda wildcards: f"--subjects {here(f'results/datasets/{wildcards.dataset}/subjects')}",
}
# Captions for ../report/figure.rst. They are not params, because editing a caption would redraw its figure.
config["captions"] = {figure.name: figure.caption for figure in FIGURES}


rule augmentation_examples:
    input:
        images="results/datasets/{dataset}/images.npy",
        samples="results/datasets/{dataset}/samples.csv",
    output:
        "results/datasets/{dataset}/augmentation_examples.npz",
    log:
        "results/logs/augmentation_examples/{dataset}.log",
    localrule: True
    conda:
        "../../envs/train.yaml"
    params:
        settings=augmentation_settings,
        code=code_digest(["reporting.augmentation_examples"]),
    shell:
        "python -m imbalance_aware augmentation_examples --images {input.images:q} --samples {input.samples:q}"
        " --settings {params.settings:q} --out {output:q} 2> {log:q}"


# Of the first run of the best condition, which only the ranks tell, so that all conditions are inputs.
rule explanations:
    input:
        ranks="results/tables/{study}/ranks.csv",
        images="results/datasets/{dataset}/images.npy",
        samples="results/datasets/{dataset}/samples.csv",
        models=lambda wildcards: first_trainings_of(wildcards, "model.pt"),
        predictions=lambda wildcards: first_trainings_of(wildcards, "predictions.csv"),
    output:
        maps="results/explanations/{study}/{dataset}/maps.npz",
        similarity="results/explanations/{study}/{dataset}/similarity.csv",
    log:
        "results/logs/explanations/{study}/{dataset}.log",
    benchmark:
        "results/benchmarks/explanations/{study}/{dataset}.tsv"
    conda:
        EXPLAIN_ENVIRONMENT
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
    params:
        baseline=lambda wildcards: study_of(wildcards).baseline,
        code=code_digest(["reporting.explanations"]),
    shell:
        "python -m imbalance_aware explanations --ranks {input.ranks:q} --baseline {params.baseline:q}"
        " --images {input.images:q} --samples {input.samples:q} --maps {output.maps:q}"
        " --similarity {output.similarity:q} {input.models:q} 2> {log:q}"


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
        localrule: True
        conda:
            "../../envs/analysis.yaml"
        params:
            step=figure.step,
            inputs=named_inputs([name for name in figure.options if name in INPUTS]),
            settings=figure_settings(figure),
            code=code_digest([f"reporting.{figure.step}"]),
        shell:
            "python -m imbalance_aware {params.step} {params.inputs} {params.settings} --png {output.png:q}"
            " --pdf {output.pdf:q} {input.files:q} 2> {log:q}"
