# Environments that are used only by jobs after the checkpoint `cohort`, requested before it.
# `--conda-create-envs-only` creates the environments of all planned jobs. Jobs for the subjects of a cohort are planned
# only after the cohort is listed.


# A rule for each, since `--containerize` takes no name of an environment that depends on wildcards.
for ENVIRONMENT in sorted({"preprocess", "strip", *SEGMENTATIONS}):

    rule:
        name:
            f"environment_{ENVIRONMENT}"
        output:
            f"results/environments/{ENVIRONMENT}.txt",
        log:
            f"results/logs/environment/{ENVIRONMENT}.log",
        localrule: True
        conda:
            f"../../envs/{ENVIRONMENT}.yaml"
        shell:
            "python -m pip freeze > {output:q} 2> {log:q}"
