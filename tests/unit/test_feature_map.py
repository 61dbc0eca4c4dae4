"""Feature maps: which conditions are drawn, and the embedding."""

import numpy as np
import pandas as pd
import pytest
from figure_cases import files_of, write_study

from imbalance_aware.reporting import feature_map
from imbalance_aware.reporting.run_files import runs_of_one_dataset


@pytest.fixture
def study(tmp_path):
    write_study(tmp_path)
    return tmp_path


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
