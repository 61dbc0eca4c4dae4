# What a journal asks for: reporting checklists, a methods section, a paragraph on class imbalance.


rule journal:
    input:
        datasets=tables_of_datasets,
        configs=lambda wildcards: trainings_of_study(wildcards, "config.yaml"),
        verdict="results/tables/{study}/verdict.json",
        values="results/tables/{study}/values.csv",
        comparisons="results/tables/{study}/comparisons.csv",
        installed=ancient(installed_for_study),
    output:
        expand("results/tables/{{study}}/journal/{file}", file=JOURNAL),
    log:
        "results/logs/journal/{study}.log",
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    params:
        folder=subpath(output[0], parent=True),
        tables=subpath(input.verdict, parent=True),
        datasets=lambda wildcards: [here(f"results/datasets/{name}") for name in study_of(wildcards).settings.datasets],
        settings=journal_argument,
        # The commit alone is no reason to write the texts again, so it is no param that Snakemake compares.
        revision=lambda wildcards, input: option("revision", revision()),
        checklists=ITEMS,
        stated=STATED,
        content=[digest(path)[:16] for path in (ITEMS, *STATED)],
        templates=templates_digest(STUDY_TEMPLATES),
        code=code_digest(["journal.journal"]),
    shell:
        "python -m imbalance_aware journal --study {wildcards.study:q} --settings {params.settings:q}"
        " --items {params.checklists:q} --datasets {params.datasets:q} --tables {params.tables:q}"
        " --configs {input.configs:q} --environments {params.stated:q} {input.installed:q} {params.revision}"
        " --out {params.folder:q} 2> {log:q}"
