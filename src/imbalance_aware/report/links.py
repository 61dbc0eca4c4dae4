"""Links that save a file which the page holds itself."""

import gzip
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from imbalance_aware.report.pictures import uri

MEDIA_TYPES = {
    "csv": "text/csv",
    "json": "application/json",
    "md": "text/markdown",
    "pdf": "application/pdf",
    "tex": "application/x-tex",
}
#: Larger files are held compressed; programs for statistics read them as they are.
MAX_BYTES = 500_000


@dataclass(frozen=True)
class Link:
    """A file to save.

    Attributes:
        name: that it gets.
        suffix: of the name, without the dot.
        uri: its content as a ``data:`` URI.
        size: in bytes, as it is saved.
    """

    name: str
    suffix: str
    uri: str
    size: int


def links(path: Path, suffixes: Iterable[str], prefix: str = "") -> list[Link]:
    """A link for each file ``path`` + suffix that exists; ``prefix`` goes in front of the name it is saved under."""
    files = [(path.with_name(f"{path.name}.{suffix}"), suffix) for suffix in suffixes]
    return [_link(file, suffix, prefix) for file, suffix in files if file.is_file()]


def _link(file: Path, suffix: str, prefix: str) -> Link:
    content, name, kind = file.read_bytes(), f"{prefix}{file.name}", MEDIA_TYPES[suffix]
    if len(content) > MAX_BYTES:
        # Without a time stamp, so that equal content gives equal bytes.
        content, name, suffix, kind = gzip.compress(content, mtime=0), f"{name}.gz", f"{suffix}.gz", "application/gzip"
    return Link(name, suffix, uri(content, kind), len(content))
