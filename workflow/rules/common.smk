"""What the rules share: the checked configuration, and the few functions that several stages make params with."""

import json
import os
import re
import shlex
import sys
from pathlib import Path
from types import SimpleNamespace

from snakemake.settings.types import DeploymentMethod

from imbalance_aware.clock import require_clock
from imbalance_aware.conditions import RIVAL_MARK, rival_name
from imbalance_aware.config import check_losses, check_networks, read_config
from imbalance_aware.errors import UserError
from imbalance_aware.provenance import KEPT, code_digest, keep_in
from imbalance_aware.rivals.catalogue import RIVALS
from imbalance_aware.runs.identity import REPLICATE
from imbalance_aware.sources.lookup import is_generated

# Reading the code of all steps takes a second; the Snakemake of every job of a cluster would do it again.
keep_in(KEPT)

# Steps run from this checkout. Inside a conda job Snakemake clears PYTHONPATH (so the command sets it) and puts the
# environment's python first. In a container, whose engine sets one of these variables, python is the container's.
# Otherwise the python that runs Snakemake comes first.
CONDA = DeploymentMethod.CONDA in workflow.deployment_settings.deployment_method
PREFIX = f"set -euo pipefail; export PYTHONPATH={shlex.quote(str(SOURCE))}; "
if not CONDA:
    PREFIX += (
        '[ -n "${APPTAINER_CONTAINER:-${SINGULARITY_CONTAINER:-}}" ] || '
        f"export PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH; "
    )
shell.prefix(PREFIX.replace("{", "{{").replace("}", "}}"))  # which Snakemake formats


wildcard_constraints:
    study="[^/]+",
    dataset="[^/]+",
    condition="[^/]+",
    seed=r"\d+",
    # Without the names of its groups, which Snakemake would take for wildcards.
    replicate=re.sub(r"\?P<\w+>", "?:", REPLICATE.pattern),
    repeat=r"\d+",
    fold=r"\d+",
    rival="|".join(RIVALS),


# Conditions that networks are trained for, and rivals, which use the networks of one.
TRAINED = rf"[^/{re.escape(RIVAL_MARK)}]+"
OF_RIVAL = rf"{TRAINED}{re.escape(RIVAL_MARK)}[^/]+"


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
    explained(require_clock, Path("results"))
    explained(check_losses, CONFIG, STUDIES)
    explained(check_networks, CONFIG, STUDIES, bool(workflow.deployment_settings.deployment_method))
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
        rivals = f" and studies.{study.name}.rivals" if RIVAL_MARK in wildcards.condition else ""
        stop(
            f'the study "{study.name}" has no condition "{wildcards.condition}" (see {study.settings.conditions}{rivals})'
        )
    return study.conditions[wildcards.condition]


def settings_for(step):
    """Params function: the part of a dataset's settings on which `step` depends, as JSON."""
    return lambda wildcards: json.dumps(explained(getattr(dataset_of(wildcards), f"for_{step}")))


def one_environment(names, function):
    """The environment of a rule: its path where there is only one, else the function of the wildcards.

    `--containerize` takes no function for a rule behind a checkpoint.
    """
    return f"../../envs/{names.pop()}.yaml" if len(names) == 1 else function


def option(name, values):
    """An option of a step's command with its values, quoted for the shell; nothing where there are none."""
    values = [values] if isinstance(values, str) else values
    return shlex.join([f"--{name}", *values]) if values else ""


def growing(amount):
    """Resource function: an amount that a job gets at its first attempt, twice that at its second, and so on.

    A job may have failed for lack of memory or time. `amount` may depend on the wildcards.
    """
    return lambda wildcards, attempt: attempt * (amount(wildcards) if callable(amount) else amount)


def named_inputs(names):
    """Params function: inputs of a rule as the options of the same names; one that a study lacks is left out."""
    return lambda wildcards, input: " ".join(filter(None, (option(name, getattr(input, name)) for name in names)))
