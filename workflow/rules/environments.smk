# Environments that are used only by jobs after the checkpoint `cohort`, requested before it.
# `--conda-create-envs-only` creates the environments of all planned jobs. Jobs for the subjects of a cohort are planned
# only after the cohort is listed.


rule environment:
    output:
        "results/environments/{environment}.txt",
    log:
        "results/logs/environment/{environment}.log",
    wildcard_constraints:
        environment="[a-z]+",
    localrule: True
    conda:
        "../../envs/{environment}.yaml"
    shell:
        "python -m pip freeze > {output:q} 2> {log:q}"
