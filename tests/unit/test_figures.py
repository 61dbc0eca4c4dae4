"""Figures: the numbers they show, the same bytes each time, and names that call phantoms phantoms."""

import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from imbalance_aware.__main__ import main
from imbalance_aware.errors import UserError
from imbalance_aware.reporting import confusion_matrices, feature_map, learning_curves, style
from imbalance_aware.reporting.class_distribution import class_shares
from imbalance_aware.reporting.labels import readable
from imbalance_aware.reporting.run_files import runs_of_one_dataset
from imbalance_aware.tables.history import Epoch, history_csv
from imbalance_aware.tables.values import VALUES

CLASSES = ["no", "early", "advanced"]
CONDITIONS = [
    ("ce-uniform", "ce", "uniform", False),
    ("ce-weighted", "ce", "uniform", True),
    ("mcc-oversampling", "soft_mcc", "oversampling", False),
    ("new-uniform", "new", "uniform", False),
]


@pytest.fixture
def study(tmp_path):
    """A made-up study of two datasets, four conditions and two seeds; seed 1 of ``new`` diverged."""
    rng = np.random.default_rng(0)
    rows = []
    for dataset in ("fundus_phantoms", "glaucoma"):
        samples = pd.DataFrame({"label": np.repeat([0, 1, 2], [20, 4, 12])})
        samples["class"] = [CLASSES[label] for label in samples["label"]]
        samples = samples.assign(
            subject=samples.index, group=samples.index, cohort="made up", split=["train", "test"] * 18
        )
        (tmp_path / dataset).mkdir()
        samples.to_csv(tmp_path / dataset / "samples.csv", index=False)
        for condition, loss, sampling, weighted in CONDITIONS:
            for seed in (0, 1):
                diverged = condition == "new-uniform" and seed == 1
                folder = tmp_path / "s" / dataset / condition / f"seed-{seed}"
                folder.mkdir(parents=True)
                train_loss = np.where((np.arange(6) > 2) & diverged, np.nan, rng.random(6))
                epochs = (Epoch(number, 1e-3, loss, 0.5, 1.0) for number, loss in enumerate(train_loss.tolist(), 1))
                (folder / "history.csv").write_text(history_csv(epochs))
                matrix = None if diverged else rng.integers(1, 9, (3, 3)).tolist()
                (folder / "metrics.json").write_text(json.dumps({"classes": CLASSES, "confusion_matrix": matrix}))
                np.save(folder / "features.npy", rng.normal(size=(36, 5)).astype(np.float32))
                predictions = samples[["subject", "group", "cohort", "class", "label"]].copy()
                predictions[[f"prob_{name}" for name in CLASSES]] = 1 / 3
                predictions.to_csv(folder / "predictions.csv", index=False)
                names = ["balanced_accuracy", "f1_macro", *(f"f1_{name}" for name in CLASSES)]
                rows += [
                    (
                        dataset,
                        condition,
                        loss,
                        sampling,
                        weighted,
                        50,
                        seed,
                        name,
                        None if diverged else rng.random(),
                        "ok",
                    )
                    for name in names
                ]
    columns = [
        "dataset",
        "condition",
        "loss",
        "sampling",
        "weighted",
        "batch_size",
        "seed",
        "metric",
        "value",
        "status",
    ]
    pd.DataFrame(rows, columns=columns).assign(study="s", repeat=0, unit="sample").to_csv(
        tmp_path / "metrics.csv", index=False
    )
    return tmp_path


def files_of(study, dataset, name, seed="*"):
    return [str(path) for path in sorted(study.glob(f"s/{dataset}/*/seed-{seed}/{name}"))]


def values_of(study):
    """A table of values with no row, so that there are no intervals; `test_figures_statistics` has some."""
    path = study / "values.csv"
    path.write_text(VALUES.csv(pd.DataFrame(columns=list(VALUES.columns))))
    return str(path)


def commands(study, dataset):
    """Every figure of one dataset: step and arguments."""
    metrics = ["--metrics", str(study / "metrics.csv")]
    published = str(study / "published.csv")
    line = f"table1,{dataset},ce,uniform,50,balanced_accuracy,0.69,"
    (study / "published.csv").write_text(f"table,dataset,loss,sampling,batch_size,metric,mean,std\n{line}\n")
    return {
        "class_distribution": [str(study / dataset / "samples.csv")],
        "learning_curves": [*metrics, *files_of(study, dataset, "history.csv")],
        "confusion_matrices": [*metrics, *files_of(study, dataset, "metrics.json")],
        "metric_dots": [*metrics, "--values", values_of(study), "--published", published],
        "feature_map": [*metrics, *files_of(study, dataset, "features.npy", seed=0)],
    }


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
    assert runs["condition"].drop_duplicates().tolist() == [name for name, *_ in CONDITIONS]
    assert len(runs) == len(paths) == 8
    other = [study / path for path in files_of(study, "fundus_phantoms", "history.csv")]
    with pytest.raises(UserError, match="one dataset"):
        runs_of_one_dataset(paths + other, metrics)
    with pytest.raises(UserError, match="no condition ce-uniform"):
        runs_of_one_dataset(paths, metrics[metrics["condition"] != "ce-uniform"])


def test_best_and_worst_by_macro_f1_of_the_runs_given(study):
    metrics = pd.read_csv(study / "metrics.csv")
    runs = runs_of_one_dataset([study / p for p in files_of(study, "glaucoma", "features.npy", seed=1)], metrics)
    chosen = feature_map.best_and_worst(runs, metrics)
    f1 = metrics.query("dataset == 'glaucoma' and seed == 1 and metric == 'f1_macro'").dropna(subset="value")
    assert chosen["Best"]["condition"] == f1.loc[f1["value"].idxmax(), "condition"]
    assert chosen["Worst"]["condition"] == f1.loc[f1["value"].idxmin(), "condition"]
    assert list(feature_map.best_and_worst(runs[runs["condition"] == "ce-uniform"], metrics)) == ["Best"]
    assert feature_map.best_and_worst(runs[runs["condition"] == "new-uniform"], metrics) == {}


def test_embedding_keeps_clusters_apart_and_takes_few_points():
    rng = np.random.default_rng(0)
    features = np.r_[rng.normal(size=(20, 8)), rng.normal(size=(20, 8)) + 20]
    positions = feature_map.embed(features)
    first, second = positions[:20], positions[20:]
    spread = max(np.ptp(first, axis=0).max(), np.ptp(second, axis=0).max())
    assert np.linalg.norm(first.mean(axis=0) - second.mean(axis=0)) > spread / 2
    assert feature_map.embed(features[:4]).shape == (4, 2)
    assert (feature_map.embed(np.ones((40, 8), dtype=np.float32)) == 0).all()
    nearly = np.ones((40, 8)) + 1e-6 * rng.normal(size=(40, 8))
    assert np.isfinite(feature_map.embed(nearly)).all()


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


def test_known_abbreviations_of_data_sets_are_in_capitals():
    assert [readable(name) for name in ("tcga_lgg", "ucsf_pdgm", "glaucoma_96")] == [
        "TCGA LGG",
        "UCSF PDGM",
        "Glaucoma 96",
    ]


def test_losses_with_several_samplings_begin_a_row():
    assert confusion_matrices.lay_out([3, 2, 5, 1, 1, 1, 2]) == [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 15, 16]


def test_diverged_loss_ends_in_a_cross_and_leaves_the_mean():
    axes = style.Figure().subplots()
    epochs = pd.Index([1, 2, 3])
    learning_curves.draw(axes, [pd.Series([3.0, 2, 1], epochs), pd.Series([5.0, 4, np.nan], epochs)], "#000000")
    mean, cross = axes.lines
    assert mean.get_ydata().tolist() == [4, 3, 1]
    assert (cross.get_xdata()[0], cross.get_ydata()[0]) == (2, 4)


def test_validation_is_drawn_beside_the_training_loss(study, monkeypatch):
    kept = []
    monkeypatch.setattr(style.Figure, "savefig", lambda canvas, *_, **__: kept.append(canvas))
    for place, path in enumerate(sorted(study.glob("s/glaucoma/*/*/history.csv"))):
        epochs = [
            Epoch(number, 1e-3, 3.0 - number, 0.5, 1.0, *((2.0 - number, number / 10) if number % 2 else ()))
            for number in range(1, 7 - place % 2)
        ]
        path.write_text(history_csv(epochs, "auroc_macro"))
    arguments = commands(study, "glaucoma")["learning_curves"]
    assert main(["learning_curves", "--png", str(study / "x.png"), "--pdf", str(study / "x.pdf"), *arguments]) == 0
    panels = np.array(kept[0].axes).reshape(-1, 3)
    assert [axes.get_title() for axes in panels[0]] == ["Training loss", "Validation loss", "Macro AUROC (validation)"]
    assert [axes.get_ylabel() for axes in panels[:, 0]] == ["CE", "MCC", "New"]
    training, loss, metric = panels[0]
    assert training.lines[0].get_xdata().tolist() == [1, 2, 3, 4, 5, 6]
    assert loss.lines[0].get_xdata().tolist() == metric.lines[0].get_xdata().tolist() == [1, 3, 5], "validated epochs"
    assert metric.lines[0].get_ydata() == pytest.approx([0.1, 0.3, 0.5])
    assert loss.get_ylim() == training.get_ylim(), "over-fitting is seen on one scale"
    assert all(line.get_marker() != "x" for axes in panels.flat for line in axes.lines), "nobody diverged"


def test_histories_with_different_metrics_are_refused(study, capsys):
    paths = sorted(study.glob("s/glaucoma/*/*/history.csv"))
    for path, metric in zip(paths, ("mcc", "brier"), strict=False):
        path.write_text(history_csv([Epoch(1, 1e-3, 1.0, 0.5, 1.0)], metric))
    arguments = commands(study, "glaucoma")["learning_curves"]
    assert main(["learning_curves", "--png", str(study / "x.png"), "--pdf", str(study / "x.pdf"), *arguments]) == 2
    assert "different metrics of the validation part: brier, mcc" in capsys.readouterr().err


def test_epochs_stand_below_the_lowest_panel_of_each_column(study, monkeypatch):
    kept = []
    monkeypatch.setattr(style.Figure, "savefig", lambda canvas, *_, **__: kept.append(canvas))
    arguments = commands(study, "glaucoma")["learning_curves"]
    assert main(["learning_curves", "--png", str(study / "x.png"), "--pdf", str(study / "x.pdf"), *arguments]) == 0
    kept[0].draw_without_rendering()
    numbered = {axes.get_title(): axes.xaxis.get_tick_params()["labelbottom"] for axes in kept[0].axes if axes.axison}
    assert numbered == {"CE": False, "MCC": True, "New": True}


def test_colour_and_marker_never_repeat_together():
    names = [f"c{place}" for place in range(64)]
    colours, markers = style.colours(names), style.markers(names)
    assert len({(colours[name], markers[name]) for name in names}) == 64
    colours, lines = style.loss_colours(names), style.loss_lines(names)
    assert len({(colours[name], lines[name]) for name in names[:28]}) == 28


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
        condition = next(row for row in CONDITIONS if row[0] == folder.parent.name)
        values = {"f1_macro": rng.random(), "balanced_accuracy": rng.random(), f"test_subjects_{names[-1]}": 3}
        values |= {f"f1_{name}": rng.random() for name in names}
        rows += [
            ("glaucoma", *condition, 50, int(folder.name[-1]), name, value, status, "s")
            for name, value in values.items()
        ]
    columns = ["dataset", "condition", "loss", "sampling", "weighted", "batch_size", "seed"]
    columns += ["metric", "value", "status", "study"]
    pd.DataFrame(rows, columns=columns).assign(repeat=0, unit="sample").to_csv(study / "metrics.csv", index=False)


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
        assert "+ Weights †2" in [axes.get_title().splitlines()[1] for axes in panels]


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


# A cross-validated dataset: trainings lie one folder deeper, what is pooled where other runs have theirs.


@pytest.fixture
def crossed(study):
    """The made-up study, with the runs of one dataset as two folds each."""
    samples = pd.read_csv(study / "fundus_phantoms/samples.csv").assign(split=np.nan)
    samples.to_csv(study / "fundus_phantoms/samples.csv", index=False)
    for folder in study.glob("s/fundus_phantoms/*/seed-*"):
        history = (folder / "history.csv").read_text()
        predictions, features = pd.read_csv(folder / "predictions.csv"), np.load(folder / "features.npy")
        for fold in (0, 1):
            (folder / f"fold-{fold}").mkdir()
            (folder / f"fold-{fold}/history.csv").write_text(history)
            predictions[fold::2].to_csv(folder / f"fold-{fold}/predictions.csv", index=False)
            np.save(folder / f"fold-{fold}/features.npy", features[fold::2])
        (folder / "history.csv").unlink()
        (folder / "features.npy").unlink()
    return study


def folds_of(study, name, seed="*", fold="*"):
    return [str(path) for path in sorted(study.glob(f"s/fundus_phantoms/*/seed-{seed}/fold-{fold}/{name}"))]


def test_figures_of_a_cross_validated_dataset(crossed, monkeypatch):
    metrics = ["--metrics", str(crossed / "metrics.csv")]
    steps = commands(crossed, "fundus_phantoms") | {
        "learning_curves": [*metrics, *folds_of(crossed, "history.csv")],
        "feature_map": [*metrics, *folds_of(crossed, "features.npy", seed=0, fold=0)],
    }
    texts = {}

    def keep_texts(canvas, *_, **__):
        texts[step] = {text.get_text() for text in canvas.findobj(match=lambda artist: hasattr(artist, "get_text"))}

    monkeypatch.setattr(style.Figure, "savefig", keep_texts)
    for step, arguments in steps.items():
        assert main([step, "--png", str(crossed / "x.png"), "--pdf", str(crossed / "x.pdf"), *arguments]) == 0
    assert any(text.startswith("Maps: test subjects of fold 0 only. F1: all folds.") for text in texts["feature_map"])
    assert "All (n = 36)" in texts["class_distribution"] and not any("rain" in t for t in texts["class_distribution"])


def test_learning_curves_are_over_all_folds_and_seeds(crossed):
    runs = runs_of_one_dataset(folds_of(crossed, "history.csv"), pd.read_csv(crossed / "metrics.csv"))
    assert runs.groupby("condition").size().tolist() == [4] * len(CONDITIONS)
    assert sorted(runs["fold"].unique()) == [0, 1]


def test_a_map_of_several_folds_is_refused(crossed, capsys):
    arguments = ["--metrics", str(crossed / "metrics.csv"), *folds_of(crossed, "features.npy", seed=0)]
    assert main(["feature_map", "--png", str(crossed / "x.png"), "--pdf", str(crossed / "x.pdf"), *arguments]) == 2
    assert "one seed, repeat and fold are drawn at a time" in capsys.readouterr().err
