"""Summarise the findings of a study: which loss and sampling, and with what certainty.

From the tables of `statistics`, writes the facts as verdict.json and the same facts in words as verdict.md and
verdict.html, by rules from the numbers: what is best by the primary metric, not distinguishable from it, or worse;
whether loss, sampling, weights or decision rule made the difference; what the study could have shown; and warnings. A
difference is only called better or worse where its interval excludes 0.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from imbalance_aware.errors import UserError
from imbalance_aware.evaluation.candidates import PRIOR, candidate_name
from imbalance_aware.evaluation.settings import EvaluationSettings
from imbalance_aware.files import write_json, write_text
from imbalance_aware.json_text import read_argument
from imbalance_aware.reporting import blocks, verdict_warnings
from imbalance_aware.reporting.candidate_labels import effect_labels, labels_of
from imbalance_aware.reporting.labels import REFERENCES
from imbalance_aware.reporting.verdict_facts import Fact, Tables, facts
from imbalance_aware.reporting.verdict_words import page, summary
from imbalance_aware.schema import validate
from imbalance_aware.tables.comparisons import COMPARISONS
from imbalance_aware.tables.duplicates import read_duplicates
from imbalance_aware.tables.effects import EFFECTS
from imbalance_aware.tables.folds import read_folds
from imbalance_aware.tables.frames import PRIMARY
from imbalance_aware.tables.metrics import read_metrics
from imbalance_aware.tables.ranks import RANKS
from imbalance_aware.tables.samples import read_samples_frame
from imbalance_aware.tables.values import REFERENCE, VALUES

#: Columns of ``samples.csv`` that count who is tested.
SAMPLES = ("subject", "group", "class", "label", "split")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    parser.add_argument("--study", required=True, help="name of the study")
    parser.add_argument("--evaluation", default="{}", help="the block `evaluation` of the configuration, as JSON")
    parser.add_argument("--tables", type=Path, required=True, help="output folder of the step statistics")
    parser.add_argument("--metrics", type=Path, required=True, help="metrics.csv of the study, from collect")
    parser.add_argument("--samples", type=Path, nargs="+", required=True, help="…/dataset/samples.csv of every dataset")
    parser.add_argument("--duplicates", type=Path, nargs="*", default=[], help="…/dataset/duplicates.csv")
    parser.add_argument("--folds", type=Path, nargs="*", default=[], help="…/dataset/folds/repeat-R.csv")
    parser.add_argument("--out", type=Path, required=True, help="folder for verdict.json, .md and .html")


def run(args: argparse.Namespace) -> None:
    """Write the verdict."""
    found = verdict(args)
    for of in found["datasets"].values():
        of["summary"] = summary(of)
    write_json(args.out / "verdict.json", found)
    said = page(found)
    write_text(args.out / "verdict.md", blocks.to_markdown(said))
    write_text(args.out / "verdict.html", blocks.to_html(f"Verdict: {args.study}", said))


def verdict(args: argparse.Namespace) -> dict[str, Any]:
    """Facts of a study: ``study``, ``evaluation`` and one entry of ``datasets`` for each."""
    settings = validate(EvaluationSettings, read_argument(args.evaluation, "--evaluation"), "--evaluation")
    tables = Tables(
        *(
            form.read(args.tables / f"{name}.csv")
            for name, form in {"values": VALUES, "comparisons": COMPARISONS, "ranks": RANKS, "effects": EFFECTS}.items()
        )
    )
    metrics = read_metrics(args.metrics)
    return {
        "study": args.study,
        "evaluation": settings.model_dump(),
        "datasets": {
            str(dataset): _of_dataset(str(dataset), tables, metrics, settings, args)
            for dataset in tables.values["dataset"].unique()
        },
    }


def _of_dataset(
    dataset: str, tables: Tables, metrics: pd.DataFrame, settings: EvaluationSettings, args: argparse.Namespace
) -> Fact:
    values = tables.values[tables.values["dataset"] == dataset]
    unit = settings.unit if settings.unit in set(values["unit"]) else "sample"
    here = Tables(
        *(
            part[(part["dataset"] == dataset) & (part["unit"] == unit)]
            for part in (tables.values, tables.comparisons, tables.ranks, tables.effects)
        )
    )
    references = here.values[here.values["rule"] == REFERENCE]
    here = replace(here, values=here.values[here.values["rule"] != REFERENCE])
    metrics = metrics[metrics["dataset"] == dataset]
    names = [candidate_name(*row) for row in zip(here.values["condition"], here.values["rule"], strict=True)]
    label = labels_of(names, metrics)
    found = facts(here, settings.baseline, settings.relevant_difference, lambda name: label[name])
    for one in found.get("exploratory", []):
        one["candidate_label"] = label[one["candidate"]]
    levels = effect_labels(metrics)
    for one in found.get("effects", []):
        one |= {f"{key}_label": levels.get((one["factor"], one[key]), one[key]) for key in ("level", "reference")}
    samples = read_samples_frame(_of(args.samples, dataset, "samples.csv"), SAMPLES)
    folds = [read_folds(path) for path in args.folds if path.parent.parent.name == dataset]
    parts = {part for repeat in folds for fold in repeat for part in fold.values()} or {*samples["split"]}
    duplicates = next((read_duplicates(path) for path in args.duplicates if path.parent.name == dataset), None)
    classes = verdict_warnings.class_sizes(samples)
    tested = samples if folds else samples[samples["split"] == "test"]
    replicate = "repeat" if len(folds) > 1 else "seed"
    return {
        "unit": unit,
        "folds": len(folds[0]) if folds else None,
        "replicate": replicate,
        "n_patients": int(tested["group"].nunique()),
        "n_images": len(tested),
        "classes": {
            size.name: {"patients": size.patients, "images": size.images, "training": size.training} for size in classes
        },
        "condition_labels": {name: label[name] for name in here.values["condition"].unique()},
        **found,
        "references": [
            {"label": REFERENCES[row["condition"]], "value": row["value"]}
            for row in references[references["role"] == PRIMARY].to_dict("records")
        ],
        "warnings": [
            *verdict_warnings.of_runs(here.values),
            *verdict_warnings.of_seeds(metrics[(metrics["metric"] == settings.primary) & (metrics["unit"] == unit)]),
            *verdict_warnings.of_conditions(metrics, PRIOR in set(here.values["rule"])),
            *verdict_warnings.of_data(classes, duplicates, "validation" in parts, found["n_replicates"], replicate),
        ],
    }


def _of(paths: list[Path], dataset: str, what: str) -> Path:
    for path in paths:
        if path.parent.name == dataset:
            return path
    raise UserError(f"no {what} of the dataset {dataset} is given")
