# What a study answers: the paper's claims, and its own verdict.


# The paper's claims, from the runs on those datasets that take the place of its own.
rule claims:
    input:
        claims=CLAIMED,
        predictions=runs_on_stand_ins,
    output:
        "results/tables/{study}/claim_estimates.csv",
    log:
        "results/logs/claims/{study}.log",
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        stand_ins=lambda wildcards: json.dumps(study_of(wildcards).settings.stand_ins()),
        unit=CONFIG.evaluation.unit,
        code=code_digest(["evaluation.claims"]),
    shell:
        "python -m imbalance_aware claims --claims {input.claims:q} --stand-ins {params.stand_ins:q}"
        " --unit {params.unit} --out {output:q} {input.predictions:q} 2> {log:q}"


# What the study shows, in words; first in the report.
rule verdict:
    input:
        tables=expand("results/tables/{{study}}/{table}.csv", table=STATISTICS),
        metrics="results/tables/{study}/metrics.csv",
        samples=lambda wildcards: files_of_datasets(wildcards, "samples.csv"),
        duplicates=lambda wildcards: files_of_datasets(wildcards, "duplicates.csv"),
        folds=folds_of_study,
        trials=trials_if_tuned,
    output:
        "results/tables/{study}/verdict.json",
        "results/tables/{study}/verdict.md",
        report(
            "results/tables/{study}/verdict.html",
            caption="../report/verdict.rst",
            category="Answer",
            subcategory="{study}",
            labels={"page": "verdict"},
        ),
    log:
        "results/logs/verdict/{study}.log",
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    params:
        folder=subpath(output[0], parent=True),
        folds=named_inputs(["folds", "trials"]),
        evaluation=evaluation_settings,
        code=code_digest(["reporting.verdict"]),
    shell:
        "python -m imbalance_aware verdict --study {wildcards.study:q} --evaluation {params.evaluation:q}"
        " --tables {params.folder:q} --metrics {input.metrics:q} --samples {input.samples:q}"
        " --duplicates {input.duplicates:q} {params.folds} --out {params.folder:q} 2> {log:q}"
