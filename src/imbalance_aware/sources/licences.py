"""Under which licence the data of a dataset may be used, as each source states it.

A module of a source, and of a glioma cohort, has it in ``Settings.licence``; of a user's own images it is a setting.
"""

from typing import Any

from imbalance_aware.errors import UserError

NOT_STATED = "not stated"


def licence_of(settings: Any) -> str:
    """Licence or terms of use, in words; of several cohorts each with its name; `NOT_STATED` where nobody says.

    Args:
        settings: of any dataset.

    Raises:
        UserError: the module of the source states none.
    """
    cohorts = getattr(settings, "cohorts", ())
    if not cohorts:
        return _stated(settings)
    return "; ".join(f"{cohort.name}: {_stated(cohort)}" for cohort in cohorts)


def _stated(settings: Any) -> str:
    if not hasattr(settings, "licence"):
        raise UserError(f"{type(settings).__module__}: Settings.licence is missing; see {__name__} for its content")
    return settings.licence.strip() or NOT_STATED
