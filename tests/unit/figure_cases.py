"""A made-up study, and the arguments of each figure of it."""

import json

import numpy as np
import pandas as pd
from condition_rows import conditions

from imbalance_aware.tables.history import Epoch, history_csv
from imbalance_aware.tables.values import VALUES

CLASSES = ["no", "early", "advanced"]

CONDITIONS = conditions("ce-uniform", "ce-weighted", "mcc-oversampling", "new-uniform")


def write_study(top):
    """Write a made-up study of two datasets, four conditions and two seeds; seed 1 of ``new`` diverged."""
    rng = np.random.default_rng(0)
    rows = []
    for dataset in ("fundus_phantoms", "glaucoma"):
        samples = pd.DataFrame({"label": np.repeat([0, 1, 2], [20, 4, 12])})
        samples["class"] = [CLASSES[label] for label in samples["label"]]
        samples = samples.assign(
            subject=samples.index, group=samples.index, cohort="made up", split=["train", "test"] * 18
        )
        (top / dataset).mkdir()
        samples.to_csv(top / dataset / "samples.csv", index=False)
        for row in CONDITIONS:
            condition = row["condition"]
            for seed in (0, 1):
                diverged = condition == "new-uniform" and seed == 1
                folder = top / "s" / dataset / condition / f"seed-{seed}"
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
                    {"dataset": dataset, "seed": seed, "metric": name, "status": "ok", **row}
                    | {"value": None if diverged else rng.random()}
                    for name in names
                ]
    metrics = pd.DataFrame(rows).assign(study="s", repeat=0, unit="sample", batch_size=50)
    metrics.to_csv(top / "metrics.csv", index=False)


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
