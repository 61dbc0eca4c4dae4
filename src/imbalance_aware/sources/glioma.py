"""Adult diffuse glioma from several cohorts: one table, one definition of the classes, a split by cohort."""

from types import ModuleType

import pandas as pd

from imbalance_aware.cohort.facts import exclude
from imbalance_aware.cohort.volume_checks import check_volumes
from imbalance_aware.cohort.volume_facts import subjects_to_facts
from imbalance_aware.errors import UserError
from imbalance_aware.sources import egd, tcga, ucsf_pdgm
from imbalance_aware.sources.settings_3d import AnyGliomaCohort, GliomaSettings
from imbalance_aware.sources.who2021 import tumour_class

#: Adapter -> the module that knows its layout: ``find(settings, wanted)``, and ``LAYOUT`` for messages.
COHORTS: dict[str, ModuleType] = {"ucsf_pdgm": ucsf_pdgm, "egd": egd, "tcga": tcga}


def find(settings: GliomaSettings) -> pd.DataFrame:
    """Facts about every patient and session of every cohort; volumes are opened to find those that are the same.

    Kept out with a reason: follow-up scans, second sessions, subjects without images, with several folders, or not in
    the clinical table, with a missing sequence or mask, with the same volume as two sequences, with unknown IDH, or
    IDH-mutant with unknown 1p/19q.

    Raises:
        UserError: a cohort's folder or table is absent or cannot be understood, or none of its subjects has images.
    """
    facts = pd.concat([_cohort_facts(cohort, settings) for cohort in settings.cohorts], ignore_index=True)
    _derive_class(facts)
    if settings.test_cohorts:
        facts["split"] = ["test" if cohort in settings.test_cohorts else "train" for cohort in facts["cohort"]]
    return check_volumes(facts, settings.sequences)


def _cohort_facts(cohort: AnyGliomaCohort, settings: GliomaSettings) -> pd.DataFrame:
    adapter = COHORTS[cohort.adapter]
    wanted = [*settings.sequences, *["mask"] * settings.needs_mask]
    subjects = list(adapter.find(cohort, wanted))
    if not any(any(subject.files.values()) for subject in subjects):
        raise UserError(
            f"{cohort.name}: no images below {cohort.path} (looked in {cohort.path.absolute()}); set `path` to the "
            f"folder whose files are named as published, such as {adapter.LAYOUT}"
        )
    return subjects_to_facts(subjects, settings.sequences, cohort.name, cohort.start, settings.needs_mask)


def _derive_class(facts: pd.DataFrame) -> None:
    """Fill ``class`` in place; a class that cannot be derived is a reason for exclusion."""
    for row in facts.index:
        name, reason = tumour_class(facts.at[row, "idh"], facts.at[row, "codeletion_1p19q"])
        facts.at[row, "class"] = name
        if reason and "not in the clinical table" not in facts.at[row, "excluded"]:
            exclude(facts, [row], reason)
