# Cohort to patches, volumes, second half: from scans in the atlas to patches, their quality control, and who is in.


rule resample:
    input:
        scans=scans,
        brain=ATLAS_BRAIN,
        previous=f"{SUBJECT}/mask.json",
    output:
        volumes=temp(f"{SUBJECT}/resampled.nii"),
        report=f"{SUBJECT}/resample.json",
    log:
        "results/logs/resample/{dataset}/{subject}.log",
    benchmark:
        "results/benchmarks/resample/{dataset}/{subject}.tsv"
    priority: 40
    group:
        "subject"
    conda:
        "../../envs/preprocess.yaml"
    resources:
        mem_mb=1500,
        runtime=10,
    params:
        volumes=scan_arguments,
        code=code_digest(["preprocessing.resample"]),
    shell:
        "python -m imbalance_aware resample --volumes {params.volumes} --atlas-brain {input.brain:q}"
        " --previous {input.previous:q} --out {output.volumes:q} --report {output.report:q} 2> {log:q}"


rule scale:
    input:
        volumes=f"{SUBJECT}/resampled.nii",
        brain=f"{SUBJECT}/brain.nii.gz",
        previous=f"{SUBJECT}/resample.json",
    output:
        volumes=temp(f"{SUBJECT}/scaled.nii"),
        report=f"{SUBJECT}/scale.json",
    log:
        "results/logs/scale/{dataset}/{subject}.log",
    benchmark:
        "results/benchmarks/scale/{dataset}/{subject}.tsv"
    priority: 50
    group:
        "subject"
    conda:
        "../../envs/preprocess.yaml"
    resources:
        mem_mb=1500,
        runtime=10,
    params:
        settings=settings_for("scale"),
        sequences=sequences_of,
        code=code_digest(["preprocessing.scale"]),
    shell:
        "python -m imbalance_aware scale --settings {params.settings:q} --sequences {params.sequences}"
        " --volumes {input.volumes:q} --brain {input.brain:q} --previous {input.previous:q}"
        " --out {output.volumes:q} --report {output.report:q} 2> {log:q}"


rule crop:
    input:
        volumes=f"{SUBJECT}/scaled.nii",
        tumour=f"{SUBJECT}/tumour.nii.gz",
        previous=f"{SUBJECT}/scale.json",
    output:
        patch="results/datasets/{dataset}/patches/{subject}.npy",
        report=f"{SUBJECT}/crop.json",
    log:
        "results/logs/crop/{dataset}/{subject}.log",
    benchmark:
        "results/benchmarks/crop/{dataset}/{subject}.tsv"
    priority: 60
    group:
        "subject"
    conda:
        "../../envs/preprocess.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        settings=settings_for("crop"),
        code=code_digest(["preprocessing.crop"]),
    shell:
        "python -m imbalance_aware crop --settings {params.settings:q} --volumes {input.volumes:q}"
        " --tumour {input.tumour:q} --previous {input.previous:q} --out {output.patch:q} --report {output.report:q}"
        " 2> {log:q}"


rule qc_picture:
    input:
        # Of a subject that failed, there is nothing but the scans to show.
        scans=scans,
        atlas=ATLAS_BRAIN,
        brain=f"{SUBJECT}/brain.nii.gz",
        volumes=f"{SUBJECT}/scaled.nii",
        tumour=f"{SUBJECT}/tumour.nii.gz",
        previous=f"{SUBJECT}/crop.json",
    output:
        slices=f"{SUBJECT}/slices.npz",
        picture=report(
            f"{SUBJECT}/qc.png",
            caption="../report/qc_picture.rst",
            category="Data",
            subcategory="{dataset}: quality control",
            labels={"subject": "{subject}"},
        ),
    log:
        "results/logs/qc_picture/{dataset}/{subject}.log",
    priority: 70
    group:
        "subject"
    conda:
        "../../envs/preprocess.yaml"
    resources:
        mem_mb=1500,
        runtime=10,
    params:
        scans=scan_arguments,
        sequences=sequences_of,
        size=lambda wildcards: dataset_of(wildcards).preprocessing.crop.size,
        code=code_digest(["preprocessing.qc_picture"]),
    shell:
        "python -m imbalance_aware qc_picture --sequences {params.sequences} --size {params.size}"
        " --scans {params.scans} --atlas-brain {input.atlas:q} --brain {input.brain:q} --volumes {input.volumes:q}"
        " --tumour {input.tumour:q} --previous {input.previous:q} --out {output.picture:q} --slices {output.slices:q}"
        " 2> {log:q}"


rule prepared:
    input:
        cohort="results/datasets/{dataset}/cohort.csv",
        reports=of_each_subject(f"{SUBJECT}/crop.json"),
        pictures=of_each_subject(f"{SUBJECT}/qc.png"),
        # Not read; an environment made again is no reason to prepare the cohort again.
        environments=ancient(subject_environments),
    output:
        cohort="results/datasets/{dataset}/prepared.csv",
        qc="results/datasets/{dataset}/qc.csv",
        flow="results/datasets/{dataset}/prepared_flow.csv",
    log:
        "results/logs/prepared/{dataset}.log",
    conda:
        "../../envs/preprocess.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        subjects="results/datasets/{dataset}/subjects",
        classes=class_arguments,
        code=code_digest(["cohort.prepared"]),
    shell:
        "python -m imbalance_aware prepared --cohort {input.cohort:q} --subjects {params.subjects:q}"
        " {params.classes} --out {output.cohort:q} --qc {output.qc:q} --flow {output.flow:q} 2> {log:q}"
