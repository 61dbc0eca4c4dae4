"""Predictions of a made-up study, what `statistics` makes of them, and figures of both."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
from condition_rows import conditions

from imbalance_aware.__main__ import main
from imbalance_aware.reporting import style

CLASSES = ["健康", "early_disease of an unusually long name, with $x_1$", "_x"]

CONDITIONS = conditions("ce-uniform", "ce-weighted", "mcc-uniform", "mcc-oversampling")


def write_runs(folder, seeds, sizes=(20, 12, 9), fold=None, diverged=(), collapsed=()):
    """Predictions of a made-up study, its metrics and what ``statistics`` makes of it; the paths of its files."""
    folder.mkdir()
    labels = np.repeat(range(len(sizes)), sizes)
    samples = pd.DataFrame({"subject": [f"s{place}" for place in range(len(labels))], "label": labels})
    samples = samples.assign(group=samples["subject"], cohort="made up", split="train")
    samples["class"] = [CLASSES[label] for label in labels]
    paths = []
    for number, condition in enumerate(row["condition"] for row in CONDITIONS):
        for seed in seeds:
            rng = np.random.default_rng([number, seed])
            logits = rng.normal(size=(len(labels), len(sizes))) + (1 + number / 2) * np.eye(len(sizes))[labels]
            if (condition, seed) in collapsed:
                logits[:, 0] += 50
            values = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
            if (condition, seed) in diverged:
                values[0] = np.nan
            table = samples[["subject", "group", "cohort", "class", "label"]].copy()
            if fold is not None:
                table["fold"] = np.arange(len(labels)) % fold
            table[[f"prob_{name}" for name in CLASSES[: len(sizes)]]] = values
            place = folder / "s" / "eyes" / condition / f"seed-{seed}"
            place.mkdir(parents=True)
            table.to_csv(place / "predictions.csv", index=False)
            paths.append(place / "predictions.csv")
            assert main(["evaluate", "--predictions", str(paths[-1]), "--out", str(place / "metrics.json")]) == 0
    reports = [str(path.with_name("metrics.json")) for path in paths]
    collect = ["collect", "--study", "s", "--conditions", json.dumps(CONDITIONS), "--batch-size", "5"]
    assert main([*collect, "--out", str(folder / "metrics.csv"), *reports]) == 0
    (folder / "eyes").mkdir()
    trained = samples.assign(subject="t" + samples["subject"], group="t" + samples["group"])
    everyone = pd.concat([trained, samples.assign(split="test")])
    everyone.to_csv(folder / "eyes" / "samples.csv", index=False)
    counts = ["--samples", str(folder / "eyes" / "samples.csv")] if fold is None else []
    assert main(["statistics", *counts, "--out", str(folder), "--predictions", *map(str, paths)]) == 0
    return SimpleNamespace(folder=folder, paths=paths, metrics=pd.read_csv(folder / "metrics.csv"))


def arguments(study, step):
    """Of the command ``step``, but for where to write."""
    tables = {name: [f"--{name}", str(study.folder / f"{name}.csv")] for name in ("values", "comparisons", "ranks")}
    own = {
        "difference_forest": [*tables["values"], *tables["comparisons"], "--relevant-difference", "0.02"],
        "rank_intervals": [*tables["values"], *tables["ranks"]],
        "all_pairs": [*tables["values"], *tables["comparisons"], *tables["ranks"]],
        "metric_dots": tables["values"],
        "f1_by_class": tables["values"],
    }
    metrics = ["--metrics", str(study.folder / "metrics.csv")]
    if step not in own:
        return [*metrics, *map(str, study.paths)]
    return [*metrics, *own[step], *([] if step == "metric_dots" else ["--dataset", "eyes"])]


def drawn(study, step, monkeypatch, tmp_path, extra=()):
    """The figure that a command saves."""
    kept = []
    monkeypatch.setattr(style.Figure, "savefig", lambda canvas, *_, **__: kept.append(canvas))
    out = ["--png", str(tmp_path / "x.png"), "--pdf", str(tmp_path / "x.pdf")]
    assert main([step, *out, *arguments(study, step), *extra]) == 0
    return kept[0]


def texts_of(canvas):
    """All that a figure says, notes without their line breaks."""
    found = canvas.findobj(match=lambda artist: hasattr(artist, "get_text"))
    return " | ".join(text.get_text().replace("\n", " ") for text in found)
