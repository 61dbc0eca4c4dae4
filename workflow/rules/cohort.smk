# Sources to cohort: included and excluded subjects, with reasons.


rule phantoms:
    output:
        directory("results/phantoms/{dataset}"),
    log:
        "results/logs/phantoms/{dataset}.log",
    wildcard_constraints:
        dataset="|".join(GENERATED) or "(?!)",
    conda:
        "../../envs/preprocess.yaml"
    params:
        settings=settings_for("phantoms"),
        code=generator_code,
    shell:
        "python -m imbalance_aware phantoms --settings {params.settings:q} --out {output:q} 2> {log:q}"


# A checkpoint, because which subjects there are to preprocess is known only when it has run.
checkpoint cohort:
    input:
        source=generated_source,
    output:
        cohort="results/datasets/{dataset}/cohort.csv",
        duplicates="results/datasets/{dataset}/duplicates.csv",
        flow="results/datasets/{dataset}/flow.csv",
    log:
        "results/logs/cohort/{dataset}.log",
    benchmark:
        "results/benchmarks/cohort/{dataset}.tsv"
    conda:
        "../../envs/preprocess.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        settings=settings_for("cohort"),
        source=named_inputs(["source"]),
        fingerprint=lambda wildcards: explained(fingerprint, dataset_of(wildcards)),
        code=cohort_code,
    shell:
        "python -m imbalance_aware cohort --settings {params.settings:q} {params.source} --out {output.cohort:q}"
        " --duplicates {output.duplicates:q} --flow {output.flow:q} 2> {log:q}"


PAGES = {
    "duplicates": "Exact duplicates",
    "flow": "Found, excluded, included",
    "preprocessed_flow": "Found, excluded, included",
    "qc": "Quality control",
}


rule cohort_page:
    input:
        "results/datasets/{dataset}/{table}.csv",
    output:
        report(
            "results/datasets/{dataset}/{table}.html",
            caption="../report/cohort_page.rst",
            category="Data",
            labels={"dataset": "{dataset}", "table": "{table}"},
        ),
    log:
        "results/logs/cohort_page/{dataset}/{table}.log",
    wildcard_constraints:
        table="|".join(PAGES),
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    params:
        title=lambda wildcards: PAGES[wildcards.table],
        code=code_digest(["reporting.html_table"]),
    shell:
        "python -m imbalance_aware html_table --table {input:q} --title {params.title:q} --out {output:q} 2> {log:q}"
