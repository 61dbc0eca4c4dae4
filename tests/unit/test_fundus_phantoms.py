"""Fundus phantoms: reproducible, in the real set's proportions, learnable and yet never perfectly."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.metrics import balanced_accuracy_score

from imbalance_aware.__main__ import main
from imbalance_aware.errors import UserError
from imbalance_aware.images import read_image
from imbalance_aware.phantoms.fundus import PROPORTIONS, class_counts, draw, write
from imbalance_aware.schema import validate
from imbalance_aware.sources.fundus_phantoms import Settings as FundusPhantomSettings


def settings_of(**options) -> FundusPhantomSettings:
    return validate(FundusPhantomSettings, {"adapter": "fundus_phantoms", "image_size": [32, 32], **options}, "test")


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        write(settings_of(subjects=24, seed=seed), tmp_path / name)
    assert files_of(tmp_path / "a") == files_of(tmp_path / "b")
    a, c = files_of(tmp_path / "a"), files_of(tmp_path / "c")
    assert a.keys() == c.keys()
    assert not any(a[name] == c[name] for name in a)


def test_a_larger_set_begins_with_the_smaller_one(tmp_path):
    write(settings_of(subjects=24), tmp_path / "small")
    write(settings_of(subjects=30), tmp_path / "large")
    small, large = files_of(tmp_path / "small"), files_of(tmp_path / "large")
    assert all(large[name] == content for name, content in small.items() if name != "table.csv")


@given(st.integers(24, 5000))
def test_classes_stand_in_the_proportions_of_the_real_set(subjects):
    counts = class_counts(subjects)
    assert sum(counts.values()) == subjects
    for name, count in counts.items():
        assert abs(count - subjects * PROPORTIONS[name] / 1542) < 1
    assert class_counts(1542) == PROPORTIONS


def test_phantoms_go_through_the_steps_as_any_images_do(tmp_path, capsys):
    settings = settings_of(subjects=24).model_dump_json()
    assert main(["phantoms", "--settings", settings, "--out", str(tmp_path / "phantoms")]) == 0
    assert read_image(tmp_path / "phantoms" / "early-0001.png").shape == (32, 32, 3)
    tables = ["--out", "cohort.csv", "--duplicates", "duplicates.csv", "--flow", "flow.csv"]
    tables = [part if part.startswith("--") else str(tmp_path / part) for part in tables]
    assert main(["cohort", "--settings", settings, "--source", str(tmp_path / "phantoms"), *tables]) == 0
    cohort = pd.read_csv(tmp_path / "cohort.csv", keep_default_na=False)
    assert (cohort["excluded"] == "").all()
    assert set(cohort["cohort"]) == {"phantom"}
    assert cohort["class"].value_counts().to_dict() == class_counts(24)
    assert main(["cohort", "--settings", settings, *tables]) == 2
    assert "--source" in capsys.readouterr().err


def test_phantoms_are_square():
    with pytest.raises(UserError, match="square"):
        settings_of(image_size=[32, 48])


def geometry(seed: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Drawn cup-to-disc ratio and disc height, and label, of ``count`` phantoms of each class."""
    eyes = [
        (draw(name, 8, np.random.default_rng([seed, label, number]))[1], label)
        for label, name in enumerate(PROPORTIONS)
        for number in range(count)
    ]
    return np.array([(eye.cup_to_disc, eye.disc_height) for eye, _ in eyes]), np.array([label for _, label in eyes])


def test_the_cup_grows_with_the_class_but_even_its_true_size_does_not_tell_all():
    features, labels = geometry(0, 80)
    ratios = [features[labels == label, 0].mean() for label in range(3)]
    assert ratios[0] + 0.1 < ratios[1] < ratios[2] - 0.1
    oracle = QuadraticDiscriminantAnalysis().fit(features, labels)
    unseen, truth = geometry(1, 80)
    assert 0.75 < balanced_accuracy_score(truth, oracle.predict(unseen)) < 0.95


@pytest.mark.slow
def test_a_small_network_learns_the_phantoms_but_not_perfectly():
    import torch
    from torch import nn

    def photographs(seed: int, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        images, labels = [], []
        for label, name in enumerate(PROPORTIONS):
            for number in range(count):
                images.append(draw(name, 48, np.random.default_rng([seed, label, number]))[0].transpose(2, 0, 1))
                labels.append(label)
        return torch.tensor(np.stack(images)).float() / 255, torch.tensor(labels)

    torch.manual_seed(0)
    layers = []
    for before, after in ((3, 8), (8, 16), (16, 32), (32, 64)):
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU(), nn.MaxPool2d(2)]
    network = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 3))
    images, labels = photographs(0, 100)
    epochs, steps = 14, len(labels) // 25
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * steps)
    for _ in range(epochs):
        for batch in torch.randperm(len(labels)).split(25):
            optimizer.zero_grad()
            turned = images[batch].flip(3) if torch.rand(()) < 0.5 else images[batch]
            nn.functional.cross_entropy(network(turned), labels[batch]).backward()
            optimizer.step()
            schedule.step()
    unseen, truth = photographs(1, 100)
    with torch.no_grad():
        predicted = network.eval()(unseen).argmax(1)
    assert 0.5 < balanced_accuracy_score(truth, predicted) < 0.9
