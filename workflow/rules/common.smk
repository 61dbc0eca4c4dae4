"""What the rules share: the checked configuration, and the few functions that turn it into inputs and params."""

import json
import os
import re
import shlex
import sys
from pathlib import Path
from types import SimpleNamespace

from snakemake.settings.types import DeploymentMethod

# Relative to this file, because the main Snakefile may belong to another workflow that uses this one as a module.
CHECKOUT = Path(str(workflow.current_basedir)).parents[1]
SOURCE = CHECKOUT / "src"
PUBLISHED = os.path.relpath(CHECKOUT / "resources/published_results.csv")
CLAIMED = os.path.relpath(CHECKOUT / "resources/paper_claims.csv")
sys.path.insert(0, str(SOURCE))

from imbalance_aware.config import check_losses, read_config, run_settings
from imbalance_aware.sources.lookup import fingerprint, is_generated, modules as source_modules
from imbalance_aware.errors import UserError
from imbalance_aware.models.build import environment as network_environment
from imbalance_aware.provenance import code_digest
from imbalance_aware.runs.identity import REPLICATE, read_replicate, replicate_name
from imbalance_aware.runs.numbers import training_code
from imbalance_aware.runs.run_folder import TRAINING_PREDICTIONS, VALIDATION_PREDICTIONS
from imbalance_aware.study_design import study_design
from imbalance_aware.reporting.figure_catalogue import FIGURES
from imbalance_aware.reporting.table_catalogue import (
    CLAIMS,
    COHORTS,
    COMPARISON,
    ENSEMBLES,
    OVERFITTING,
    PUBLISHED_CELLS,
    TABLES,
)

# Steps run from this checkout. Inside a conda job Snakemake clears PYTHONPATH (so the command sets it) and puts the
# environment's python first; otherwise the python that runs Snakemake comes first.
EXPORTS = {"PYTHONPATH": shlex.quote(str(SOURCE))}
CONDA = DeploymentMethod.CONDA in workflow.deployment_settings.deployment_method
if not CONDA:
    EXPORTS["PATH"] = f"{shlex.quote(str(Path(sys.executable).parent))}:$PATH"
shell.prefix("set -euo pipefail; " + "".join(f"export {name}={value}; " for name, value in EXPORTS.items()))


wildcard_constraints:
    study="[^/]+",
    dataset="[^/]+",
    condition="[^/]+",
    seed=r"\d+",
    # Without the names of its groups, which Snakemake would take for wildcards.
    replicate=re.sub(r"\?P<\w+>", "?:", REPLICATE.pattern),
    repeat=r"\d+",
    fold=r"\d+",


def stop(message):
    """End Snakemake with only a message; for any other exception it would print a traceback."""
    raise SystemExit(f"error: {message}")


def explained(function, *arguments):
    """Call `function`; a user's mistake stops Snakemake."""
    try:
        return function(*arguments)
    except UserError as error:
        stop(error)


def config_files():
    """The files that were merged, later ones winning: Snakemake 9.27 lists those of the command line first."""
    given = len(workflow.overwrite_configfiles)
    own = [] if workflow.config_settings.replace_workflow_config else workflow.configfiles[given:]
    return [*own, *workflow.configfiles[:given]]


CONFIG, STUDIES = explained(read_config, config, config_files(), workflow.config_settings.config)
# Only once, not in every job, because it may import torch.
if workflow.is_main_process:
    explained(check_losses, CONFIG, STUDIES)
GENERATED = [name for name, settings in CONFIG.datasets.items() if is_generated(settings.adapter)]


def dataset_of(wildcards):
    if wildcards.dataset not in CONFIG.datasets:
        stop(f'there is no dataset "{wildcards.dataset}" in the configuration')
    if wildcards.dataset in UNREADABLE:
        stop(UNREADABLE[wildcards.dataset])
    return CONFIG.datasets[wildcards.dataset]


def study_of(wildcards):
    """A study of the configuration, whether `run` names it or not."""
    if wildcards.study not in STUDIES:
        stop(f'there is no study "{wildcards.study}" in the configuration; there are {", ".join(STUDIES)}')
    study = STUDIES[wildcards.study]
    if study.misfits:
        stop("\n".join(study.misfits))
    return study


def condition_of(wildcards):
    study = study_of(wildcards)
    if wildcards.condition not in study.conditions:
        stop(f'the study "{study.name}" has no condition "{wildcards.condition}" (see {study.settings.conditions})')
    return study.conditions[wildcards.condition]


def settings_for(step):
    """Params function: the part of a dataset's settings on which `step` depends, as JSON."""
    return lambda wildcards: json.dumps(explained(getattr(dataset_of(wildcards), f"for_{step}")))


def generator_code(wildcards):
    return code_digest(["phantoms.generate", *source_modules(dataset_of(wildcards))])


def cohort_code(wildcards):
    """The step and the source of this dataset: editing or adding another source leaves it alone."""
    return code_digest(["cohort.list_subjects", *source_modules(dataset_of(wildcards))])


def train_code(wildcards):
    """What decides the numbers of this condition: editing another loss, or no number, leaves the run alone."""
    study = study_of(wildcards)
    metric = study.validation_metrics.get(wildcards.dataset)
    return training_code(condition_of(wildcards).terms, study.model.network, metric)


def train_environment(wildcards):
    """The conda environment for training: networks of another package need that package."""
    return f"../../envs/{network_environment(study_of(wildcards).model.network)}.yaml"


def class_arguments(wildcards):
    """The order of the labels, if the dataset's settings define it."""
    classes = dataset_of(wildcards).classes
    return shlex.join(["--classes", json.dumps(classes)]) if classes else ""


def subgroup_arguments(wildcards):
    """Columns of a user's table that are passed on to the samples."""
    subgroups = getattr(dataset_of(wildcards), "subgroups", ())
    return shlex.join(["--subgroups", *subgroups]) if subgroups else ""


def train_settings(wildcards):
    dataset_of(wildcards)
    settings = run_settings(study_of(wildcards), condition_of(wildcards).name, wildcards.dataset, CONFIG)
    return json.dumps(settings.decisive())


def augmentation_settings(wildcards):
    return getattr(CONFIG.augmentation, dataset_of(wildcards).kind).model_dump_json()


def bundle_settings(wildcards):
    """Settings and code of every condition of a study on a dataset, as JSON."""
    conditions = {}
    for name in study_of(wildcards).conditions:
        run = SimpleNamespace(**wildcards, condition=name)
        conditions[name] = {"settings": json.loads(train_settings(run)), "code": train_code(run)}
    return json.dumps({"conditions": conditions})


def condition_columns(wildcards):
    """What the tables say of each condition, as JSON."""
    return json.dumps([condition.columns() for condition in study_of(wildcards).conditions.values()])


def published_argument(wildcards, input):
    return f"--published {shlex.quote(input.published)}" if input.published else ""


def table_arguments(*names):
    """Params function: which tables to write, and the optional inputs for them."""

    def arguments(wildcards, input):
        comparison = f"--comparison {shlex.quote(input.comparisons)}" if "comparisons" in input.keys() else ""
        references = f"--references {shlex.quote(input.references)}" if "references" in input.keys() else ""
        return f"{comparison} {references} {published_argument(wildcards, input)} --tables {' '.join(names)}"

    return arguments


def design_argument(wildcards):
    """The settings that the figure of a study's design shows, as JSON."""
    study = study_of(wildcards)
    for dataset in study.settings.datasets:
        dataset_of(SimpleNamespace(dataset=dataset))
    return shlex.join(["--design", json.dumps(explained(study_design, study, CONFIG))])


def figure_inputs(figure):
    """Params function: the named inputs of a figure's command; one that a study lacks is left out."""

    def arguments(wildcards, input):
        given = {name: getattr(input, name) for name in figure.options if name not in OPTIONS}
        listed = {name: [paths] if isinstance(paths, str) else paths for name, paths in given.items()}
        return " ".join(shlex.join([f"--{name}", *paths]) for name, paths in listed.items() if paths)

    return arguments


def figure_settings(figure):
    """Params function: the other arguments. Of params that are made from inputs, Snakemake does not see a change."""
    return lambda wildcards: " ".join(OPTIONS[name](wildcards) for name in figure.options if name in OPTIONS)


def context_argument(wildcards):
    """What the settings of a dataset say of its classes; they change metrics and nothing before."""
    known = dataset_of(wildcards).for_evaluate()
    return shlex.join(["--context", json.dumps(known)]) if known else ""


def contexts_of(wildcards):
    """What the settings of each dataset of a study say of its classes, as JSON."""
    names = study_of(wildcards).settings.datasets
    return json.dumps({name: known for name in names if (known := CONFIG.datasets[name].for_evaluate())})


def part_arguments(wildcards, input):
    """What each training predicted of its own training samples and validation part, and the metric to tune for.

    Which of these tables there are depends on the settings of the study and of the dataset, so that they are no outputs
    of the rules that train; they are made before the predictions that are.
    """
    place = os.path.dirname(input.predictions)
    pooled = wildcards.dataset in CROSS_VALIDATED and "fold" not in wildcards.keys()
    folders = [f"{place}/{fold}" for fold in fold_folders(wildcards.dataset)] if pooled else [f"{place}/"]
    study = study_of(wildcards)
    arguments = []
    if study.training.training_predictions:
        arguments += ["--training", *(f"{folder}{TRAINING_PREDICTIONS}" for folder in folders)]
    if metric := study.validation_metrics.get(wildcards.dataset):
        tables = [f"{folder}{VALIDATION_PREDICTIONS}" for folder in folders]
        arguments += ["--primary", metric, "--validation", *tables]
    return shlex.join(arguments)


def evaluation_settings(wildcards):
    """What a study is judged by, as JSON; the baseline is one of its own conditions."""
    return CONFIG.evaluation.model_copy(update={"baseline": study_of(wildcards).baseline}).model_dump_json()
