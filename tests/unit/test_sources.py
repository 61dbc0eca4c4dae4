"""The tables of sources: each module has what it must, and what is forgotten is named."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from imbalance_aware import sources
from imbalance_aware.cohort import list_subjects
from imbalance_aware.errors import UserError
from imbalance_aware.sources import GLIOMA_COHORTS, SOURCES, lookup
from imbalance_aware.sources.folder import Settings as FolderSettings
from imbalance_aware.sources.glioma import Settings as GliomaSettings
from imbalance_aware.sources.licences import licence_of
from imbalance_aware.sources.user_table import Listed

TOY = (Path(__file__).parents[1] / "workflow/toy_source.py").read_text(encoding="utf-8")
MADE = TOY.replace("def find(settings: Settings)", "def find(settings: Settings, source: Path)")
WITH_COHORTS = TOY.replace("class Settings(Images2D)", "class Settings(WithCohorts, Images2D)").replace(
    "from imbalance_aware.paths",
    "from imbalance_aware.cohort.split_settings import WithCohorts\nfrom imbalance_aware.paths",
)
WRITE = "\n\ndef write(settings, folder):\n    folder.mkdir()\n"


@pytest.fixture
def added(tmp_path, monkeypatch):
    """Put a module into the package and a row into a table, for the length of a test."""

    def add(text: str, table: dict[str, str] = SOURCES) -> Path:
        path = tmp_path / "toy.py"
        path.write_text(text, encoding="utf-8")
        spec = importlib.util.spec_from_file_location("imbalance_aware.sources.toy", path)
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, spec.name, module)
        spec.loader.exec_module(module)
        monkeypatch.setitem(table, "toy", "sources.toy")
        return path

    return add


@pytest.mark.parametrize("adapter", SOURCES)
def test_every_source_has_all_parts(adapter):
    lookup.source(adapter)


@pytest.mark.parametrize("adapter", GLIOMA_COHORTS)
def test_every_cohort_of_gliomas_has_all_parts(adapter):
    lookup.glioma_cohort(adapter)


def test_no_module_with_settings_lacks_its_row():
    folder = Path(sources.__file__).parent
    stated = {f"sources.{path.stem}" for path in folder.glob("*.py") if "\nclass Settings(" in path.read_text()}
    assert stated == {*SOURCES.values(), *GLIOMA_COHORTS.values()}


@pytest.mark.parametrize(
    ("text", "lacking"),
    [
        (TOY.replace("class Settings(", "class Setings(").replace(": Settings", ""), "Settings"),
        (TOY.replace("def fingerprint(", "def finger_print("), "fingerprint"),
        (TOY.replace("def find(", "def list_all("), "find"),
        (TOY.replace('Literal["toy"]', 'Literal["toys"]'), 'Settings with `adapter: Literal["toy"]`'),
        (TOY.replace('adapter: Literal["toy"]', 'adapters: Literal["toy"]'), 'Settings with `adapter: Literal["toy"]`'),
        (TOY.replace("class Settings(Images2D)", "class Settings(Images2D.__base__)"), "Settings.kind"),
        (MADE, "write(settings, folder)"),
        (TOY + WRITE, "a parameter `source` of `find`"),
        (MADE + WRITE, "Settings.for_phantoms"),
        (WITH_COHORTS, "Settings.cohort_names"),
    ],
)
def test_a_forgotten_part_is_named_with_its_file(added, text, lacking):
    assert text != TOY
    path = added(text)
    with pytest.raises(UserError) as caught:
        lookup.source("toy")
    assert str(path) in str(caught.value) and f"must have {lacking}" in str(caught.value)


def test_a_source_without_cohorts_cannot_be_split_by_cohort(added):
    text = TOY.replace("class Settings(Images2D):", "class Settings(Images2D):\n    split: CohortsSplit")
    with pytest.raises(TypeError, match=r"toy\.Settings accepts `split: leave_one_cohort_out`: base .*\.WithCohorts"):
        added(f"from imbalance_aware.cohort.split_settings import CohortsSplit\n{text}")


def test_settings_of_a_table_that_read_none_cannot_be_made():
    with pytest.raises(TypeError, match=r"abstract.*read"):
        Listed(table="table.csv")


def test_settings_of_another_source_are_none_of_its_own(added):
    path = added("from imbalance_aware.sources.folder import Settings, fingerprint, find\n")
    with pytest.raises(UserError) as caught:
        lookup.source("toy")
    assert str(path) in str(caught.value) and 'Settings with `adapter: Literal["toy"]`' in str(caught.value)


def test_a_forgotten_column_is_named(added, tmp_path):
    added(TOY.replace('"split": "", ', "").replace('"cohort": "toy", ', ""))
    (tmp_path / "dark").mkdir()
    (tmp_path / "dark/a.png").touch()
    with pytest.raises(UserError, match=r"lacks the column[(]s[)] cohort, split"):
        list_subjects.find(json.dumps({"adapter": "toy", "path": str(tmp_path)}))


@pytest.mark.parametrize("part", ["LAYOUT", "find", "Settings"])
def test_a_forgotten_part_of_a_cohort_is_named(added, part):
    text = Path(lookup.glioma_cohort("egd").__file__).read_text().replace('Literal["egd"]', 'Literal["toy"]')
    for written, changed in (
        (f"\n{part} =", "\nOTHER ="),
        (f"def {part}(", "def other("),
        (f"class {part}(", "class Other("),
    ):
        text = text.replace(written, changed)
    text = text.replace("settings: Settings", "settings")
    added(text, GLIOMA_COHORTS)
    with pytest.raises(UserError, match=f"must have {part}"):
        lookup.glioma_cohort("toy")


def test_an_unknown_adapter_is_told_the_nearest():
    with pytest.raises(UserError, match=r'no adapter "foldr".*Did you mean "folder"'):
        lookup.source("foldr")


def test_planning_imports_nothing_heavy():
    heavy = {"pandas", "numpy", "scipy", "PIL", "nibabel", "SimpleITK", "torch", "monai", "sklearn"}
    code = f"import sys, imbalance_aware.sources.settings; print(*sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == []


def test_a_dataset_depends_on_the_code_of_its_source_and_of_its_own_cohorts():
    folder = FolderSettings(adapter="folder", table="t.csv")
    egd = {"adapter": "egd", "path": "p", "table": "t.csv"}
    assert lookup.modules(folder) == ["sources.folder"]
    assert lookup.modules(GliomaSettings(adapter="glioma", cohorts=[egd])) == ["sources.glioma", "sources.egd"]


@pytest.mark.parametrize("adapter", [*SOURCES, *GLIOMA_COHORTS])
def test_every_source_states_the_licence_of_its_data(adapter):
    """Those that list a user's own images have it as a setting, which reaches no step."""
    module = lookup.source(adapter) if adapter in SOURCES else lookup.glioma_cohort(adapter)
    if field := module.Settings.model_fields.get("licence"):
        assert issubclass(module.Settings, Listed) and field.default == "" and field.exclude
    elif "cohorts" not in module.Settings.model_fields:
        assert module.Settings.licence.strip()


def test_the_licence_of_own_images_is_theirs_to_state_and_reruns_nothing(tmp_path):
    table = tmp_path / "table.csv"
    table.write_text("path,class\n")
    silent = FolderSettings(adapter="folder", table=table)
    stated = FolderSettings(adapter="folder", table=table, licence=" <i>CC BY</i> ")
    assert (licence_of(silent), licence_of(stated)) == ("not stated", "<i>CC BY</i>")
    assert silent.for_cohort() == stated.for_cohort() and silent.for_resize() == stated.for_resize()


def test_each_cohort_of_gliomas_has_its_own_licence(tmp_path):
    cohorts = [{"adapter": name, "path": tmp_path, "table": tmp_path / "t.csv"} for name in ("ucsf_pdgm", "egd")]
    stated = licence_of(GliomaSettings(adapter="glioma", cohorts=cohorts))
    assert stated.startswith("UCSF: CC BY 4.0") and "; EGD: data-use agreement" in stated


def test_a_source_without_a_licence_is_named(added):
    added(TOY.replace('    licence: ClassVar[str] = "MIT"\n', ""))
    with pytest.raises(UserError, match=r"sources\.toy: Settings\.licence is missing"):
        licence_of(lookup.source("toy").Settings(adapter="toy", path="."))
