"""How training went: the learning curves, and a row for every training."""

import math
from typing import Any

import pandas as pd

from imbalance_aware.report.figure_files import of_dataset
from imbalance_aware.report.study_files import StudyFiles
from imbalance_aware.report.trainings import recorded
from imbalance_aware.reporting.grid import MISSING, Cell, Panel, Row, number
from imbalance_aware.reporting.labels import in_a_sentence, readable
from imbalance_aware.runs.identity import Run
from imbalance_aware.runs.run_folder import HISTORY
from imbalance_aware.tables.history import History, read_history

#: The figure of the section.
FIGURE = "learning_curves"
DECIMALS = 3


def gather(study: StudyFiles) -> dict[str, Any]:
    """The figure and the table of trainings of each dataset."""
    facts = study.verdict()["datasets"]
    return {
        "datasets": [
            {
                "label": readable(name),
                "figures": of_dataset(study, name, (FIGURE,)),
                "trainings": _trainings(study, name, facts.get(name, {}).get("condition_labels", {})),
            }
            for name in study.datasets
        ]
    }


def _trainings(study: StudyFiles, dataset: str, labels: dict[str, str]) -> Panel:
    of = study.datasets[dataset]
    stubs = ["Condition", "Seed"] + (["Repeat"] if of.repeats > 1 else []) + (["Fold"] if of.folds else [])
    histories = {run: read_history(study.folder(run) / HISTORY) for run in study.trainings(dataset)}
    metric = next((history.metric for history in histories.values() if history.metric), None)
    rows = []
    for run, history in histories.items():
        numbers = [run.seed] + ([run.repeat] if of.repeats > 1 else []) + ([run.fold] if of.folds else [])
        names = (labels.get(run.condition, run.condition), *map(str, numbers))
        rows.append(Row(names, tuple(_cells(study, run, history, metric))))
    columns = ["Epochs", "First loss", "Last loss"]
    columns += ["Kept epoch", f"Validation {in_a_sentence(readable(metric))} there"] if metric else []
    return Panel(tuple(stubs), tuple([*columns, "State"]), tuple(rows))


def _cells(study: StudyFiles, run: Run, history: History, metric: str | None) -> list[Cell]:
    """A training's cells; ``metric`` is that of the table's columns for the validation part, None without them."""
    epochs = history.epochs
    last = epochs[-1].train_loss
    cells = [Cell(str(len(epochs))), Cell(_number(epochs[0].train_loss)), Cell(_number(last))]
    if metric:
        kept = recorded(study, run).get("best_epoch") or epochs[-1].epoch
        at = next((epoch for epoch in epochs if epoch.epoch == kept), epochs[-1])
        cells += [Cell(str(kept)), Cell(_number(at.validation_metric))]
    return [*cells, Cell("finished" if math.isfinite(last) else "diverged")]


def _number(value: float) -> str:
    return MISSING if pd.isna(value) or math.isinf(value) else number(value, DECIMALS)
