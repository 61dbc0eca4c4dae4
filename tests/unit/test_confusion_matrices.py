"""Confusion matrices: percentages, short names of classes, layout."""

import json

import pandas as pd
import pytest
from figure_cases import commands, write_study

from imbalance_aware.__main__ import main
from imbalance_aware.reporting import confusion_matrices, style


@pytest.fixture
def study(tmp_path):
    write_study(tmp_path)
    return tmp_path


def test_confusion_percentages_add_up_counts_of_seeds():
    axes = style.Figure().subplots()
    confusion_matrices.draw(
        axes, [[[8, 2, 0], [0, 0, 0], [1, 1, 2]], [[2, 8, 0], [0, 0, 0], [0, 0, 4]]], ["N", "E", "A"]
    )
    assert [text.get_text() for text in axes.texts] == ["50", "50", "0", "–", "–", "–", "12", "12", "75"]
    ticks = [text.get_text() for text in axes.get_yticklabels()]
    assert ticks == ["N (10)", "E (0)", "A (4)"], "test subjects, not runs times subjects"


@pytest.mark.parametrize(
    ("names", "short"),
    [
        (["no", "early", "advanced"], ["no", "E", "A"]),
        (["mild", "moderate", "severe"], ["Mi", "Mo", "Se"]),
        (["grade_1", "grade_2"], ["G1", "G2"]),
        ([f"type number {k}" for k in range(12)], [f"T{k}" for k in range(12)]),
        (["0", "1", "2", "10"], ["0", "1", "2", "10"]),
        (["IDH", "-ve", "a_b", "a b"], ["IDH", "-ve", "a_b", "a b"]),
        (["1", "type B", "type C"], ["1", "TB", "TC"]),
        (["1", "type Ba", "type Bb"], ["1", "#2", "#3"]),
        (["#3", "type Ba", "type Bb"], ["#1", "#2", "#3"]),
    ],
)
def test_short_names_tell_classes_apart(names, short):
    assert confusion_matrices.short_names(names) == short


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (["no", "early", "advanced"], ["no", "E", "A"]),
        (["IDHwt", "IDHmut-non-codel", "IDHmut-codel"], ["IDHwt", "IDHmut-\nnon-codel", "IDHmut-\ncodel"]),
        (["1", "type Ba", "type Bb"], ["1", "Type Ba", "Type Bb"]),
        (["良性肿瘤一", "良性肿瘤二"], ["良性肿瘤一", "良性肿瘤二"]),
        (["良性肿瘤样病变一", "良性肿瘤样病变二"], ["#1", "#2"]),
        (["oligodendroglioma", "oligoastrocytoma"], ["#1", "#2"]),
        (["type of tumour A1 x", "type of tumour A1 y"], ["#1", "#2"]),
    ],
)
def test_names_are_written_out_where_only_a_number_would_tell_them_apart(names, shown):
    assert confusion_matrices.tick_labels(names) == shown


def test_names_on_several_lines_do_not_overlap(study, monkeypatch):
    """Of the real classes of gliomas, drawn: no label of an axis touches another, and no legend explains them."""
    kept = []
    monkeypatch.setattr(style.Figure, "savefig", lambda canvas, *_, **__: kept.append(canvas))
    classes = ["IDHwt", "IDHmut-non-codel", "IDHmut-codel"]
    for path in study.glob("s/glaucoma/*/*/metrics.json"):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"classes": classes}))
    arguments = commands(study, "glaucoma")["confusion_matrices"]
    assert main(["confusion_matrices", "--png", str(study / "x.png"), "--pdf", str(study / "x.pdf"), *arguments]) == 0
    canvas = kept[0]
    assert not canvas.legends[0].get_texts()
    for axes in canvas.axes:
        for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
            boxes = [label.get_window_extent() for label in labels if label.get_text()]
            assert not any(a.overlaps(b) for place, a in enumerate(boxes) for b in boxes[place + 1 :])


def test_the_title_of_the_last_panel_of_a_row_is_inside_the_page(study, monkeypatch):
    kept = []
    monkeypatch.setattr(style.Figure, "savefig", lambda canvas, *_, **__: kept.append(canvas))
    metrics = pd.read_csv(study / "metrics.csv")
    renamed = {"condition": "ce-square_root_frequency", "loss": "ce", "sampling": "square_root_frequency"}
    metrics.loc[metrics["condition"] == "mcc-oversampling", [*renamed]] = [*renamed.values()]
    (study / "s/glaucoma/mcc-oversampling").rename(study / "s/glaucoma/ce-square_root_frequency")
    metrics.to_csv(study / "metrics.csv", index=False)
    arguments = commands(study, "glaucoma")["confusion_matrices"]
    assert main(["confusion_matrices", "--png", str(study / "x.png"), "--pdf", str(study / "x.pdf"), *arguments]) == 0
    boxes = {text.get_text(): text.get_window_extent() for axes in kept[0].axes for text in axes.texts[-1:]}
    assert sum(name.startswith("CE\n") for name in boxes) == 3, "a full row"
    assert all(box.x0 >= 0 and box.x1 <= kept[0].bbox.width for box in boxes.values())


def test_losses_with_several_samplings_begin_a_row():
    assert confusion_matrices.lay_out([3, 2, 5, 1, 1, 1, 2]) == [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 15, 16]
