"""A card beside each trained model: what it is, what it was trained on, how good it is, and what it is not for.

In the form of Mitchell et al., "Model cards for model reporting", FAT* 2019, from the files of the run alone.
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imbalance_aware.class_names import metric_of_class
from imbalance_aware.errors import UserError
from imbalance_aware.journal.rendering import nouns, render
from imbalance_aware.journal.run_facts import different, shared, versions
from imbalance_aware.journal.texts import CARD
from imbalance_aware.json_text import read_object_argument
from imbalance_aware.losses import LOSSES
from imbalance_aware.losses.arguments import takes_class_counts
from imbalance_aware.metrics.catalogue import METRICS, OVERALL, TEST_GROUPS, TEST_SUBJECTS
from imbalance_aware.reporting.labels import loss_label, readable, sampling_label
from imbalance_aware.reporting.small_classes import FEW_IN_CLASS
from imbalance_aware.runs.identity import identify
from imbalance_aware.runs.run_config import PARTS, read_config
from imbalance_aware.tables.folds import read_fold
from imbalance_aware.tables.samples import SPLITS, read_samples

#: What the card says of each class.
OF_A_CLASS = ("recall", "precision", "f1", "auroc")


@dataclass(frozen=True)
class CardFiles:
    """What a card is made of, beside the metrics.

    Attributes:
        predictions: ``predictions.csv`` of the run, whose folder says which run it is.
        configs: ``config.yaml`` of the run, or of every fold.
        samples: ``samples.csv`` of the dataset.
        folds: table of the folds, in a cross-validation.
        fold: which of them, if the run is of one fold.
    """

    predictions: Path
    configs: Sequence[Path]
    samples: Path
    folds: Path | None = None
    fold: int | None = None


def model_card(report: Mapping[str, Any], about: str, files: CardFiles) -> str:
    """The card as Markdown.

    Args:
        report: content of ``metrics.json``.
        about: what `imbalance_aware.journal.study_settings.card_settings` says of the dataset, as JSON.
        files: of the run.

    Raises:
        UserError: a file that is missing or damaged, or folds that were not trained alike.
    """
    return render(CARD, card=card_facts(report, about, files))


def card_facts(report: Mapping[str, Any], about: str, files: CardFiles) -> dict[str, Any]:
    """What the template of the card is rendered with; see `model_card`."""
    run = identify(files.predictions)
    configs = [(path, read_config(path)) for path in files.configs]
    if not configs:
        raise UserError("--configs: a model card needs the config.yaml of the run, or of each of its folds")
    settings = {
        name: shared([(path, config[name]) for path, config in configs], name) for name in PARTS if name != "recorded"
    }
    condition, recorded = settings["condition"], [config["recorded"] for _, config in configs]
    dataset = _about(about) | {"name": run.dataset, "label": readable(run.dataset)}
    dataset |= nouns(dataset["kind"], dataset["phantoms"])
    loss = "+".join(name if factor == 1 else f"{factor:g}*{name}" for name, factor in condition["loss"].items())
    counts = [name for name in condition["loss"] if takes_class_counts(LOSSES[name])]
    return {
        "run": {
            "study": run.study,
            "condition": run.condition,
            "seed": run.seed,
            "repeat": run.repeat,
            "fold": run.fold,
            "trainings": len(configs),
        },
        "dataset": dataset | _samples(files) | {"augmentation": settings["augmentation"]},
        "study": {
            "runs": {
                "model": settings["model"],
                "training": settings["training"],
                "devices": different(recorded, "device"),
            },
            "datasets": [dataset],
        },
        "condition": condition
        | {
            "loss_label": loss_label(loss),
            "sampling_label": sampling_label(condition["sampling"], condition["weighted"]),
            "arguments": [
                f"{name}: {key} = {value}"
                for name, given in condition["kwargs"].items()
                for key, value in given.items()
            ],
            "balances": condition["weighted"] or condition["sampling"] != "uniform" or bool(counts),
        },
        "report": report,
        "metrics": _metrics(report),
        "classes": _classes(report),
        "collapsed_folds": [fold["fold"] for fold in report.get("folds", []) if fold["status"] == "collapsed"],
        "few": FEW_IN_CLASS,
        "versions": versions(recorded),
        "codes": different(recorded, "code"),
        "models": [shlex.quote(path.parent.as_posix()) for path, _ in configs],
        "max_value": configs[0][1].get("max_value"),
    }


def _about(text: str) -> dict[str, Any]:
    content = read_object_argument(text, "--about")
    if not {"kind", "phantoms", "split", "sources"} <= {*content}:
        raise UserError("--about: expected the keys kind, phantoms, split and sources of the dataset")
    return content


def _samples(files: CardFiles) -> dict[str, Any]:
    """Samples and patients of each class in each part; without parts for all folds of a cross-validation together."""
    rows = read_samples(files.samples, ("subject", "group", "class", "label", "split"))
    pooled = files.folds is not None and files.fold is None
    if files.folds is not None and files.fold is not None:
        part = read_fold(files.folds, files.fold)
        rows = [row | {"split": part[row["subject"]]} for row in rows]
    names = {int(row["label"]): row["class"] for row in rows}
    shown = [] if pooled else [split for split in SPLITS if any(row["split"] == split for row in rows)]
    return {
        "pooled": pooled,
        "alone": all(row["group"] == row["subject"] for row in rows),
        "shown": shown,
        "parts": [
            {"class": names[label], "all": _count(rows, names[label])}
            | {split: _count([row for row in rows if row["split"] == split], names[label]) for split in shown}
            for label in sorted(names)
        ],
    }


def _count(rows: Sequence[Mapping[str, str]], name: str) -> dict[str, int]:
    of_class = [row for row in rows if row["class"] == name]
    return {"n": len(of_class), "patients": len({row["group"] for row in of_class})}


def _metrics(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"label": METRICS[name].label, "better": METRICS[name].better, "value": report[name]}
        for name in OVERALL
        if report.get(name) is not None
    ]


def _classes(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Of each class: test samples and patients, and the metrics of `OF_A_CLASS`, None where one is undefined."""
    return [
        {
            "name": name,
            "n": report[TEST_SUBJECTS][name],
            "patients": report[TEST_GROUPS][name],
            "metrics": [report.get(metric_of_class(metric, name)) for metric in OF_A_CLASS],
        }
        for name in report["classes"]
    ]
