"""The table of tuning: how many trials each condition had, and which values were chosen, how often."""

import math
from collections.abc import Sequence
from statistics import fmean

import pandas as pd

from imbalance_aware.metrics.catalogue import METRICS
from imbalance_aware.reporting.candidate_labels import KEYS
from imbalance_aware.reporting.grid import MISSING, Cell, Grid, Panel, Row, number, without_repeats
from imbalance_aware.reporting.labels import in_a_sentence, readable
from imbalance_aware.reporting.summary import in_order, label_conditions
from imbalance_aware.reporting.table_catalogue import TUNING
from imbalance_aware.reporting.tuning import at_an_end, values_in_words
from imbalance_aware.tables.trials import Trial

DECIMALS = 3
MEANING = (
    "Trials: combinations of values that were tried for a condition in each split, each a training with the study's "
    "first seed that was given no test part. Chosen: the combination with the best score on the validation part, the "
    "first of the grid among equals; all seeds of the condition use it in that split."
)
FLATTERED = (
    "The score is the best of several on the part that they were chosen by, so it is better than on other patients. "
    "Values on the test part are not affected."
)
TIES = "{ties} of {splits} choices were made between trials with equal scores."
DIVERGED = "{n} of {trials} trials diverged and have no score."
END = (
    "Smallest or largest value of its list: {key} ({names}). Better values may lie beyond the list; a longer list "
    "repeats no trial."
)


def make_tuning(trials: Sequence[Trial], metrics: pd.DataFrame) -> tuple[Grid, pd.DataFrame]:
    """The table, ready to print, and the numbers behind it: one row per dataset, condition and chosen combination.

    Args:
        trials: of the study.
        metrics: its tidy table, which knows the conditions.
    """
    known = label_conditions(metrics[["dataset", *KEYS]].drop_duplicates())
    known = in_order(known, ("dataset", "loss_key", "sampling_label"))
    rows = [
        {key: row[key] for key in ("dataset", "condition", "loss_key", "loss_label", "sampling_label")} | chosen
        for row in known.to_dict("records")
        for chosen in _chosen([trial for trial in trials if (trial.dataset, trial.condition) == _place(row)])
    ]
    numbers = pd.DataFrame(rows)
    panels = tuple(
        _panel(str(dataset), of.to_dict("records")) for dataset, of in numbers.groupby("dataset", sort=False)
    )
    metric = in_a_sentence(METRICS[trials[0].metric].label)
    title = f"Tuning: trials and chosen values, by {metric} on the validation part"
    return Grid(TUNING, title, panels, _notes(trials, known)), numbers


def _place(row: dict) -> tuple[str, str]:
    return row["dataset"], row["condition"]


def _chosen(trials: Sequence[Trial]) -> list[dict]:
    """Combinations that were chosen for a condition, the most frequent first."""
    chosen = [trial for trial in trials if trial.chosen]
    found: dict[str, list[Trial]] = {}
    for trial in chosen:
        found.setdefault(trial.trial, []).append(trial)
    ordered = sorted(found.values(), key=len, reverse=True)
    return [
        {
            "trials": same[0].trials,
            "chosen": values_in_words(same[0].values),
            "times": len(same),
            "splits": len(chosen),
            "metric": same[0].metric,
            "score": _mean([trial.score for trial in same]),
        }
        for same in ordered
    ]


def _mean(scores: Sequence[float]) -> float:
    known = [score for score in scores if not math.isnan(score)]
    return fmean(known) if known else math.nan


def _panel(dataset: str, rows: list[dict]) -> Panel:
    several = any(row["splits"] > 1 for row in rows)
    labels = without_repeats([(row["loss_label"], row["sampling_label"], str(row["trials"])) for row in rows])
    columns = ("Chosen", *(("Splits",) if several else ()), "Validation score")
    lines: list[Row] = []
    for row, label in zip(rows, labels, strict=True):
        cells = [Cell(row["chosen"])]
        cells += [Cell(f"{row['times']} of {row['splits']}")] if several else []
        cells.append(Cell(MISSING if math.isnan(row["score"]) else number(row["score"], DECIMALS)))
        lines.append(Row(label, tuple(cells), bool(lines) and label[0] != ""))
    return Panel(("Loss", "Sampling", "Trials"), columns, tuple(lines), title=readable(dataset))


def _notes(trials: Sequence[Trial], known: pd.DataFrame) -> tuple[str, ...]:
    splits: dict[tuple, list[Trial]] = {}
    for trial in trials:
        splits.setdefault((trial.dataset, trial.condition, trial.repeat, trial.fold), []).append(trial)
    lines = [MEANING, FLATTERED]
    if ties := sum(_is_tied(of) for of in splits.values()):
        lines.append(TIES.format(ties=ties, splits=len(splits)))
    if diverged := sum(math.isnan(trial.score) for trial in trials):
        lines.append(DIVERGED.format(n=diverged, trials=len(trials)))
    label = {row["condition"]: f"{row['loss_label']}, {row['sampling_label']}" for row in known.to_dict("records")}
    for key, conditions in at_an_end(trials).items():
        names = "; ".join(label[name] for name in conditions)
        lines.append(END.format(key=key.removeprefix("training."), names=names))
    return tuple(lines)


def _is_tied(trials: Sequence[Trial]) -> bool:
    best = next(trial.score for trial in trials if trial.chosen)
    return sum(trial.score == best for trial in trials) > 1
