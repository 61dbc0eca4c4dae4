"""Inputs and params of the steps from the sources to the packed images."""

from imbalance_aware.sources.lookup import fingerprint, modules as source_modules


def generator_code(wildcards):
    return code_digest(["phantoms.generate", *source_modules(dataset_of(wildcards))])


def cohort_code(wildcards):
    """The step and the source of this dataset: editing or adding another source leaves it alone."""
    return code_digest(["cohort.list_subjects", *source_modules(dataset_of(wildcards))])


def cohort_to_pack(wildcards):
    table = {"images": "cohort", "volumes": "preprocessed"}[dataset_of(wildcards).kind]
    return f"results/datasets/{wildcards.dataset}/{table}.csv"


def preprocessed_folder(wildcards):
    """Folder with one array per sample."""
    folder = {"images": "preprocessed", "volumes": "patches"}[dataset_of(wildcards).kind]
    return f"results/datasets/{wildcards.dataset}/{folder}"


def arrays_to_pack(wildcards):
    """What pack waits for: the folder of resized photographs, or the patch of every subject."""
    if dataset_of(wildcards).kind == "images":
        return preprocessed_folder(wildcards)
    return of_each_subject("results/datasets/{dataset}/patches/{subject}.npy")(wildcards)


def class_arguments(wildcards):
    """The order of the labels, if the dataset's settings define it."""
    classes = dataset_of(wildcards).classes
    return option("classes", json.dumps(classes)) if classes else ""


def subgroup_arguments(wildcards):
    """Columns of a user's table that are passed on to the samples."""
    return option("subgroups", getattr(dataset_of(wildcards), "subgroups", ()))
