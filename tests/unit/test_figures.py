"""Every figure of a study: the same bytes each time, names of data, size of panels, errors."""

import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from figure_cases import CONDITIONS, commands, files_of, values_of, write_study

from imbalance_aware.__main__ import main
from imbalance_aware.errors import UserError
from imbalance_aware.reporting import style
from imbalance_aware.reporting.class_distribution import class_shares
from imbalance_aware.reporting.labels import readable
from imbalance_aware.reporting.run_files import runs_of_one_dataset


@pytest.fixture
def study(tmp_path):
    write_study(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_every_figure_is_the_same_bytes_in_every_process(study):
    steps = commands(study, "fundus_phantoms")
    contents = []
    for place, seed in (("a", "0"), ("b/c", "7")):
        folder = study / place
        out = {step: ["--png", str(folder / f"{step}.png"), "--pdf", str(folder / f"{step}.pdf")] for step in steps}
        calls = [[step, *out[step], *arguments] for step, arguments in steps.items()]
        code = f"import sys; from imbalance_aware.__main__ import main; sys.exit(sum(map(main, {calls!r})))"
        environment = {**os.environ, "PYTHONHASHSEED": seed, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert not done.stderr
        contents.append({path.name: path.read_bytes() for path in sorted(folder.iterdir())})
    assert len(contents[0]) == 10 and contents[0] == contents[1]
    for name, content in contents[0].items():
        assert content.startswith(b"%PDF" if name.endswith("pdf") else b"\x89PNG")
        assert b"CreationDate" not in content and str(study).encode() not in content


@pytest.mark.parametrize(
    "step", ["class_distribution", "learning_curves", "confusion_matrices", "metric_dots", "feature_map"]
)
def test_phantoms_are_called_phantoms_in_every_figure(study, step, monkeypatch):
    texts = []

    def keep_texts(canvas, *_, **__):
        texts.extend(text.get_text() for text in canvas.findobj(match=lambda artist: hasattr(artist, "get_text")))

    monkeypatch.setattr(style.Figure, "savefig", keep_texts)
    arguments = commands(study, "fundus_phantoms")[step]
    assert main([step, "--png", str(study / "x.png"), "--pdf", str(study / "x.pdf"), *arguments]) == 0
    assert "Fundus phantoms" in texts


def test_class_shares_by_split_for_one_cohort_and_by_cohort_for_several():
    samples = pd.DataFrame(
        {
            "class": ["b", "a", "a", "a"],
            "label": [1, 0, 0, 0],
            "cohort": "one",
            "split": ["train", "train", "train", "test"],
        }
    )
    shares = class_shares(samples)
    assert shares["group"].unique().tolist() == ["all", "train", "test"]
    assert shares["class"].tolist()[:2] == ["a", "b"]
    assert shares.query("group == 'all'")["percent"].tolist() == [75, 25]
    assert shares.query("group == 'test'")["count"].tolist() == [1, 0]
    validated = class_shares(samples.assign(split=["train", "train", "validation", "test"]))
    assert validated["group"].unique().tolist() == ["all", "train", "validation", "test"]
    assert class_shares(samples.assign(split=""))["group"].unique().tolist() == ["all"], "cross-validated"
    several = class_shares(samples.assign(cohort=["x", "y", "y", "y"]))
    assert several["group"].unique().tolist() == ["all", "x", "y"]


def test_runs_keep_the_order_of_the_table_and_refuse_a_mixture(study):
    metrics = pd.read_csv(study / "metrics.csv")
    paths = [study / path for path in files_of(study, "glaucoma", "history.csv")]
    runs = runs_of_one_dataset(paths[::-1], metrics)
    assert runs["condition"].drop_duplicates().tolist() == [row["condition"] for row in CONDITIONS]
    assert len(runs) == len(paths) == 8
    other = [study / path for path in files_of(study, "fundus_phantoms", "history.csv")]
    with pytest.raises(UserError, match="one dataset"):
        runs_of_one_dataset(paths + other, metrics)
    with pytest.raises(UserError, match="no condition ce-uniform"):
        runs_of_one_dataset(paths, metrics[metrics["condition"] != "ce-uniform"])


def test_known_abbreviations_of_data_sets_are_in_capitals():
    assert [readable(name) for name in ("tcga_lgg", "ucsf_pdgm", "glaucoma_96")] == [
        "TCGA LGG",
        "UCSF PDGM",
        "Glaucoma 96",
    ]


def many_classes(study, count):
    """The study with ``count`` classes, of which the last has three test subjects and one condition collapsed."""
    names = [f"a rather long name {place}" for place in range(count)]
    rng = np.random.default_rng(0)
    rows = []
    for folder in sorted(study.glob("s/glaucoma/*/seed-*")):
        matrix = rng.integers(1, 9, (count, count))
        matrix[-1] = np.eye(count, dtype=int)[0] * 3
        status = "collapsed" if folder.parent.name == "ce-weighted" else "ok"
        (folder / "metrics.json").write_text(
            json.dumps({"classes": names, "status": status, "confusion_matrix": matrix.tolist()})
        )
        labels = np.repeat(np.arange(count), 3)
        table = pd.DataFrame({"subject": range(len(labels)), "class": [names[k] for k in labels], "label": labels})
        table = table.assign(group=table["subject"], cohort="made up")
        table[[f"prob_{name}" for name in names]] = 1 / count
        table.to_csv(folder / "predictions.csv", index=False)
        np.save(folder / "features.npy", rng.normal(size=(len(labels), 5)))
        condition = next(row for row in CONDITIONS if row["condition"] == folder.parent.name)
        values = {"f1_macro": rng.random(), "balanced_accuracy": rng.random(), f"test_subjects_{names[-1]}": 3}
        values |= {f"f1_{name}": rng.random() for name in names}
        rows += [
            {**condition, "seed": int(folder.name[-1]), "metric": name, "value": value, "status": status}
            for name, value in values.items()
        ]
    metrics = pd.DataFrame(rows).assign(study="s", dataset="glaucoma", batch_size=50, repeat=0, unit="sample")
    metrics.to_csv(study / "metrics.csv", index=False)


@pytest.mark.parametrize("step", ["confusion_matrices", "feature_map"])
@pytest.mark.parametrize("count", [2, 12])
def test_panels_keep_their_size_whatever_the_number_of_classes(study, monkeypatch, step, count):
    many_classes(study, count)
    kept = []
    monkeypatch.setattr(style.Figure, "savefig", lambda canvas, *_, **__: kept.append(canvas))
    arguments = commands(study, "glaucoma")[step]
    assert main([step, "--png", str(study / "x.png"), "--pdf", str(study / "x.pdf"), *arguments]) == 0
    canvas = kept[0]
    canvas.draw_without_rendering()
    panels = [axes for axes in canvas.axes if axes.axison]
    boxes = [axes.get_window_extent().transformed(canvas.dpi_scale_trans.inverted()) for axes in panels]
    assert min(min(box.width, box.height) for box in boxes) > (0.08 * count if step == "confusion_matrices" else 0.8)
    (legend,) = canvas.legends
    covered = legend.get_window_extent()
    assert not any(covered.overlaps(axes.get_window_extent()) for axes in panels)
    assert covered.x0 >= 0 and covered.x1 <= canvas.bbox.width and covered.y1 <= canvas.bbox.height + 1
    below = canvas.get_supxlabel()
    assert "Fewer than 5 test subjects" in below.replace("\n", " ")
    if step == "confusion_matrices":
        assert "+ Weights †2" in [axes.texts[-1].get_text().splitlines()[1] for axes in panels]


def test_what_cannot_be_drawn_is_explained(study, capsys):
    out = ["--png", str(study / "x.png"), "--pdf", str(study / "x.pdf")]
    metrics = ["--metrics", str(study / "metrics.csv")]
    features = files_of(study, "glaucoma", "features.npy")
    assert main(["feature_map", *out, *metrics, *features]) == 2
    assert "one seed" in capsys.readouterr().err
    assert main(["metric_dots", *out, *metrics, "--values", values_of(study), "--metric", "beauty"]) == 2
    assert 'there is no metric "beauty"' in capsys.readouterr().err
    assert main(["class_distribution", *out, str(study / "nowhere" / "samples.csv")]) == 2
    assert "no such file" in capsys.readouterr().err
    assert not (study / "x.png").exists()


def test_a_study_whose_runs_all_diverged_is_drawn(study):
    metrics = pd.read_csv(study / "metrics.csv").assign(status="diverged", value=np.nan)
    metrics.to_csv(study / "diverged.csv", index=False)
    features = files_of(study, "glaucoma", "features.npy", seed=1)
    for number, (step, files) in enumerate(
        (("metric_dots", ["--values", values_of(study)]), ("feature_map", features))
    ):
        out = ["--png", str(study / f"{number}.png"), "--pdf", str(study / f"{number}.pdf")]
        assert main([step, *out, "--metrics", str(study / "diverged.csv"), *files]) == 0
        assert (study / f"{number}.png").stat().st_size > 1000
