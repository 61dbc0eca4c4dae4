"""Paths as users write them: ``~``, separators of Windows, and letters with accents in either of Unicode's forms."""

import os.path
import unicodedata
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator


def find_path(written: str | Path, base: Path = Path()) -> Path:
    """The file or folder that ``written`` names; if there is none, the path as written, with ``~`` expanded.

    Tried in this order: as written; with a slash for every backslash; both with each name in the other form of Unicode
    (composed as most systems write it, decomposed as macOS does).

    Args:
        written: what a user wrote.
        base: folder that a relative path starts from.
    """
    spellings = [
        base / _expanded(Path(text)) for text in dict.fromkeys([str(written), str(written).replace("\\", "/")])
    ]
    for path in spellings:
        if _exists(path):
            return path
    return next((found for path in spellings if (found := _in_any_form(path)) is not None), spellings[0])


def _expanded(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError:  # no such user
        return path


def _exists(path: Path) -> bool:
    return os.path.exists(path)  # noqa: PTH110 - `Path.exists` raises if a name is too long


def _in_any_form(path: Path) -> Path | None:
    """``path`` with each of its names as the file system has it."""
    found = Path(path.anchor)
    for name in path.relative_to(path.anchor).parts:
        forms = dict.fromkeys([name, unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name)])
        existing = [found / form for form in forms if _exists(found / form)]
        if not existing:
            return None
        found = existing[0]
    return found


#: A path in settings.
UserPath = Annotated[Path, AfterValidator(lambda path: find_path(path))]
