"""Learning curves: means, validation, diverged runs."""

import numpy as np
import pandas as pd
import pytest
from figure_cases import commands, write_study

from imbalance_aware.__main__ import main
from imbalance_aware.reporting import learning_curves, style
from imbalance_aware.tables.history import Epoch, history_csv


@pytest.fixture
def study(tmp_path):
    write_study(tmp_path)
    return tmp_path


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
