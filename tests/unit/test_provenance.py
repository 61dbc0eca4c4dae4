import shutil
import sys
from pathlib import Path

import pytest

from imbalance_aware import provenance
from imbalance_aware.sources import GLIOMA_COHORTS, SOURCES


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Where what is read from each module is kept between tests, as it is between processes that plan."""
    return tmp_path_factory.mktemp("code")


@pytest.fixture(autouse=True)
def kept(folder):
    provenance.keep_in(folder)
    yield folder
    provenance.keep_in(None)
    forget()


@pytest.fixture
def package(tmp_path, monkeypatch) -> Path:
    """A copy of the package whose source may be edited."""
    copy = tmp_path / "imbalance_aware"
    shutil.copytree(provenance.ROOT, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(provenance, "ROOT", copy)
    forget()
    yield copy
    forget()


def forget() -> None:
    for function in (provenance._read, provenance.imports):
        function.cache_clear()


def digest(module: str) -> str:
    forget()
    return provenance.code_digest([module])


def test_touching_and_commenting_change_nothing(package):
    before = digest("files")
    path = package / "files.py"
    path.touch()
    assert digest("files") == before
    path.write_text("# a comment\n\n" + path.read_text().replace('"""Writing', '"""Describing'))
    assert digest("files") == before


def test_an_edit_counts_for_all_who_import_it_and_reverting_it_cancels(package):
    users, stranger = digest("conditions"), digest("progress")
    path = package / "errors.py"
    original = path.read_text()
    path.write_text(original + "\nLIMIT = 1\n")
    assert digest("conditions") != users
    assert digest("progress") == stranger
    path.write_text(original)
    assert digest("conditions") == users


def test_a_loss_is_in_its_own_digest_alone(package):
    modules = ["losses.soft_mcc", "losses.soft_f1", "losses.ce", "training.loop"]
    before = {module: digest(module) for module in modules}
    path = package / "losses" / "soft_mcc.py"
    path.write_text(path.read_text() + "\nLIMIT = 1\n")
    assert [module for module in modules if digest(module) != before[module]] == ["losses.soft_mcc"]


def test_naming_a_new_loss_changes_no_digest(package):
    before = digest("training.loop")
    path = package / "losses" / "__init__.py"
    path.write_text(path.read_text() + "\nLIMIT = 1\n")
    assert digest("training.loop") == before


def test_a_source_is_in_the_digest_of_its_own_datasets_alone(package):
    """Of gliomas, in that of the datasets with that cohort."""

    def digests():
        forget()
        parts = [[name] for name in SOURCES.values()] + [["sources.glioma", name] for name in GLIOMA_COHORTS.values()]
        return {part[-1]: provenance.code_digest(["cohort.list_subjects", *part]) for part in parts}

    def edit(name):
        path = package / "sources" / name
        path.write_text(path.read_text() + "\nLIMIT = 1\n")

    before = digests()
    edit("__init__.py")
    (package / "sources" / "toy.py").write_text("LIMIT = 1\n")
    assert digests() == before, "a new module and a new row"
    edit("tcga.py")
    edit("ahn2018.py")
    after = digests()
    assert {name for name in before if after[name] != before[name]} == {"sources.tcga", "sources.ahn2018"}


CODE = """
import logging

from pydantic import Field

from imbalance_aware.errors import UserError

log = logging.getLogger(__name__)


class Settings:
    limit: int = Field(3, description="the limit")
    licence: str = "CC0"


def check(value: int) -> int:
    if value > 2:
        raise UserError(f"{value} is more than {2}; expected less")
    log.info("checked %d", value)
    return value + 1
"""


@pytest.mark.parametrize(
    ("old", "new", "counts"),
    [
        ("is more than {2}; expected less", "exceeds {2 + 0}", False),
        ("the limit", "the largest value", False),
        ('"CC0"', '"CC BY 4.0, by another name"', False),
        ('    licence: str = "CC0"\n', "", False),
        ('log.info("checked %d", value)', 'log.debug("%d was checked", value)', False),
        ("    return", '    log.debug("done")\n    return', False),
        ("import logging", "# why\nimport logging", False),
        ("    return", '    """Documented."""\n    return', False),
        ("value > 2", "value > 3", True),
        ("value + 1", "value + 2", True),
        ("Field(3,", "Field(4,", True),
        ("raise UserError", "raise ValueError", True),
    ],
)
def test_prose_does_not_count_and_code_does(package, old, new, counts):
    path = package / "probe.py"
    path.write_text(CODE)
    before = digest("probe")
    assert old in CODE
    path.write_text(CODE.replace(old, new))
    assert (digest("probe") != before) == counts


@pytest.mark.parametrize(
    ("statement", "module"),
    [
        ("from . import ce", "losses.ce"),
        ("from .ce import CrossEntropyLoss", "losses.ce"),
        ("from .. import files", "files"),
        ("from ..training import sampling", "training.sampling"),
        ("from ..training.sampling import uniform", "training.sampling"),
        ("import imbalance_aware.losses.ce", "losses.ce"),
        ("def f():\n    from .ce import CrossEntropyLoss", "losses.ce"),
        ("import typing\nif typing.TYPE_CHECKING:\n    pass\nelse:\n    from . import ce", "losses.ce"),
    ],
)
def test_imports_are_followed_however_they_are_written(package, statement, module):
    (package / "losses" / "probe.py").write_text(statement + "\n")
    before = digest("losses.probe")
    assert module in provenance.closure(["losses.probe"])
    path = package.joinpath(*module.split(".")).with_suffix(".py")
    path.write_text(path.read_text() + "\nLIMIT = 1\n")
    assert digest("losses.probe") != before


@pytest.mark.parametrize("test", ["TYPE_CHECKING", "typing.TYPE_CHECKING"])
def test_imports_for_type_checkers_alone_do_not_count(package, test):
    (package / "probe.py").write_text(
        f"import typing\nfrom typing import TYPE_CHECKING\nif {test}:\n    from imbalance_aware import files\n"
        "else:\n    from imbalance_aware import limits\n"
    )
    forget()
    assert provenance.closure(["probe"]) == ["limits", "probe"]


@pytest.fixture
def probe(package, kept):
    """A module, and the entry that is kept of it."""
    (package / "probe.py").write_text("from imbalance_aware import limits\n\nLIMIT = 1\n")
    digest("probe")
    return package / "probe.py", kept / "probe"


def test_what_is_kept_is_what_the_source_says(package, probe):
    modules = ["probe", "training.loop", "sources.folder"]
    kept = [digest(module) for module in modules], [provenance.imports(module) for module in modules]
    provenance.keep_in(None)
    assert ([digest(module) for module in modules], [provenance.imports(module) for module in modules]) == kept


def test_a_module_that_was_read_before_is_not_parsed_again(probe, monkeypatch):
    before = digest("probe")
    monkeypatch.setattr(provenance, "_parsed", None)
    assert digest("probe") == before
    probe[0].write_text(probe[0].read_text().replace("1", "2"))
    with pytest.raises(TypeError):
        digest("probe")


def test_what_another_python_or_other_rules_read_does_not_count(probe, monkeypatch):
    before, entry = digest("probe"), probe[1].read_text()
    with monkeypatch.context() as other:
        other.setattr(provenance, "_reader", lambda: "another")
        digest("probe")
    assert probe[1].read_text() != entry
    assert provenance._reader().startswith(sys.version[:4])
    assert digest("probe") == before


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: text[: len(text) // 2],
        lambda text: text.rpartition("\n")[0],
        lambda text: text.replace("limits", "files"),
        lambda text: text + "\nfiles",
        lambda text: "\n".join([text.split("\n")[0], "0" * 64, *text.split("\n")[2:]]),
    ],
)
def test_a_damaged_entry_is_replaced(probe, damage):
    before, entry = digest("probe"), probe[1].read_text()
    assert damage(entry) != entry
    probe[1].write_text(damage(entry))
    assert digest("probe") == before
    assert probe[1].read_text() == entry


def test_nothing_is_kept_where_it_cannot_be(probe, tmp_path):
    before = digest("probe")
    probe[1].write_bytes(b"\xff\xfe")
    assert digest("probe") == before, "no text"
    (tmp_path / "file").touch()
    provenance.keep_in(tmp_path / "file")
    assert digest("probe") == before, "no folder"
