"""What the rules share: the checked configuration, and the few functions that turn it into inputs and params."""

import json
import os
import shlex
import sys
from pathlib import Path
from types import SimpleNamespace

from snakemake.settings.types import DeploymentMethod

# From this file up, not from the Snakefile that was called: that may be another workflow, which uses this as a module.
CHECKOUT = Path(str(workflow.current_basedir)).parents[1]
SOURCE = CHECKOUT / "src"
PUBLISHED = os.path.relpath(CHECKOUT / "resources/published_results.csv")
sys.path.insert(0, str(SOURCE))

from imbalance_aware.config import check_losses, read_config, run_settings
from imbalance_aware.sources.lookup import fingerprint, is_generated, modules as source_modules
from imbalance_aware.errors import UserError
from imbalance_aware.models.build import environment as network_environment
from imbalance_aware.provenance import code_digest
from imbalance_aware.runs.numbers import training_code
from imbalance_aware.reporting.figure_catalogue import FIGURES
from imbalance_aware.reporting.table_catalogue import COMPARISON, TABLES

# Every step is found in this checkout. Inside a conda job Snakemake clears PYTHONPATH (so it is set in the command) and
# puts the environment's python first; outside of one, the python that runs Snakemake comes first.
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


def stop(message):
    """End Snakemake with a message alone; to any other exception it would add a traceback."""
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
# Once, not in every job: it may import torch.
if workflow.is_main_process:
    explained(check_losses, CONFIG, STUDIES)
GENERATED = [name for name, settings in CONFIG.datasets.items() if is_generated(settings.adapter)]


def dataset_of(wildcards):
    if wildcards.dataset not in CONFIG.datasets:
        stop(f'there is no dataset "{wildcards.dataset}" in the configuration')
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
    return lambda wildcards: json.dumps(getattr(dataset_of(wildcards), f"for_{step}")())


def generator_code(wildcards):
    return code_digest(["phantoms.generate", *source_modules(dataset_of(wildcards))])


def cohort_code(wildcards):
    """The step and the source of this dataset: editing or adding another source leaves it alone."""
    return code_digest(["cohort.list_subjects", *source_modules(dataset_of(wildcards))])


def train_code(wildcards):
    """What decides the numbers of this condition: editing another loss, or no number, leaves the run alone."""
    return training_code(condition_of(wildcards).terms, study_of(wildcards).model.network)


def train_environment(wildcards):
    """A network of another package than this needs that package, and only that network does."""
    return f"../../envs/{network_environment(study_of(wildcards).model.network)}.yaml"


def class_arguments(wildcards):
    """The order of the labels, where the dataset's settings tell it."""
    classes = dataset_of(wildcards).classes
    return shlex.join(["--classes", json.dumps(classes)]) if classes else ""


def train_settings(wildcards):
    dataset = dataset_of(wildcards)
    max_value = getattr(dataset, "max_value", None)
    settings = run_settings(study_of(wildcards), condition_of(wildcards).name, augmentation_of(dataset), max_value)
    return json.dumps(settings.decisive())


def augmentation_of(dataset):
    return getattr(CONFIG.augmentation, dataset.kind)


def augmentation_settings(wildcards):
    return augmentation_of(dataset_of(wildcards)).model_dump_json()


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
    """Params function: which tables to write, and what may stand in them."""

    def arguments(wildcards, input):
        comparison = f"--comparison {shlex.quote(input.differences)}" if "differences" in input.keys() else ""
        return f"{comparison} {published_argument(wildcards, input)} --tables {' '.join(names)}"

    return arguments


def figure_options(figure):
    """Params function: the named arguments of a figure's command; an input that a study lacks is left out."""

    def options(wildcards, input):
        given = {name: getattr(input, name) for name in figure.options if name not in OPTIONS}
        listed = {name: [paths] if isinstance(paths, str) else paths for name, paths in given.items()}
        named = {name: shlex.join([f"--{name}", *paths]) for name, paths in listed.items() if paths}
        named |= {name: OPTIONS[name](wildcards) for name in figure.options if name in OPTIONS}
        return " ".join(named.values())

    return options


def baseline(wildcards):
    """The condition that the others are compared with: cross-entropy and nothing else, or else the first."""
    conditions = study_of(wildcards).conditions
    return "ce-uniform" if "ce-uniform" in conditions else next(iter(conditions))
