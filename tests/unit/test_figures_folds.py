"""Figures of a cross-validated dataset."""

import numpy as np
import pandas as pd
import pytest
from figure_cases import CONDITIONS, commands, write_study

from imbalance_aware.__main__ import main
from imbalance_aware.reporting import style
from imbalance_aware.reporting.run_files import runs_of_one_dataset


@pytest.fixture
def study(tmp_path):
    write_study(tmp_path)
    return tmp_path


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
    assert "one seed, repeat and fold can be drawn at a time" in capsys.readouterr().err
