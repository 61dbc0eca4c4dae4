# Cohort to patches for volumes: registration of each subject's scans to the atlas, brain, tumour, the patch around the
# tumour with its quality control, and the list of included subjects.
# The steps of one subject form one group: on a cluster they are one job. The expensive steps (register, strip) write
# small files that are kept; volumes are never written. The job of a group gets the sum of its steps' minutes, 80 per
# subject. Later steps have higher priority: the first subjects are finished, with their pictures, while others wait, so
# that mistakes show early.

SUBJECT = "results/datasets/{dataset}/subjects/{subject}"
ATLAS_HEAD = "results/datasets/{dataset}/atlas/head.nii.gz"
ATLAS_BRAIN = "results/datasets/{dataset}/atlas/brain.nii.gz"


rule atlas:
    input:
        atlas_source,
    output:
        head=ATLAS_HEAD,
        brain=ATLAS_BRAIN,
    log:
        "results/logs/atlas/{dataset}.log",
    conda:
        "../../envs/preprocess.yaml"
    params:
        source=atlas_folder,
        code=code_digest(["preprocessing.atlas"]),
    shell:
        "python -m imbalance_aware atlas --source {params.source:q} --head {output.head:q} --brain {output.brain:q} 2> {log:q}"


rule register:
    input:
        scans=scans,
        head=ATLAS_HEAD,
        brain=ATLAS_BRAIN,
    output:
        report=f"{SUBJECT}/register.json",
    log:
        "results/logs/register/{dataset}/{subject}.log",
    benchmark:
        "results/benchmarks/register/{dataset}/{subject}.tsv"
    priority: 10
    group:
        "subject"
    conda:
        "../../envs/preprocess.yaml"
    resources:
        runtime=growing(15),
    params:
        settings=settings_for("register"),
        start=start_of,
        volumes=scan_arguments,
        code=code_digest(["preprocessing.register"]),
    shell:
        "python -m imbalance_aware register --settings {params.settings:q} --subject {wildcards.subject:q}"
        " --start {params.start} --volumes {params.volumes} --atlas {input.head:q} --atlas-brain {input.brain:q}"
        " --report {output.report:q} 2> {log:q}"


rule strip:
    input:
        scans=scans,
        brain=ATLAS_BRAIN,
        previous=f"{SUBJECT}/register.json",
    output:
        brain=f"{SUBJECT}/brain.nii.gz",
        report=f"{SUBJECT}/strip.json",
    log:
        "results/logs/strip/{dataset}/{subject}.log",
    benchmark:
        "results/benchmarks/strip/{dataset}/{subject}.tsv"
    priority: 20
    group:
        "subject"
    conda:
        "../../envs/strip.yaml"
    resources:
        mem_mb=growing(lambda wildcards: STRIP_MB[dataset_of(wildcards).preprocessing.brain_extraction.method]),
        runtime=growing(40),
        gpu=strip_gpus,
    params:
        settings=settings_for("strip"),
        volumes=scan_arguments,
        code=code_digest(["preprocessing.strip"]),
    shell:
        "python -m imbalance_aware strip --settings {params.settings:q} --volumes {params.volumes}"
        " --atlas-brain {input.brain:q} --previous {input.previous:q} --out {output.brain:q} --report {output.report:q}"
        " 2> {log:q}"


rule mask:
    input:
        scans=scans,
        mask=provided_mask,
        brain=f"{SUBJECT}/brain.nii.gz",
        previous=f"{SUBJECT}/strip.json",
    output:
        tumour=f"{SUBJECT}/tumour.nii.gz",
        report=f"{SUBJECT}/mask.json",
    log:
        "results/logs/mask/{dataset}/{subject}.log",
    benchmark:
        "results/benchmarks/mask/{dataset}/{subject}.tsv"
    priority: 30
    group:
        "subject"
    conda:
        MASK_ENVIRONMENT
    resources:
        gpu=lambda wildcards: int(dataset_of(wildcards).preprocessing.mask.method == "brats"),
    params:
        settings=settings_for("mask"),
        volumes=scan_arguments,
        mask=mask_argument,
        code=code_digest(["preprocessing.mask"]),
    shell:
        "python -m imbalance_aware mask --settings {params.settings:q} {params.mask} --volumes {params.volumes}"
        " --brain {input.brain:q} --previous {input.previous:q} --out {output.tumour:q} --report {output.report:q}"
        " 2> {log:q}"


rule patch:
    input:
        scans=scans,
        atlas=ATLAS_BRAIN,
        brain=f"{SUBJECT}/brain.nii.gz",
        tumour=f"{SUBJECT}/tumour.nii.gz",
        previous=f"{SUBJECT}/mask.json",
    output:
        patch="results/datasets/{dataset}/patches/{subject}.npy",
        slices=f"{SUBJECT}/slices.npz",
        picture=report(
            f"{SUBJECT}/qc.png",
            caption="../report/qc_picture.rst",
            category="Data",
            subcategory="{dataset}: quality control",
            labels={"subject": "{subject}"},
        ),
        report=f"{SUBJECT}/patch.json",
    log:
        "results/logs/patch/{dataset}/{subject}.log",
    benchmark:
        "results/benchmarks/patch/{dataset}/{subject}.tsv"
    priority: 40
    group:
        "subject"
    conda:
        "../../envs/preprocess.yaml"
    resources:
        mem_mb=growing(1500),
        runtime=growing(15),
    params:
        settings=settings_for("patch"),
        volumes=scan_arguments,
        # The code of the patch, not of the picture: editing the picture must not repeat any training.
        code=code_digest(["preprocessing.scans_to_patch"]),
    shell:
        "python -m imbalance_aware patch --settings {params.settings:q} --volumes {params.volumes}"
        " --atlas-brain {input.atlas:q} --brain {input.brain:q} --tumour {input.tumour:q} --previous {input.previous:q}"
        " --out {output.patch:q} --slices {output.slices:q} --picture {output.picture:q} --report {output.report:q}"
        " 2> {log:q}"


rule preprocessed:
    input:
        cohort="results/datasets/{dataset}/cohort.csv",
        reports=of_each_subject(f"{SUBJECT}/patch.json"),
        # Not read; an environment made again is no reason to preprocess the cohort again.
        environments=ancient(subject_environments),
    output:
        cohort="results/datasets/{dataset}/preprocessed.csv",
        qc="results/datasets/{dataset}/qc.csv",
        flow="results/datasets/{dataset}/preprocessed_flow.csv",
    log:
        "results/logs/preprocessed/{dataset}.log",
    group:
        "dataset"
    conda:
        "../../envs/preprocess.yaml"
    params:
        classes=class_arguments,
        code=code_digest(["cohort.preprocessed"]),
    shell:
        "python -m imbalance_aware preprocessed --cohort {input.cohort:q}"
        f" --subjects {here('results/datasets')}/{{wildcards.dataset:q}}/subjects"
        " {params.classes} --out {output.cohort:q} --qc {output.qc:q} --flow {output.flow:q} 2> {log:q}"
