"""The step `explanations`: networks and subjects that it explains, the sanity check with random weights, errors."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from explanation_cases import explain, ranked
from training_cases import settings as run_settings
from training_cases import write_dataset
from training_runs import run as train

from imbalance_aware.models.make import make_model
from imbalance_aware.reporting import explanations
from imbalance_aware.reporting.explained_subjects import chosen_subjects
from imbalance_aware.reporting.explanation_maps import load_maps
from imbalance_aware.tables.predictions import read_predictions
from imbalance_aware.tables.ranks import RANKS
from imbalance_aware.tables.similarities import SIMILARITIES

pytestmark = pytest.mark.usefixtures("one_thread")


def test_the_step_explains_the_best_and_the_baseline_on_test_subjects(explained_study, explained):
    maps = load_maps(explained / "phantoms/maps.npz")
    assert maps.networks.tolist() == ["baseline", "best", "random"]
    assert maps.conditions.tolist() == ["ce-uniform", "ce-oversampling", ""]
    assert str(maps.layer) == "layer3" and maps.cells.tolist() == [2, 2]
    best = read_predictions(explained_study / "runs/study/phantoms/ce-oversampling/seed-0/predictions.csv")
    chosen = chosen_subjects(best)
    assert maps.subjects.tolist() == [best.subjects[one.place] for one in chosen]
    samples = pd.read_csv(explained_study / "phantoms/samples.csv").set_index("subject")
    assert set(samples.loc[maps.subjects, "split"]) == {"test"}
    assert np.array_equal(
        maps.images, np.load(explained_study / "phantoms/images.npy")[samples.index.get_indexer(maps.subjects)]
    )
    for column, condition in enumerate(maps.conditions[:2]):
        table = read_predictions(explained_study / "runs/study/phantoms" / condition / "seed-0/predictions.csv")
        wanted = [table.probabilities[table.subjects.tolist().index(subject)] for subject in maps.subjects]
        np.testing.assert_allclose(maps.probabilities[:, column], wanted, atol=1e-5)
    assert maps.maps.shape == (len(chosen), 3, 32, 32) and maps.maps.min() >= 0
    largest = maps.maps.max(axis=(2, 3))
    assert set(largest.ravel().round(6)) <= {0, 1} and largest.max() == 1, "each map has its own scale"


def test_random_weights_have_other_maps_and_the_table_says_how_alike(explained):
    maps, table = load_maps(explained / "phantoms/maps.npz"), SIMILARITIES.read(explained / "phantoms/similarity.csv")
    count = len(explanations.RANDOM_SEEDS)
    assert count == 10 and len(table) == len(maps.subjects) * (2 * count + 1)
    pairs = table[["a", "b"]].value_counts()
    assert pairs["baseline", "best"] == len(maps.subjects) and pairs["best", "random"] == count * len(maps.subjects)
    assert set(table.loc[table["b"] == "random", "draw"]) == {*range(count)}
    assert set(table["cells"]) == {4} and table["spearman"].dropna().between(-1, 1).all()
    assert not np.allclose(maps.maps[:, 1], maps.maps[:, 2])
    assert table.loc[table["b"] == "random", "spearman"].mean() < 0.9


def test_random_weights_are_independent_of_the_first_weights_of_the_run(explained_study):
    one = explanations.read_run(explained_study / "runs/study/phantoms/ce-uniform/seed-0/model.pt")
    start = make_model(one.architecture, one.spec, 0).state_dict()
    draws = [explanations.random_network(one, seed).state_dict() for seed in explanations.RANDOM_SEEDS]
    kernels = [state["layer4.0.conv1.weight"].flatten() for state in (start, *draws)]
    assert np.abs(np.corrcoef(torch.stack(kernels)) - np.eye(len(kernels))).max() < 0.2
    assert not draws[0]["bn1.running_mean"].any(), "no mean of the training is kept either"


def test_the_same_bytes_each_time(explained_study, explained, tmp_path):
    assert explain(explained_study, tmp_path) == 0
    for name in ("maps.npz", "similarity.csv"):
        assert (tmp_path / "phantoms" / name).read_bytes() == (explained / "phantoms" / name).read_bytes()


@pytest.mark.parametrize("crop", [None, 32])
def test_volumes_are_shown_in_the_middle_slice_of_what_the_network_sees(tmp_path, crop):
    dataset = write_dataset(tmp_path / "phantoms", dimensions=3, edge=40)
    model = tmp_path / "runs/study/phantoms/ce-uniform/seed-0"
    change = {"training": {"epochs": 1}, "augmentation": {"contrast_gain": None, "crop": crop}}
    train(dataset, model, run_settings(**change))
    (tmp_path / "ranks.csv").write_text(RANKS.csv(ranked(("phantoms", "primary", "ce-uniform", 1.0))))
    assert explain(tmp_path, tmp_path) == 0
    maps = load_maps(tmp_path / "phantoms/maps.npz")
    assert maps.networks.tolist() == ["best", "random"] and "is the best condition" in str(maps.note)
    samples = pd.read_csv(dataset / "samples.csv").set_index("subject").index
    inner = slice(4, 36) if crop else slice(None)
    stored = np.load(dataset / "images.npy")[samples.get_indexer(maps.subjects), -1, inner, inner, 20]
    assert np.array_equal(maps.images[:, 0], stored.swapaxes(1, 2))
    assert maps.maps.shape[2:] == maps.images.shape[2:] and len(maps.cells) == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"baseline": "f1-uniform"}, "no model of the baseline f1-uniform is given"),
        ({"ranks": "nowhere.csv"}, "nowhere.csv: no such file"),
    ],
)
def test_mistakes_are_explained(explained_study, tmp_path, capsys, change, message):
    assert explain(explained_study, tmp_path, **change) == 2
    assert message in capsys.readouterr().err


def test_a_model_of_another_run_is_refused(explained_study, tmp_path, capsys):
    runs = tmp_path / "runs/study/phantoms"
    for condition, other in (("ce-uniform", "ce-oversampling"), ("ce-oversampling", "ce-uniform")):
        (runs / condition / "seed-0").mkdir(parents=True)
        for name, source in (("model.pt", condition), ("predictions.csv", other)):
            content = (explained_study / "runs/study/phantoms" / source / "seed-0" / name).read_bytes()
            (runs / condition / "seed-0" / name).write_bytes(content)
    assert explain(explained_study, tmp_path, models=[*runs.glob("*/seed-0/model.pt")]) == 2
    assert "than predictions.csv in the same folder: they are not from the same run" in capsys.readouterr().err


def test_samples_in_another_order_are_refused(explained_study, tmp_path, capsys):
    samples = pd.read_csv(explained_study / "phantoms/samples.csv")
    samples[::-1].to_csv(tmp_path / "samples.csv", index=False)
    assert explain(explained_study, tmp_path, samples=tmp_path / "samples.csv") == 2
    assert "does not describe image" in capsys.readouterr().err


def test_without_monai_the_package_to_install_is_named(explained_study, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "monai.visualize", None)
    assert explain(explained_study, tmp_path) == 2
    assert "pip install 'imbalance-aware[monai]'" in capsys.readouterr().err


@pytest.mark.slow
def test_the_step_needs_no_package_that_its_environment_lacks():
    """`envs/monai.yaml` has neither matplotlib nor SimpleITK nor scikit-image."""
    script = (
        "import sys; sys.modules.update(matplotlib=None, SimpleITK=None, skimage=None)\n"
        "import imbalance_aware.reporting.explanations\n"
        "from imbalance_aware.reporting.grad_cam import _monai_grad_cam, upsampled\n"
        "import torch; _monai_grad_cam(); upsampled(torch.ones(2, 2), (4, 4))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_baseline_that_diverged_is_left_out(explained_study, tmp_path, monkeypatch):
    converged = property(lambda one: "ce-oversampling" in str(one.path))
    monkeypatch.setattr(explanations.Trained, "converged", converged)
    assert explain(explained_study, tmp_path) == 0
    maps = load_maps(tmp_path / "phantoms/maps.npz")
    assert maps.networks.tolist() == ["best", "random"] and "ce-uniform, diverged" in str(maps.note)
