"""A source as someone would add it: photographs in one folder per class."""

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from imbalance_aware.paths import UserPath
from imbalance_aware.sources.settings_2d import Images2D

if TYPE_CHECKING:
    import pandas as pd


class Settings(Images2D):
    """Photographs in one folder per class."""

    classes: ClassVar[tuple[str, ...]] = ("dark", "light")
    licence: ClassVar[str] = "MIT"

    adapter: Literal["toy"]
    path: UserPath = Field(description="folder with dark and light")


def fingerprint(settings: Settings) -> str:
    """Names and sizes of the photographs."""
    return "\n".join(f"{path} {path.stat().st_size}" for path in _photographs(settings))


def find(settings: Settings) -> "pd.DataFrame":
    """The table of subjects, a row for every photograph."""
    import pandas as pd

    from imbalance_aware.cohort.image_checks import check_images

    rows = [
        {"subject": path.stem, "cohort": "toy", "class": path.parent.name, "split": "", "excluded": ""}
        | {"image": path.as_posix()}
        for path in _photographs(settings)
    ]
    return check_images(pd.DataFrame(rows))


def _photographs(settings: Settings) -> list[Path]:
    return sorted(path for name in settings.classes for path in (settings.path / name).glob("*.png"))
