"""The figure of explanations: rows and columns, its texts, and what it says where nothing can be drawn."""

import importlib
import math
from dataclasses import replace

import numpy as np
import pytest
from explanation_cases import explain, ranked
from matplotlib.text import Text

from imbalance_aware.__main__ import main
from imbalance_aware.reporting import explanations, figure_explanations, style
from imbalance_aware.reporting.explanation_maps import load_maps
from imbalance_aware.reporting.figure_catalogue import FIGURES
from imbalance_aware.tables.ranks import RANKS
from imbalance_aware.tables.similarities import SIMILARITIES

pytestmark = pytest.mark.usefixtures("one_thread")


def draw(explained_study, out, kept, monkeypatch):
    monkeypatch.setattr(style.Figure, "savefig", lambda canvas, *_, **__: kept.append(canvas))
    files = [
        "--png",
        str(out / "x.png"),
        "--pdf",
        str(out / "x.pdf"),
        "--metrics",
        str(explained_study / "metrics.csv"),
    ]
    similarity = ["--similarity", str(out / "phantoms/similarity.csv")]
    return main(["figure_explanations", *files, *similarity, str(out / "phantoms/maps.npz")])


def test_the_figure_has_a_row_per_subject_and_a_column_per_network(explained_study, explained, monkeypatch):
    kept = []
    assert draw(explained_study, explained, kept, monkeypatch) == 0
    maps, table = load_maps(explained / "phantoms/maps.npz"), SIMILARITIES.read(explained / "phantoms/similarity.csv")
    panels = np.array([axes for axes in kept[0].axes if axes.images], dtype=object).reshape(len(maps.subjects), 4)
    titles = ["Image", "Baseline\nCE, Uniform", "Best\nCE, Oversampling", "Random weights\none network of 10"]
    assert [axes.get_title() for axes in panels[0]] == titles
    for row, subject in enumerate(maps.subjects):
        words = panels[row, 0].get_ylabel().splitlines()
        classes = [name.upper() for name in maps.classes]
        assert words[0] == subject and words[1].startswith(maps.outcomes[row])
        assert words[2:] == [f"true: {classes[maps.labels[row]]}", f"maps of: {classes[maps.explained[row]]}"]
        for column in range(3):
            found = maps.probabilities[row, column]
            said = panels[row, 1 + column].get_xlabel().splitlines()
            assert said[0] == f"{classes[found.argmax()]} {found.max():.2f}"
            assert (len(said) > 1 and said[1].startswith("(")) == (found.argmax() != maps.explained[row])
            if maps.maps[row, column].any():
                assert np.array_equal(panels[row, 1 + column].images[-1].get_array(), maps.maps[row, column])
        values = table[(table["subject"] == subject) & (table["a"] == "best") & (table["b"] == "random")]["spearman"]
        mean = "undefined" if values.isna().all() else f"{values.mean():.2f}".replace("-", "−")
        assert panels[row, 2].get_xlabel().splitlines()[-1] == f"ρ to random {mean}"
    note = " ".join(artist.get_text() for artist in kept[0].findobj(Text)).replace("\n", " ")
    pairs = table[(table["a"] == "best") & (table["b"] == "random")]["spearman"]
    said = f"best and random weights {pairs.mean():.2f} ({pairs.notna().sum()} of {len(pairs)})".replace("-", "−")
    assert said in note and "layer layer3, with 2 × 2 cells" in note
    assert kept[0].get_figwidth() == pytest.approx(style.TWO_COLUMNS_INCH)


@pytest.mark.parametrize("name", ["", "a_class_of_many_letters_that_is_longer_than_its_panel"])
def test_no_words_of_the_figure_touch_each_other_or_leave_the_page(
    explained_study, explained, tmp_path, monkeypatch, name
):
    maps = load_maps(explained / "phantoms/maps.npz")
    classes = np.array([f"{number} {name}" for number in range(3)]) if name else maps.classes
    replace(maps, classes=classes).save(tmp_path / "phantoms/maps.npz")
    similarity = (explained / "phantoms/similarity.csv").read_text()
    (tmp_path / "phantoms/similarity.csv").write_text(similarity)
    if name:
        label = "Balanced softmax with a queue, Oversampling + weights"
        monkeypatch.setattr(figure_explanations, "labels_of", lambda names, _: dict.fromkeys(names, label))
    kept = []
    assert draw(explained_study, tmp_path, kept, monkeypatch) == 0
    canvas = kept[0]
    canvas.draw_without_rendering()
    page = canvas.bbox
    shown = [text for text in canvas.findobj(Text) if text.get_visible() and text.get_text().strip()]
    boxes = [(text, text.get_window_extent()) for text in shown]
    for place, (text, box) in enumerate(boxes):
        assert page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1, text
        assert not [other for other, its in boxes[:place] if box.overlaps(its)], text


@pytest.mark.parametrize("broken", ["layer", "diverged", "ranks"])
def test_where_nothing_can_be_explained_the_figure_says_why(explained_study, tmp_path, monkeypatch, caplog, broken):
    caplog.set_level("INFO")
    ranks = explained_study / "ranks.csv"
    if broken == "layer":
        monkeypatch.setattr(explanations, "last_layer_with_maps", lambda *_: None)
    elif broken == "diverged":
        monkeypatch.setattr(explanations.Trained, "converged", False)
    else:
        ranks = tmp_path / "ranks.csv"
        ranks.write_text(RANKS.csv(ranked(("phantoms", "primary", "ce-uniform", math.nan))))
    assert explain(explained_study, tmp_path, ranks=ranks) == 0
    reason = {"layer": "no layer", "diverged": "diverged", "ranks": "no condition has a rank"}[broken]
    assert reason in caplog.text and len(SIMILARITIES.read(tmp_path / "phantoms/similarity.csv")) == 0
    kept = []
    assert draw(explained_study, tmp_path, kept, monkeypatch) == 0
    assert reason.lower() in " ".join(artist.get_text() for artist in kept[0].findobj(Text)).lower().replace("\n", " ")


def test_a_damaged_file_is_explained(explained_study, tmp_path, capsys):
    (tmp_path / "phantoms").mkdir()
    for content in (b"PK", b"x" * 100, b""):
        (tmp_path / "phantoms/maps.npz").write_bytes(content)
        files = ["--png", "x.png", "--pdf", "x.pdf", "--metrics", "m.csv", "--similarity", "s.csv"]
        assert main(["figure_explanations", *files, str(tmp_path / "phantoms/maps.npz")]) == 2
        assert "not the maps that the step `explanations` writes" in capsys.readouterr().err


def test_the_row_of_the_figure_is_in_step_with_the_rule_and_the_module(checkout):
    (row,) = (figure for figure in FIGURES if figure.step == "figure_explanations")
    rules = (checkout / "workflow/rules/figures.smk").read_text()
    for name, file in {"maps": "maps.npz", "similarity": "similarity.csv"}.items():
        assert name in (*row.options, row.files)
        path = f'"results/explanations/{{study}}/{{dataset}}/{file}"'
        assert f'"{name}": {path},' in rules and f"{name}={path}," in rules
    module = importlib.import_module(f"imbalance_aware.reporting.{row.step}")
    assert module.__doc__
    assert len(explanations.RANDOM_SEEDS) == 10 and "ten untrained networks" in row.caption


@pytest.mark.slow
def test_the_figure_has_the_same_bytes_each_time(explained_study, explained, tmp_path):
    contents = set()
    for name in "ab":
        out = [part for kind in ("png", "pdf") for part in (f"--{kind}", str(tmp_path / name / f"x.{kind}"))]
        files = [
            "--metrics",
            str(explained_study / "metrics.csv"),
            "--similarity",
            str(explained / "phantoms/similarity.csv"),
        ]
        assert main(["figure_explanations", *out, *files, str(explained / "phantoms/maps.npz")]) == 0
        contents.add((tmp_path / name / "x.png").read_bytes() + (tmp_path / name / "x.pdf").read_bytes())
    assert len(contents) == 1
