"""Figure 1: what it says follows from the configuration and the samples, and nothing overlaps, whatever the names."""

import json

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.patches import FancyBboxPatch
from matplotlib.text import Text as Drawn

from imbalance_aware.__main__ import main
from imbalance_aware.config import read_config
from imbalance_aware.reporting import design_words, style
from imbalance_aware.reporting.cards import width_inch, wrap
from imbalance_aware.reporting.recipe_words import RECIPE
from imbalance_aware.reporting.study_design import counts
from imbalance_aware.runs.settings import TrainingSettings
from imbalance_aware.study_design import study_design

GLAUCOMA = ("no", "early", "advanced")
STRANGE = (
    "良性肿瘤样病变（未见明显异常）",
    "a class with a very long name, of many words, that ends nowhere",
    "W" * 60,
    "x",
)


def merged(checkout, file, changes=None):
    """The configuration with a file and further changes over it."""

    def merge(below, above):
        for key, value in above.items():
            both = isinstance(value, dict) and isinstance(below.get(key), dict)
            below[key] = merge(below[key], value) if both else value
        return below

    found = yaml.safe_load((checkout / "config/config.yaml").read_text())
    for layer in ([yaml.safe_load((checkout / "config" / file).read_text())] if file else []) + [changes or {}]:
        found = merge(found, layer)
    return found


def design_of(checkout, study, file="", changes=None):
    config, studies = read_config(merged(checkout, file, changes), [])
    return study_design(studies[study], config)


def samples(folder, dataset, classes=GLAUCOMA, sizes=(20, 8, 12), parts=("train", "test"), images=1, cohorts=1):
    """A samples.csv; ``images`` of each patient."""
    labels = np.repeat(np.arange(len(classes)), sizes)
    table = pd.DataFrame({"subject": [f"s{n}" for n in range(len(labels))], "label": labels, "image_sha256": "0"})
    table["group"] = [f"p{n // images}" for n in range(len(labels))]
    table["cohort"] = [f"c{n % cohorts}" for n in range(len(labels))]
    table["class"] = [classes[label] for label in labels]
    table["split"] = [parts[n % len(parts)] if parts else "" for n in range(len(labels))]
    (folder / dataset).mkdir(parents=True)
    table.to_csv(folder / dataset / "samples.csv", index=False)
    return table


def draw(folder, design, monkeypatch):
    """The figure, not written."""
    kept = []
    monkeypatch.setattr(style.Figure, "savefig", lambda canvas, *_, **__: kept.append(canvas))
    paths = [str(folder / name / "samples.csv") for name in design["datasets"]]
    out = ["--png", str(folder / "x.png"), "--pdf", str(folder / "x.pdf")]
    assert main(["study_design", *out, "--design", json.dumps(design), *paths]) == 0
    return kept[0]


def texts_of(canvas):
    return [text for text in canvas.findobj(Drawn) if text.get_text()]


def assert_nothing_overlaps(canvas):
    """Texts touch neither each other nor the edge of a card, and every card is on the page."""
    (axes,) = canvas.axes
    cards = [patch.get_window_extent() for patch in axes.patches if isinstance(patch, FancyBboxPatch)]
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts_of(canvas)]
    assert len(cards) >= 4 and len(boxes) > 15
    for card in cards:
        assert card.x0 >= 0 and card.y0 >= 0 and card.x1 <= canvas.bbox.x1 and card.y1 <= canvas.bbox.y1
    for place, (text, box) in enumerate(boxes):
        inside = [c for c in cards if c.x0 <= box.x0 and c.x1 >= box.x1 and c.y0 <= box.y0 and c.y1 >= box.y1]
        assert len(inside) == 1, text
        # Lines of text may share the last pixel.
        for other, of in boxes[place + 1 :]:
            wide = min(box.x1, of.x1) - max(box.x0, of.x0)
            high = min(box.y1, of.y1) - max(box.y0, of.y0)
            assert wide <= 0.5 or high <= 2.5, (text, other)


def test_the_papers_design_in_words(checkout, tmp_path, monkeypatch):
    design = design_of(checkout, "paper")
    samples(tmp_path, "glaucoma")
    samples(tmp_path, "glioma", ("glioblastoma", "astrocytoma", "oligodendroglioma"), cohorts=3)
    canvas = draw(tmp_path, design, monkeypatch)
    assert_nothing_overlaps(canvas)
    assert canvas.get_figwidth() == style.TWO_COLUMNS_INCH
    said = " ".join(text.get_text() for text in texts_of(canvas))
    for part in (
        *("15 conditions: loss and sampling", "Glioma", "Glaucoma", "Images: 40", "MRI volumes: 40, 3 cohorts"),
        *("Split: tested on TCGA, excluded from training", "Split: published by the authors"),
        *("Resized to 240 × 240 pixels", "Sequences: T1, T1c, T2, FLAIR", "Patch of 96³ voxels", "random crop of 64³"),
        *("ResNet, blocks 3-4-6-3, widths 32-64-128-256", "250 epochs, batches of 50", "Seeds: 0, 1, 2, 3"),
        *("Glioma: 15 conditions × 4 seeds = 60 training runs", "Total: 120 training runs"),
        *("Balanced accuracy; all others are exploratory", "Baseline: CE, Uniform; relevant difference 0.02"),
        "for this procedure (other patients and other seeds)",
    ):
        assert part in said, part
    dots = [line for line in canvas.axes[0].lines if line.get_marker() == "o"]
    assert len(dots) == 15 + 1, "one for each condition, and the ring of the baseline"


def test_cross_validated_data_and_one_seed(checkout, tmp_path, monkeypatch):
    """The demo has folds; a single seed has one interval only."""
    design = design_of(checkout, "demo", "demo.yaml", {"studies": {"demo": {"seeds": [0]}}})
    samples(tmp_path, "fundus_phantoms")
    samples(tmp_path, "mri_phantoms", parts=(), images=2)
    canvas = draw(tmp_path, design, monkeypatch)
    assert_nothing_overlaps(canvas)
    said = " ".join(text.get_text() for text in texts_of(canvas))
    assert "40 of 20 groups (patients)" in said
    assert "Cross-validation: 2 folds, stratified by class, patients kept whole" in said
    assert "MRI phantoms: 15 conditions × 1 seed × 2 folds = 30 training runs" in said
    assert "cannot be inferred from one seed" in said and "this procedure" not in said


@pytest.mark.parametrize("count", [1, 2, 5])
def test_strange_names_and_many_conditions_do_not_overlap(checkout, tmp_path, monkeypatch, count):
    names = [f"hospital_of_an_extraordinarily_long_name_{number}" for number in range(count)]
    phantoms = {"adapter": "fundus_phantoms", "image_size": [48, 48]}
    datasets = {name: phantoms | {"split": {"method": "random", "validation": 0.15}} for name in names}
    datasets[names[-1]] = phantoms | {"split": {"method": "folds", "folds": 10, "repeats": 3}}
    study = {"datasets": names, "seeds": [*range(12)], "training": {"epochs": 3}}
    design = design_of(
        checkout, "strange", changes={"run": ["strange"], "datasets": datasets, "studies": {"strange": study}}
    )
    losses = [f"a loss that is called by {number} words or more" for number in range(30)]
    design["conditions"] += [
        {"condition": f"loss{number}-{sampling}", "loss": loss, "sampling": sampling, "weighted": weighted}
        for number, loss in enumerate(losses)
        for sampling, weighted in (("uniform", False), ("square_root", False), ("effective_number", True))
    ]
    for name in names:
        parts = () if name == names[-1] else ("train", "test", "validation")
        samples(tmp_path, name, STRANGE, (1000, 20, 3, 1), parts, cohorts=2)
    canvas = draw(tmp_path, design, monkeypatch)
    assert_nothing_overlaps(canvas)
    assert "Seeds: 12 (0 … 11)" in [text.get_text() for text in texts_of(canvas)]


def test_three_conditions_of_one_dataset(checkout, tmp_path, monkeypatch):
    only = ["ce-oversampling", "ce_mcc-oversampling", "mcc-uniform"]
    changes = {"studies": {"small": {"only": only, "training": {"select": "last"}}}}
    design = design_of(checkout, "small", "small.yaml", changes)
    samples(tmp_path, "glaucoma_96")
    canvas = draw(tmp_path, design, monkeypatch)
    assert_nothing_overlaps(canvas)
    said = [text.get_text() for text in texts_of(canvas)]
    assert "3 conditions: loss and sampling" in said
    assert any(line.startswith("Baseline: CE, Oversampling") for line in said), (
        "the first, as the study lacks ce-uniform"
    )


def test_options_of_the_recipe_are_shown_where_they_are_on(checkout, tmp_path, monkeypatch):
    recipe = {"weight_decay": 0.05, "warmup_epochs": 2, "clip_norm": 1, "accumulate": 2, "mixup": 0.2, "ema": 0.99}
    assert not recipe.keys() & design_of(checkout, "demo", "demo.yaml")["training"].keys()
    design = design_of(checkout, "demo", "demo.yaml", {"studies": {"demo": {"training": recipe}}})
    assert design["training"].items() >= recipe.items()
    samples(tmp_path, "fundus_phantoms")
    samples(tmp_path, "mri_phantoms", parts=(), images=2)
    canvas = draw(tmp_path, design, monkeypatch)
    assert_nothing_overlaps(canvas)
    said = " ".join(text.get_text() for text in texts_of(canvas))
    for part in ("a linear warm-up of 2 epochs", "mixup (alpha 0.2)", "moving average of the weights (decay 0.99)"):
        assert part in said


def test_counts_are_those_of_the_samples(tmp_path):
    table = counts(samples(tmp_path, "x", sizes=(20, 8, 12), parts=("train", "train", "test", "train")))
    assert table.rows == [
        ["Class", "n", "%", "training", "test"],
        ["No", "20", "50.0", "15", "5"],
        ["Early", "8", "20.0", "6", "2"],
        ["Advanced", "12", "30.0", "9", "3"],
        ["All", "40", "100", "30", "10"],
    ]


@pytest.mark.parametrize(
    ("split", "folds", "said"),
    [
        ({"method": "table"}, None, "Split: as in the table"),
        ({"method": "table"}, 4, "Cross-validation: 4 folds of the table"),
        (
            {"method": "leave_one_cohort_out"},
            2,
            "Cross-validation: each of 2 cohorts tested after training on the others",
        ),
        ({"method": "random", "test_fraction": 0.25}, None, "Split: 25 % test set, stratified by class"),
        ({"method": "folds"}, 5, "Cross-validation: 5 folds, 2 times, stratified by class"),
    ],
)
def test_every_method_of_splitting_has_words(split, folds, said):
    settings = {"split": split | {"validation": 0.1}, "folds": folds, "repeats": 2}
    assert design_words.split(settings, ["a", "b"], several=False) == [said, "Validation: 10 % of the training part"]


def test_missing_samples_are_named(checkout, tmp_path, capsys):
    design = design_of(checkout, "paper")
    samples(tmp_path, "glaucoma")
    out = ["--png", str(tmp_path / "x.png"), "--pdf", str(tmp_path / "x.pdf"), "--design", json.dumps(design)]
    assert main(["study_design", *out, str(tmp_path / "glaucoma/samples.csv")]) == 2
    assert "no samples.csv of glioma" in capsys.readouterr().err


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")) | st.just(" "), max_size=60), st.floats(0.3, 3)
)
def test_lines_fit_and_keep_every_letter(text, room):
    lines = wrap(text, room)
    assert "".join(lines).replace(" ", "") == "".join(text.split())
    assert all(width_inch(line) <= room for line in lines if len(line) > 1)


def test_an_option_of_the_recipe_is_off_where_the_settings_say_so():
    fields = TrainingSettings.model_fields
    assert {name: off for name, (off, _) in RECIPE.items()} == {name: fields[name].default for name in RECIPE}
