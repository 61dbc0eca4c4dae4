"""Finished runs on phantoms, and the step `explanations` applied to them."""

import pandas as pd
from training_cases import settings as run_settings
from training_cases import write_dataset
from training_runs import run as train

from imbalance_aware.__main__ import main
from imbalance_aware.tables.ranks import RANKS


def ranked(*rows):
    columns = ["dataset", "role", "candidate", "rank"]
    return pd.DataFrame(rows, columns=columns)


def write_study(folder):
    """Two finished runs on phantoms, and what the tables of their study say of them."""
    dataset = write_dataset(folder / "phantoms", edge=32)
    for condition, epochs in (("ce-uniform", 1), ("ce-oversampling", 4)):
        change = {"training": {"epochs": epochs}, "condition": {"sampling": condition.partition("-")[2]}}
        train(dataset, folder / "runs/study/phantoms" / condition / "seed-0", run_settings(**change))
    ranks = ranked(("phantoms", "primary", "ce-uniform", 2.0), ("phantoms", "primary", "ce-oversampling", 1.0))
    (folder / "ranks.csv").write_text(RANKS.csv(ranks))
    rows = [
        {"study": "study", "dataset": "phantoms", "condition": name, "loss": "ce", "sampling": name.partition("-")[2]}
        | {"weighted": False, "batch_size": 8, "seed": 0, "repeat": 0, "unit": "sample", "metric": "f1_macro"}
        | {"value": 0.5, "status": "ok"}
        for name in ("ce-uniform", "ce-oversampling")
    ]
    pd.DataFrame(rows).to_csv(folder / "metrics.csv", index=False)
    return folder


def explain(study, out, baseline="ce-uniform", **changes):
    """Run the step; its status."""
    files = {"ranks": study / "ranks.csv", "images": study / "phantoms/images.npy"}
    files |= {"samples": study / "phantoms/samples.csv"} | changes
    models = files.pop("models", sorted((study / "runs").glob("*/*/*/seed-0/model.pt"), reverse=True))
    options = [part for name, path in files.items() for part in (f"--{name}", str(path))]
    written = ["--maps", str(out / "phantoms/maps.npz"), "--similarity", str(out / "phantoms/similarity.csv")]
    return main(["explanations", *options, "--baseline", baseline, *written, *map(str, models)])
