# All that a study shows, as one page that opens anywhere.

from imbalance_aware.report.code import report_code


rule report_page:
    input:
        verdict=multiext("results/tables/{study}/verdict", ".json", ".md"),
        statistics=expand(
            "results/tables/{{study}}/{table}.csv", table=[*STATISTICS, "metrics", "cohort_metrics", "failures"]
        ),
        tables=lambda wildcards: expand(
            "{table}.{suffix}", table=tables_of(study_of(wildcards).name), suffix=["csv", "html", "md", "tex"]
        ),
        figures=lambda wildcards: expand(
            "{figure}.{suffix}", figure=figures_of(study_of(wildcards).name), suffix=["png", "pdf"]
        ),
        folds=folds_of_study,
        records=lambda wildcards: trainings_of_study(wildcards, "config.yaml"),
        data=data_of_study,
        histories=lambda wildcards: trainings_of_study(wildcards, "history.csv"),
    output:
        "results/report/{study}.html",
    log:
        "results/logs/report_page/{study}.log",
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    params:
        settings=report_settings,
        code=report_code(),
    shell:
        "python -m imbalance_aware report --study {wildcards.study:q} --settings {params.settings:q}"
        f"{WITH_RESULTS} --out {{output:q}} 2> {{log:q}}"
