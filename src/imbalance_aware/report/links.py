"""Links that save a file which the page holds itself."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from imbalance_aware.report.pictures import file_uri

MEDIA_TYPES = {
    "csv": "text/csv",
    "json": "application/json",
    "md": "text/markdown",
    "pdf": "application/pdf",
    "tex": "application/x-tex",
}
#: Larger files are named and not held.
MAX_BYTES = 3_000_000


@dataclass(frozen=True)
class Link:
    """A file to save: the name it gets, its suffix, its content as a URI (empty: too large), its size in bytes."""

    name: str
    suffix: str
    uri: str
    size: int
    path: str


def links(path: Path, suffixes: Iterable[str], prefix: str = "") -> list[Link]:
    """A link for each file ``path`` + suffix that exists; ``prefix`` goes in front of the name it is saved under."""
    found = []
    for suffix in suffixes:
        file = path.with_name(f"{path.name}.{suffix}")
        if file.is_file():
            size = file.stat().st_size
            uri = file_uri(file, MEDIA_TYPES[suffix]) if size <= MAX_BYTES else ""
            found.append(Link(f"{prefix}{file.name}", suffix, uri, size, file.as_posix()))
    return found
