"""Fundus photographs of Ahn et al. 2018, with the study authors' split and a checksum for every file."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from imbalance_aware.cohort.split_settings import SPLIT, Authors, AuthorsSplit
from imbalance_aware.errors import UserError
from imbalance_aware.files import digest
from imbalance_aware.paths import UserPath
from imbalance_aware.sources.resources import RESOURCES
from imbalance_aware.sources.settings_2d import Images2D

if TYPE_CHECKING:
    import pandas as pd

#: Folder of the published archives -> name of the class here, in the order of the labels.
FOLDERS = {"normal_control": "no", "early_glaucoma": "early", "advanced_glaucoma": "advanced"}
#: Height and width of every photograph in pixels.
SIZE = (240, 240)
#: Ships with the project: class folder, file, authors' split (empty: in neither list), SHA-256 of the published file.
PUBLISHED = "ahn2018_files.csv"
HOW_TO_GET = (
    "The set is public (CC0 1.0): download the three archives of doi:10.7910/DVN/1YRRAC from the Harvard Dataverse and "
    f"unpack them side by side, so that the folder holds {', '.join(FOLDERS)}; then set the dataset's `path` to it."
)


class Settings(Images2D):
    """Fundus photographs of Ahn et al. 2018 (doi:10.7910/DVN/1YRRAC): no, early and advanced glaucoma."""

    classes: ClassVar[tuple[str, ...]] = tuple(FOLDERS.values())
    licence: ClassVar[str] = "CC0 1.0 (Harvard Dataverse, doi:10.7910/DVN/1YRRAC; Ahn et al. 2018)"

    adapter: Literal["ahn2018"]
    path: UserPath = Field(description="folder with normal_control, early_glaucoma and advanced_glaucoma")
    split: AuthorsSplit = Field(Authors(), description=SPLIT)


def fingerprint(settings: Settings) -> str:
    """Lines ``class/file size`` of the three class folders, and the sum of the list they are checked against."""
    lines = [line for folder in class_folders(settings.path).values() for line in _sizes(folder)]
    published = RESOURCES / PUBLISHED
    return "\n".join([*lines, digest(published) if published.is_file() else ""])


def find(settings: Settings, resources: Path) -> "pd.DataFrame":
    """The table of subjects, a row for every file that was published or lies in a class folder.

    Kept out with a reason: files that are missing, not published, different from the published bytes,
    unreadable or of another size than 240x240, and under the authors' split those that are in neither of
    their lists.

    Args:
        settings: of this dataset.
        resources: folder that holds `PUBLISHED`.

    Raises:
        UserError: the source folder or the list of published files is absent.
    """
    import pandas as pd

    from imbalance_aware.cohort.image_checks import check_images
    from imbalance_aware.cohort.inclusion import exclude

    published = _published(resources / PUBLISHED)
    folders = class_folders(settings.path)
    found = {(name, path.name) for name, folder in folders.items() for path in folder.iterdir()}
    rows = sorted(found | set(published.index), key=_natural)
    subjects = pd.DataFrame([_file_row(name, file, folders[name] / file) for name, file in rows])
    by_authors = isinstance(settings.split, Authors)
    subjects["split"] = [published["split"].get(row, "") for row in rows] if by_authors else ""

    unpublished = subjects.index[[row not in published.index for row in rows]]
    exclude(subjects, unpublished, "not a published file")
    if by_authors:
        exclude(subjects, subjects.index[subjects["split"] == ""].difference(unpublished), "not in the authors' split")
    expected = [published["sha256"].get(row) for row in rows]
    exclude(subjects, _altered(subjects, expected), "checksum: differs from the published file")
    return check_images(subjects, size=SIZE)


def class_folders(path: Path) -> dict[str, Path]:
    """Name of each class folder -> the folder.

    Raises:
        UserError: the source or one of its class folders is absent.
    """
    if not path.is_dir():
        raise UserError(f"ahn2018: no folder {path} (looked in {path.absolute()}). {HOW_TO_GET}")
    absent = [name for name in FOLDERS if not (path / name).is_dir()]
    if absent:
        raise UserError(f"ahn2018: {path.absolute()} lacks the class folder(s) {', '.join(absent)}. {HOW_TO_GET}")
    return {name: path / name for name in FOLDERS}


def _sizes(folder: Path) -> list[str]:
    with os.scandir(folder) as entries:
        return sorted(f"{folder.name}/{entry.name} {entry.stat().st_size}" for entry in entries)


def _published(path: Path) -> "pd.DataFrame":
    import pandas as pd

    if not path.is_file():
        raise UserError(f"{path}: the list of published files is missing; pass the project's `resources` folder")
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    return table.set_index(["folder", "file"])


def _natural(row: tuple[str, str]) -> tuple:
    """Class folders in label order, then files by number."""
    folder, file = row
    parts = re.split(r"(\d+)", file)
    return list(FOLDERS).index(folder), [int(part) if part.isdigit() else part for part in parts], file


def _file_row(folder: str, file: str, path: Path) -> dict[str, str]:
    published_form = re.fullmatch(r"(\d+)\.png", file)
    name = published_form[1] if published_form else re.sub(r"[^A-Za-z0-9_.-]", "_", file)
    return {
        "subject": f"{folder}-{name}",
        "cohort": "ahn2018",
        "class": FOLDERS[folder],
        "split": "",
        "excluded": "",
        "image": path.as_posix(),
    }


def _altered(subjects: "pd.DataFrame", expected: list[str | None]) -> list:
    """Index of the rows whose file is there and differs from the published one."""
    pairs = zip(subjects.index, subjects["image"], expected, strict=True)
    return [row for row, image, sha256 in pairs if sha256 and Path(image).is_file() and digest(image) != sha256]
