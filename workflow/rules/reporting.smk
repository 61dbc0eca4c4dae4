"""Inputs and params of tables and figures."""

from imbalance_aware.reporting.figure_catalogue import FIGURES
from imbalance_aware.study_design import study_design

PUBLISHED = os.path.relpath(CHECKOUT / "resources/published_results.csv")
CLAIMED = os.path.relpath(CHECKOUT / "resources/paper_claims.csv")


def published_if_shown(wildcards):
    """The paper's values, for a study whose tables and figures show them beside its own."""
    return PUBLISHED if study_of(wildcards).settings.published else []


def design_argument(wildcards):
    """The settings that the figure of a study's design shows, as JSON."""
    study = study_of(wildcards)
    for dataset in study.settings.datasets:
        dataset_of(SimpleNamespace(dataset=dataset))
    return option("design", json.dumps(explained(study_design, study, CONFIG)))


def augmentation_settings(wildcards):
    return getattr(CONFIG.augmentation, dataset_of(wildcards).kind).model_dump_json()


def sequence_arguments(wildcards):
    """The names of the channels, if they are sequences."""
    dataset = dataset_of(wildcards)
    return option("sequences", dataset.sequences) if dataset.kind == "volumes" else ""


def figure_settings(figure):
    """Params function: the other arguments. Of params that are made from inputs, Snakemake does not see a change."""
    return lambda wildcards: " ".join(OPTIONS[name](wildcards) for name in figure.options if name in OPTIONS)
