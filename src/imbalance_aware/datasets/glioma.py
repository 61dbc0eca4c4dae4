"""Adult diffuse glioma from several cohorts: one table, one definition of the classes, a split by cohort."""

from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd

from imbalance_aware.datasets import egd, tcga, ucsf_pdgm
from imbalance_aware.datasets.facts import exclude
from imbalance_aware.datasets.settings_3d import GliomaSettings
from imbalance_aware.datasets.volume_facts import VolumeSubject, subjects_to_facts
from imbalance_aware.datasets.who2021 import tumour_class

COHORTS: dict[str, Callable[[Any], Iterator[VolumeSubject]]] = {
    "ucsf_pdgm": ucsf_pdgm.find,
    "egd": egd.find,
    "tcga": tcga.find,
}


def find(settings: GliomaSettings) -> pd.DataFrame:
    """Facts about every patient and session of every cohort; no image is opened.

    Kept out with a reason: follow-up scans, second sessions, subjects without images or not in the clinical table,
    with a missing sequence or mask, with unknown IDH, or IDH-mutant with unknown 1p/19q.

    Raises:
        UserError: a cohort's folder or table is absent.
    """
    parts = [
        subjects_to_facts(
            COHORTS[cohort.adapter](cohort), settings.sequences, cohort.name, cohort.start, settings.needs_mask
        )
        for cohort in settings.cohorts
    ]
    facts = pd.concat(parts, ignore_index=True)
    _derive_class(facts)
    if settings.test_cohorts:
        facts["split"] = ["test" if cohort in settings.test_cohorts else "train" for cohort in facts["cohort"]]
    return facts


def _derive_class(facts: pd.DataFrame) -> None:
    """Fill ``class`` in place; a class that cannot be derived is a reason for exclusion."""
    for row in facts.index:
        name, reason = tumour_class(facts.at[row, "idh"], facts.at[row, "codeletion_1p19q"])
        facts.at[row, "class"] = name
        if reason and "not in the clinical table" not in facts.at[row, "excluded"]:
            exclude(facts, [row], reason)
