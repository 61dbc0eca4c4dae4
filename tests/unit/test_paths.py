"""Paths as users of several systems write them."""

import unicodedata
from pathlib import Path

import pytest

from imbalance_aware.paths import find_path
from imbalance_aware.sources.folder import Settings as FolderSettings
from imbalance_aware.sources.folder3d import Settings as Folder3DSettings
from imbalance_aware.sources.ucsf_pdgm import Settings as UcsfPdgmCohort

NAME = "Größe é"
FORMS = ("NFC", "NFD")


@pytest.mark.parametrize("stored", FORMS)
@pytest.mark.parametrize("written", FORMS)
def test_either_form_of_unicode_is_found(tmp_path, stored, written):
    there = tmp_path / unicodedata.normalize(stored, NAME) / unicodedata.normalize(stored, "ü.png")
    there.parent.mkdir()
    there.touch()
    assert (
        find_path(f"{unicodedata.normalize(written, NAME)}/{unicodedata.normalize(written, 'ü.png')}", tmp_path)
        == there
    )


def test_separators_of_windows_are_read_as_slashes_where_there_is_no_such_name(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.png").touch()
    assert find_path("a\\b.png", tmp_path) == tmp_path / "a" / "b.png"
    (tmp_path / "a\\b.png").touch()
    assert find_path("a\\b.png", tmp_path) == tmp_path / "a\\b.png"


def test_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "data").mkdir()
    for written in ("~/data", "~\\data"):
        assert find_path(written) == tmp_path / "data"
        assert find_path(written, Path("/elsewhere")) == tmp_path / "data"
    assert find_path("~nobody-of-this-name/data") == Path("~nobody-of-this-name/data")


def test_what_is_not_there_stays_as_written(tmp_path):
    assert find_path("no\\such é", tmp_path) == tmp_path / "no\\such é"
    assert find_path("n" * 5000, tmp_path) == tmp_path / ("n" * 5000)


def test_settings_and_tables_take_them(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a").mkdir()
    for name in ("t.csv", "i.png"):
        (tmp_path / "a" / name).touch()
    folder = FolderSettings(adapter="folder", table="~\\a\\t.csv", root="~/a")
    volumes = Folder3DSettings(adapter="folder3d", table="~/a\\t.csv", root="~\\a")
    cohort = UcsfPdgmCohort(adapter="ucsf_pdgm", path="~/a", table="~/a/t.csv")
    assert folder.table == volumes.table == cohort.table == tmp_path / "a/t.csv"
    assert folder.root == volumes.root == cohort.path == tmp_path / "a"
    for path in (folder.file("..\\a\\i.png"), volumes.file("..\\a\\i.png")):
        assert path == tmp_path / "a/../a/i.png"
