"""Adult diffuse glioma from several cohorts: one table, one definition of the classes, a split by cohort."""

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, model_validator

from imbalance_aware.cohort.split_settings import SPLIT, Cohorts, CohortsSplit, LeaveOneCohortOut, Random, WithCohorts
from imbalance_aware.errors import UserError
from imbalance_aware.files import digest
from imbalance_aware.schema import misfit, nearest
from imbalance_aware.sources import GLIOMA_COHORTS
from imbalance_aware.sources.file_sizes import size
from imbalance_aware.sources.glioma_cohort import GliomaCohort
from imbalance_aware.sources.lookup import any_of, glioma_cohort
from imbalance_aware.sources.nifti_files import walk
from imbalance_aware.sources.settings_3d import Volumes3D
from imbalance_aware.sources.who2021 import CLASSES, tumour_class

if TYPE_CHECKING:  # a type that is made from a table is none that a checker can read
    import pandas as pd

    AnyCohort = Any
else:
    AnyCohort = any_of(glioma_cohort(adapter) for adapter in GLIOMA_COHORTS)


class Settings(WithCohorts, Volumes3D):
    """Adult diffuse glioma from public cohorts, classed by IDH and 1p/19q (WHO 2021)."""

    classes: ClassVar[tuple[str, ...]] = CLASSES

    adapter: Literal["glioma"]
    cohorts: tuple[AnyCohort, ...] = Field(min_length=1, description="sources of patients")
    split: CohortsSplit = Field(Random(), description=SPLIT)

    @model_validator(mode="after")
    def _cohorts_fit(self) -> "Settings":
        names = [cohort.name for cohort in self.cohorts]
        if len(set(names)) < len(names):
            raise misfit(["cohorts"], "two of them have the same name; give one of them another `name`")
        chosen = self.split.test_cohorts if isinstance(self.split, Cohorts) else ()
        for name in chosen:
            if name not in names:
                raise misfit(["split", "test_cohorts"], f'there is no cohort "{name}".{nearest(name, names)}')
        if set(names) == set(chosen):
            raise misfit(["split", "test_cohorts"], "every cohort is listed: none is left for training")
        if isinstance(self.split, LeaveOneCohortOut) and len(names) < 2:
            raise misfit(["split"], "leave_one_cohort_out needs at least two cohorts")
        return self

    def cohort_names(self) -> list[str]:
        """Names of all cohorts."""
        return [cohort.name for cohort in self.cohorts]


def fingerprint(settings: Settings) -> str:
    """Digest of each cohort's table, and lines ``path size`` of all NIfTI files below its folder."""
    lines = []
    for cohort in settings.cohorts:
        root = cohort.folder()
        sizes = [(folder / name, size(folder / name)) for folder, names in walk(root) for name in names]
        lines += [cohort.name, digest(cohort.clinical())]
        lines += sorted(f"{path.relative_to(root)} {number}" for path, number in sizes)
    return "\n".join(lines)


def find(settings: Settings) -> "pd.DataFrame":
    """The table of subjects, a row for every patient and session of every cohort.

    Volumes are opened to find those that are the same.

    Kept out with a reason: follow-up scans, second sessions, subjects without images, with several folders, or not in
    the clinical table, with a missing sequence or mask, with the same volume as two sequences, with unknown IDH, or
    IDH-mutant with unknown 1p/19q.

    Raises:
        UserError: a cohort's folder or table is absent or cannot be understood, or none of its subjects has images.
    """
    import pandas as pd

    from imbalance_aware.cohort.volume_checks import check_volumes

    subjects = pd.concat([_cohort_subjects(cohort, settings) for cohort in settings.cohorts], ignore_index=True)
    _derive_class(subjects)
    return check_volumes(subjects, settings.sequences)


def _cohort_subjects(cohort: GliomaCohort, settings: Settings) -> "pd.DataFrame":
    from imbalance_aware.cohort.volume_subjects import subject_table

    module = glioma_cohort(cohort.adapter)
    wanted = [*settings.sequences, *["mask"] * settings.needs_mask]
    found = list(module.find(cohort, wanted))
    if not any(any(subject.files.values()) for subject in found):
        raise UserError(
            f"{cohort.name}: no images below {cohort.path} (looked in {cohort.path.absolute()}); set `path` to the "
            f"folder whose files are named as published, such as {module.LAYOUT}"
        )
    return subject_table(found, settings.sequences, cohort.name, cohort.start, settings.needs_mask)


def _derive_class(subjects: "pd.DataFrame") -> None:
    """Fill ``class`` in place; subjects without a derivable class are excluded."""
    from imbalance_aware.cohort.inclusion import exclude

    for row in subjects.index:
        name, reason = tumour_class(subjects.at[row, "idh"], subjects.at[row, "codeletion_1p19q"])
        subjects.at[row, "class"] = name
        if reason and "not in the clinical table" not in subjects.at[row, "excluded"]:
            exclude(subjects, [row], reason)
