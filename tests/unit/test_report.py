"""The report of a study: its sections, tables read back, names as text, links, the digest of its code."""

import base64
import dataclasses
import gzip
import re
import shutil
import unicodedata

import pytest
import yaml
from docutils.core import publish_parts
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imbalance_aware.errors import UserError
from imbalance_aware.files import write_json
from imbalance_aware.provenance import ROOT
from imbalance_aware.report import code, render, revision
from imbalance_aware.report.catalogue import SECTIONS
from imbalance_aware.report.description import answers
from imbalance_aware.report.figure_files import caption
from imbalance_aware.report.links import MAX_BYTES, links
from imbalance_aware.report.pictures import data_uri
from imbalance_aware.report.sections import learning_curves
from imbalance_aware.report.sections import settings as settings_section
from imbalance_aware.report.study_files import read_settings, study_files
from imbalance_aware.report.table_pages import read_table_page
from imbalance_aware.report.trainings import recorded
from imbalance_aware.reporting import table_catalogue
from imbalance_aware.reporting.formats import to_html
from imbalance_aware.reporting.grid import Cell, Grid, Panel, Row, without_repeats
from imbalance_aware.runs.run_config import PARTS

REPORT = ROOT / "report"
SCRIPT, HEBREW = "<script>alert(1)</script>", "גידול מוחי"


def test_every_section_is_a_row_a_module_and_a_template():
    names = [section.name for section in SECTIONS]
    modules = [path.stem for path in (REPORT / "sections").glob("*.py") if path.stem != "__init__"]
    templates = [path.stem for path in (REPORT / "templates/sections").iterdir()]
    assert sorted(names) == sorted(modules) == sorted(templates)
    assert names[0] == "verdict", "the answer first"


def test_every_table_of_a_study_has_a_place_in_the_report():
    named = {value for name, value in vars(table_catalogue).items() if name.isupper() and isinstance(value, str)}
    assert sorted(table_catalogue.ORDER) == sorted({*table_catalogue.TABLES, *named})


def printable(least: int = 0):
    """Text of one line, as names of classes may be."""
    signs = st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp"))
    return st.text(signs, min_size=least, max_size=8).filter(lambda text: text == text.strip())


@st.composite
def grids(draw):
    """Tables as the steps make them: labels that repeat the row above are blank."""

    def panel():
        stubs, columns = draw(st.integers(1, 3)), draw(st.integers(1, 3))
        n = draw(st.integers(1, 4))
        labels = [tuple(draw(printable(1)) for _ in range(stubs)) for _ in range(n)]
        cells = st.builds(Cell, printable(1), printable(), st.booleans())
        rows = [Row(of, tuple(draw(cells) for _ in range(columns)), muted=draw(st.booleans())) for of in labels]
        heads = [tuple(draw(printable()) for _ in range(count)) for count in (stubs, columns)]
        groups = ((draw(printable(1)), columns),) if draw(st.booleans()) else ()
        return Panel(*heads, tuple(rows), groups, draw(printable(1)))

    panels = tuple(panel() for _ in range(draw(st.integers(1, 2))))
    return Grid("table", draw(printable(1)), panels, tuple(draw(st.lists(printable(1), max_size=2))))


def plain(grid: Grid) -> Grid:
    """What of a grid can be seen in its page: a cell's text and rest are told apart only if the text is bold."""

    def cell(one: Cell) -> Cell:
        return one if one.bold else Cell(one.plain)

    def row(one: Row) -> Row:
        return dataclasses.replace(one, cells=tuple(map(cell, one.cells)))

    panels = (dataclasses.replace(panel, rows=tuple(map(row, panel.rows))) for panel in grid.panels)
    return dataclasses.replace(grid, panels=tuple(panels))


@settings(deadline=None, max_examples=60)
@given(grid=grids())
def test_a_table_is_read_back_from_its_page_with_its_labels_filled_in(tmp_path_factory, grid):
    def blanked(panel):
        shown = without_repeats([row.labels for row in panel.rows])
        return tuple(dataclasses.replace(row, labels=of) for row, of in zip(panel.rows, shown, strict=True))

    written = [dataclasses.replace(panel, rows=blanked(panel)) for panel in grid.panels]
    path = tmp_path_factory.getbasetemp() / "table.html"
    path.write_text(to_html(dataclasses.replace(grid, panels=tuple(written))), encoding="utf-8")
    assert read_table_page(path) == plain(grid)


def test_a_table_that_is_missing_is_named(tmp_path):
    with pytest.raises(UserError, match=r"none\.html: no such file"):
        read_table_page(tmp_path / "none.html")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0.53 ± 0.03 †", 0.53),
        ("−0.063", -0.063),
        ("+0.167", 0.167),
        ("24 (few)", 24),
        ("[−0.249, 0.124]", -0.249),
        ("3.1 [1, 13]", 3.1),
        ("42 %", 42),
        ("2nd", None),
        ("undecided", None),
        ("–", None),
    ],
)
def test_cells_sort_by_the_number_that_they_begin_with(text, number):
    assert render.order(text) == number


def test_a_column_of_numbers_may_have_gaps_and_one_of_words_may_not_be_numbers():
    rows = [("0.5", "1", "–"), ("–", "leader", "–"), ("−0.1", "2", "–")]
    panel = Panel(("Name",), ("a", "b", "c"), tuple(Row(("x",), tuple(map(Cell, row))) for row in rows))
    assert render.of_numbers(panel) == [True, False, False]


def test_text_is_escaped_and_what_is_written_from_right_to_left_is_isolated():
    assert render.isolated(f"{SCRIPT} {HEBREW}: 3") == (f"&lt;script&gt;alert(1)&lt;/script&gt; <bdi>{HEBREW}</bdi>: 3")
    assert render.isolated("Übelkeit & a | b") == "Übelkeit &amp; a | b"


@given(text=st.text(st.characters(exclude_categories=("Cs",)), max_size=30))
def test_no_letter_from_right_to_left_stays_outside(text):
    outside = re.sub(r"<bdi>.*?</bdi>", "", str(render.isolated(text)), flags=re.DOTALL)
    hebrew_or_arabic = [sign for sign in outside if unicodedata.name(sign, "").startswith(("HEBREW L", "ARABIC L"))]
    assert not [sign for sign in hebrew_or_arabic if unicodedata.bidirectional(sign) in ("R", "AL")]


def test_a_caption_has_emphasis_and_names_with_stars_are_text():
    parts = caption("**F1 of {dataset}**, study *{study}*; a * b", {"dataset": "**x**", "study": "s*"})
    assert parts == [("F1 of **x**", "strong"), (", study ", ""), ("s*", "em"), ("; a * b", "")]


def test_large_files_are_saved_compressed_and_equal_files_give_equal_links(tmp_path):
    small, large = b"a,b\n1,2\n", b"1,2,3\n" * (MAX_BYTES // 5)
    (tmp_path / "small.csv").write_bytes(small)
    (tmp_path / "large.csv").write_bytes(large)
    (one,), (other,) = (links(tmp_path / name, ("csv", "tex"), prefix="s-") for name in ("small", "large"))
    assert (one.name, other.name) == ("s-small.csv", "s-large.csv.gz")
    assert base64.b64decode(one.uri.partition(",")[2]) == small
    assert gzip.decompress(base64.b64decode(other.uri.partition(",")[2])) == large
    assert links(tmp_path / "large", ("csv",), prefix="s-") == [other]


def test_pictures_are_scaled_down_and_one_that_cannot_be_read_is_named(tmp_path):
    Image.new("RGB", (300, 200)).save(tmp_path / "a.png")
    kind, _, content = data_uri(tmp_path / "a.png", 150).partition(",")
    (tmp_path / "b.webp").write_bytes(base64.b64decode(content))
    assert kind == "data:image/webp;base64" and Image.open(tmp_path / "b.webp").size == (150, 100)
    (tmp_path / "c.png").write_text("no picture")
    for name, reason in (("c.png", "not a picture"), ("d.png", "no such file")):
        with pytest.raises(UserError, match=rf"{name}: {reason}"):
            data_uri(tmp_path / name, 150)


def test_the_first_page_of_snakemakes_report_says_the_verdict_as_text(tmp_path):
    said = {"a_b": {"summary": f"*best* is `{SCRIPT}` of a_ |b|"}}
    write_json(tmp_path / "verdict.json", {"datasets": said})
    (line,) = answers(tmp_path / "verdict.json")
    body = publish_parts(f"* {line}\n", writer="html", settings_overrides={"report_level": 1})["html_body"]
    assert "A b: *best* is `&lt;script&gt;alert(1)&lt;/script&gt;` of a_ |b|" in body
    assert answers(tmp_path / "none.json") == []


def test_the_page_is_made_again_when_a_template_or_a_section_changes(tmp_path, monkeypatch):
    before = code.report_code()
    shutil.copytree(code.TEMPLATES, tmp_path / "templates")
    monkeypatch.setattr(code, "TEMPLATES", tmp_path / "templates")
    assert code.report_code() == before
    page = tmp_path / "templates/sections/verdict.html"
    page.write_text(page.read_text() + "<hr>")
    assert code.report_code() != before
    monkeypatch.undo()
    monkeypatch.setattr(code, "SECTIONS", SECTIONS[:-1])
    assert code.report_code() != before


def test_without_itables_the_message_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(render.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="itables is missing; install the extra `analysis`"):
        render.assets()


def test_settings_that_lack_a_key_are_refused():
    with pytest.raises(UserError, match="--settings: no conditions, datasets"):
        read_settings('{"study": {}, "model": {}, "training": {}, "augmentation": {}, "evaluation": {}, "tables": []}')
    with pytest.raises(UserError, match="--settings: not valid JSON"):
        read_settings("{")


def study(results, folds=2, repeats=2):
    """A study of two conditions whose trainings have no files yet."""
    dataset = {"kind": "images", "phantoms": False, "folds": folds, "repeats": repeats, "settings": {"adapter": "x"}}
    empty = {"model": {}, "training": {}, "augmentation": {}, "tables": []}
    conditions = [{"condition": name, "loss": name, "sampling": "uniform", "weighted": False} for name in ("ce", "<b>")]
    return study_files(
        "s",
        {
            "study": {"seeds": [0, 1]},
            "datasets": {"d": dataset},
            "conditions": conditions,
            "evaluation": {"baseline": "ce"},
            **empty,
        },
        results,
    )


def finish(files, **changed):
    """Write a record and a history for each training; ``changed`` maps a condition to its digest of code."""
    for index, run in enumerate(files.trainings("d")):
        folder = files.folder(run)
        folder.mkdir(parents=True)
        known = {"code": changed.get(run.condition, "0" * 16), "device": "cpu", "versions": {"torch": "2.13.0"}}
        if run.condition in changed and index % 2:
            known["code"] = "1" * 16
        (folder / "config.yaml").write_text(yaml.safe_dump({key: {} for key in PARTS} | {"recorded": known}))
        (folder / "history.csv").write_text(
            "epoch,learning_rate,train_loss,train_balanced_accuracy,seconds\n1,0.1,0.9,0.5,1\n2,0.1,,0.5,1\n"
        )


def test_trainings_are_those_of_the_settings_and_not_what_lies_in_the_folder(tmp_path):
    files = study(tmp_path)
    places = [files.folder(run).relative_to(tmp_path).as_posix() for run in files.trainings("d")]
    assert len(places) == 2 * 2 * 2 * 2
    assert places[0] == "runs/s/d/ce/seed-0/fold-0" and "runs/s/d/<b>/seed-1-repeat-1/fold-1" in places
    assert len(study(tmp_path, folds=None, repeats=1).trainings("d")) == 2 * 2


def test_a_training_that_is_not_finished_is_named(tmp_path):
    files = study(tmp_path)
    with pytest.raises(UserError, match=r"fold-0/config\.yaml: no such file, so this training run is not finished"):
        recorded(files, files.trainings("d")[0])


def test_versions_settings_and_code_are_told_and_mixed_code_is_warned_of(tmp_path):
    files = study(tmp_path)
    finish(files, ce="2" * 16)
    found = settings_section.gather(files)
    assert found["several_codes"] == ["ce"]
    assert found["versions"].rows == (Row(("2.13.0", "cpu"), (Cell("16"),)),)
    assert ("datasets.d.adapter", "x") in [row.labels for row in found["settings"].rows]
    assert [row.cells[-1].text for row in found["conditions"].rows] == ["baseline", ""]
    page = render.environment().get_template("sections/settings.html").render(study=files, **found)
    assert "more than one version of the code: ce." in page and "<b>" not in page


def test_a_training_that_diverged_says_so(tmp_path):
    files = study(tmp_path)
    finish(files)
    write_json(tmp_path / "tables/s/verdict.json", {"datasets": {"d": {"condition_labels": {"ce": "CE"}}}})
    panel = learning_curves.gather(files)["datasets"][0]["trainings"]
    assert panel.stubs == ("Condition", "Seed", "Repeat", "Fold") and len(panel.rows) == 16
    assert panel.rows[0] == Row(("CE", "0", "0", "0"), tuple(map(Cell, ("2", "0.900", "–", "diverged"))))


def test_every_row_of_trainings_has_a_cell_for_each_column(tmp_path):
    """With a validation part there are two columns more, of the epoch that was kept."""
    files = study(tmp_path, folds=None, repeats=1)
    finish(files)
    head = "epoch,learning_rate,train_loss,train_balanced_accuracy,seconds,validation_loss,validation_mcc\n"
    for run in files.trainings("d"):
        (files.folder(run) / "history.csv").write_text(head + "1,0.1,0.9,0.5,1,0.8,0.4\n")
    write_json(tmp_path / "tables/s/verdict.json", {"datasets": {}})
    panel = learning_curves.gather(files)["datasets"][0]["trainings"]
    assert [len(row.cells) for row in panel.rows] == [len(panel.columns)] * 4
    assert panel.columns[3:5] == ("Kept epoch", "Validation MCC there")


def test_the_revision_is_that_of_this_checkout_and_of_no_other(tmp_path, monkeypatch):
    found = revision.revision()
    assert found is None or re.fullmatch(r"[0-9a-f]{12,}", found.commit)
    monkeypatch.setattr(revision, "ROOT", tmp_path)
    assert revision.revision() is None
