# Environments that only jobs behind the checkpoint `cohort` use, made known before it.
#
# `--conda-create-envs-only` makes the environments of the jobs that are planned. Until a cohort is listed, no job for one of
# its subjects is.

CONDA = DeploymentMethod.CONDA in workflow.deployment_settings.deployment_method


def mask_environment(wildcards):
    """The step `mask` needs the package brats where a BraTS algorithm segments, and only there."""
    brats = dataset_of(wildcards).preprocessing.mask.method == "brats"
    return "../../envs/brats.yaml" if brats else "../../envs/preprocess.yaml"


def subject_environments(wildcards):
    """The records of all environments in which the subjects of a dataset of volumes are prepared."""
    if not CONDA:
        return []
    names = {"preprocess", "strip", Path(mask_environment(wildcards)).stem}
    return expand("results/environments/{environment}.txt", environment=sorted(names))


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
