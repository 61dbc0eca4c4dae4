# Environments that only jobs behind the checkpoint `cohort` use, made known before it.
#
# `--conda-create-envs-only` makes the environments of the jobs that are planned. Until a cohort is listed, no job for one of
# its subjects is.


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
