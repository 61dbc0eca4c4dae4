"""Inputs and params of tables, figures and reports."""

from imbalance_aware.report.description import answers
from imbalance_aware.reporting.figure_catalogue import FIGURES
from imbalance_aware.study_design import study_design
from imbalance_aware.study_settings import study_settings

# Files of the checkout, which are never in a storage.
PUBLISHED = local(os.path.relpath(CHECKOUT / "resources/published_results.csv"))
CLAIMED = local(os.path.relpath(CHECKOUT / "resources/paper_claims.csv"))


def published_if_shown(wildcards):
    """The paper's values, for a study whose tables and figures show them beside its own."""
    return PUBLISHED if study_of(wildcards).settings.published else []


def design_argument(wildcards):
    """The settings that the figure of a study's design shows, as JSON."""
    return option("design", json.dumps(explained(study_design, study_of(wildcards), CONFIG)))


def augmentation_settings(wildcards):
    return getattr(CONFIG.augmentation, dataset_of(wildcards).kind).model_dump_json()


def sequence_arguments(wildcards):
    """The names of the channels, if they are sequences."""
    dataset = dataset_of(wildcards)
    return option("sequences", dataset.sequences) if dataset.kind == "volumes" else ""


def figure_settings(figure):
    """Params function: the other arguments. Of params that are made from inputs, Snakemake does not see a change."""
    return lambda wildcards: " ".join(OPTIONS[name](wildcards) for name in figure.options if name in OPTIONS)


def trainings_of_study(wildcards, file):
    """That file of every training of a study on all its datasets."""
    return [
        path
        for dataset in study_of(wildcards).settings.datasets
        for path in trainings_of(SimpleNamespace(study=wildcards.study, dataset=dataset), file)
    ]


def data_of_study(wildcards):
    """What the report shows of the datasets of a study: tables, images, pictures of quality control."""
    of_all = ["cohort.csv", "duplicates.csv", "flow.csv", "images.npy", "samples.csv"]
    of_volumes = ["preprocessed.csv", "preprocessed_flow.csv", "qc.csv"]
    files = []
    for name in study_of(wildcards).settings.datasets:
        dataset = SimpleNamespace(dataset=name)
        volumes = dataset_of(dataset).kind == "volumes"
        files += [f"results/datasets/{name}/{file}" for file in [*of_all, *of_volumes * volumes]]
        files += of_each_subject("results/datasets/{dataset}/subjects/{subject}/qc.png")(dataset) if volumes else []
    return files


def report_settings(wildcards):
    """All settings of a study and the names of its tables, which its report shows, as JSON."""
    tables = [os.path.basename(table) for table in tables_of(study_of(wildcards).name)]
    return json.dumps(explained(study_settings, study_of(wildcards), CONFIG) | {"tables": tables})


# For ../report/workflow.rst: what the verdicts say, as far as they were made when the workflow is read.
config["verdicts"] = {study: answers(Path(f"results/tables/{study}/verdict.json")) for study in CONFIG.run}
