"""Inputs and params of what a study writes for a journal."""

import subprocess
from functools import cache

from imbalance_aware.files import digest
from imbalance_aware.journal.study_settings import journal_settings
from imbalance_aware.journal.texts import DATASET_TABLES, OUTPUTS as JOURNAL, STUDY_TEMPLATES

# Files of the checkout, known by their content: touching them writes nothing again.
ITEMS = os.path.relpath(CHECKOUT / "resources/reporting_items.csv")
STATED = [os.path.relpath(CHECKOUT / f"envs/{name}") for name in ENVIRONMENTS]


def tables_of_datasets(wildcards):
    """The tables of every dataset that say who was found, excluded and included."""
    return [
        f"results/datasets/{dataset}/{table}"
        for dataset in study_of(wildcards).settings.datasets
        for table in ["samples.csv", "duplicates.csv", *DATASET_TABLES[CONFIG.datasets[dataset].kind]]
    ]


def installed_for_study(wildcards):
    """With conda, what was installed in the environments that preprocessed the volumes of a study."""
    volumes = [name for name in study_of(wildcards).settings.datasets if CONFIG.datasets[name].kind == "volumes"]
    files = [path for name in volumes for path in subject_environments(SimpleNamespace(dataset=name))]
    return list(dict.fromkeys(files))


def journal_argument(wildcards):
    """The settings that the texts of a study state, as JSON."""
    return json.dumps(explained(journal_settings, study_of(wildcards), CONFIG))


def git(*arguments):
    """What git says of this checkout."""
    command = ["git", "-C", str(CHECKOUT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@cache
def revision():
    """The revision of this checkout, as git names it; empty without git, or in the repository of something else."""
    try:
        return "" if git("rev-parse", "--show-prefix") else git("describe", "--always", "--dirty", "--abbrev=12")
    except (OSError, subprocess.CalledProcessError):
        return ""
