"""Common parts of the public glioma cohorts: settings, and checks of folder and table."""

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from imbalance_aware.errors import UserError
from imbalance_aware.names import Name
from imbalance_aware.paths import UserPath
from imbalance_aware.schema import Strict
from imbalance_aware.volume_settings import Start


class GliomaCohort(Strict):
    """One source of patients with glioma: where it lies and how far its scans are preprocessed."""

    how_to_get: ClassVar[str]
    licence: ClassVar[str]

    adapter: str
    path: UserPath = Field(description="folder of the images, as published")
    table: UserPath = Field(description="table of IDH and 1p/19q, as published (CSV)")
    name: Name = Field(description="name in tables and in `split: {test_cohorts: …}`")
    start: Start = Field(description="raw, registered or stripped: how far the scans are preprocessed")

    def folder(self) -> Path:
        """The folder of the images.

        Raises:
            UserError: it is not there; the message says where it was looked for and how to get it.
        """
        return self._there("folder", self.path, self.path.is_dir())

    def clinical(self) -> Path:
        """The table of molecular markers.

        Raises:
            UserError: as of `folder`.
        """
        return self._there("file", self.table, self.table.is_file())

    def _there(self, kind: str, path: Path, there: bool) -> Path:
        if not there:
            raise UserError(f"{self.name}: there is no {kind} {path} (looked at {path.absolute()}). {self.how_to_get}")
        return path
