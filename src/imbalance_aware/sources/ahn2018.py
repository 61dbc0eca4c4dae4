"""Fundus photographs of Ahn et al. 2018, with the study authors' split and a checksum for every file."""

import re
from pathlib import Path

import pandas as pd

from imbalance_aware.cohort.facts import exclude
from imbalance_aware.cohort.image_checks import check_images
from imbalance_aware.errors import UserError
from imbalance_aware.files import digest
from imbalance_aware.sources.ahn2018_source import FOLDERS, PUBLISHED, class_folders
from imbalance_aware.sources.settings_2d import Ahn2018Settings

SIZE = (240, 240)


def find(settings: Ahn2018Settings, resources: Path) -> pd.DataFrame:
    """Facts about every file that was published or lies in a class folder.

    Kept out with a reason: files that are missing, not published, different from the published bytes,
    unreadable or of another size than 240x240, and under the authors' split those that are in neither of
    their lists.

    Args:
        settings: of this dataset.
        resources: folder that holds `PUBLISHED`.

    Raises:
        UserError: the source folder or the list of published files is absent.
    """
    published = _published(resources / PUBLISHED)
    folders = class_folders(settings.path)
    found = {(name, path.name) for name, folder in folders.items() for path in folder.iterdir()}
    rows = sorted(found | set(published.index), key=_natural)
    facts = pd.DataFrame([_fact(name, file, folders[name] / file) for name, file in rows])
    facts["split"] = [published["split"].get(row, "") for row in rows] if settings.split == "authors" else ""

    unpublished = facts.index[[row not in published.index for row in rows]]
    exclude(facts, unpublished, "not a published file")
    if settings.split == "authors":
        exclude(facts, facts.index[facts["split"] == ""].difference(unpublished), "not in the authors' split")
    expected = [published["sha256"].get(row) for row in rows]
    exclude(facts, _altered(facts, expected), "checksum: differs from the published file")
    return check_images(facts, size=SIZE)


def _published(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise UserError(f"{path}: the list of published files is not there; pass the project's `resources` folder")
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    return table.set_index(["folder", "file"])


def _natural(row: tuple[str, str]) -> tuple:
    """Class folders in label order, then files by number."""
    folder, file = row
    parts = re.split(r"(\d+)", file)
    return list(FOLDERS).index(folder), [int(part) if part.isdigit() else part for part in parts], file


def _fact(folder: str, file: str, path: Path) -> dict[str, str]:
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


def _altered(facts: pd.DataFrame, expected: list[str | None]) -> list:
    """Index of the rows whose file is there and differs from the published one."""
    pairs = zip(facts.index, facts["image"], expected, strict=True)
    return [row for row, image, sha256 in pairs if sha256 and Path(image).is_file() and digest(image) != sha256]
