"""The tables of ``statistics`` as figures need them: of one dataset, its candidates labelled and in order."""

import argparse
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from imbalance_aware.errors import UserError
from imbalance_aware.evaluation.candidates import ARGMAX, MARK, candidate_name, condition_and_rule
from imbalance_aware.reporting.candidate_labels import KEYS, labelled_candidates
from imbalance_aware.reporting.summary import in_order, label_conditions
from imbalance_aware.tables.frames import TableForm, of_unit
from imbalance_aware.tables.values import REFERENCE, VALUES


def add_arguments(parser: argparse.ArgumentParser, *tables: str) -> None:
    """The arguments of a figure of one dataset's candidates besides those of every figure.

    Args:
        parser: of the step.
        tables: of `statistics`, without suffix, that it reads besides ``values.csv``.
    """
    for name in ("metrics", "values", *tables):
        parser.add_argument(f"--{name}", type=Path, required=True, help=f"{name}.csv of the study")
    parser.add_argument("--dataset", required=True, help="name of the dataset to draw")


def read_values(path: Path, unit: str) -> pd.DataFrame:
    """The values of one unit (`of_unit`) of all candidates, with a column ``candidate``."""
    table = VALUES.read(path)
    table = of_unit(table[table["rule"] != REFERENCE], unit)
    names = [candidate_name(*pair) for pair in zip(table["condition"], table["rule"], strict=True)]
    return table.assign(candidate=names).reset_index(drop=True)


def of_dataset(form: TableForm, path: Path, dataset: str) -> pd.DataFrame:
    """Rows of the primary metric of one dataset; there may be none, where all runs diverged."""
    table = form.read(path)
    return table[(table["dataset"] == dataset) & (table["role"] == "primary")].reset_index(drop=True)


def with_labels(table: pd.DataFrame, name: str, metrics: pd.DataFrame) -> pd.DataFrame:
    """``table`` with columns of `labelled_candidates` for the candidates in its column ``name``.

    They come in the order of all figures, which is that of ``metrics`` after what is the paper's.

    ``label`` tells all candidates of the study apart.
    """
    if table.empty:
        return table
    labelled = labelled_candidates(table[name], metrics).assign(label=short_labels(table[name], metrics))
    joined = table.join(labelled.drop(columns=[column for column in ("condition", "rule") if column in table]), on=name)
    known = in_order(label_conditions(metrics[KEYS].drop_duplicates()), ["loss_key", "sampling_label"])
    place = {condition: number for number, condition in enumerate(known["condition"])}
    order = joined[name].map(lambda candidate: place[condition_and_rule(candidate)[0]])
    return joined.iloc[order.argsort(kind="stable")].reset_index(drop=True)


def short_labels(names: "pd.Series | list[str]", metrics: pd.DataFrame) -> Mapping[str, str]:
    """Candidate -> ``"CE, Uniform @prior"``, with the short name of the rule; candidates that are alike keep theirs."""
    labelled = labelled_candidates(names, metrics)
    rules = labelled["rule"].map(lambda rule: "" if rule == ARGMAX else f" {MARK}{rule}")
    labels = labelled["loss_label"] + ", " + labelled["sampling_label"] + rules
    return {str(name): label if (labels == label).sum() == 1 else str(name) for name, label in labels.items()}


def run_counts(path: Path, unit: str, dataset: str) -> pd.DataFrame:
    """``n_runs, n_collapsed, n_diverged`` of each condition of one dataset.

    Args:
        path: ``values.csv``.
        unit: ``sample`` or ``group``.
        dataset: its name.

    Raises:
        UserError: no such table, or it has no row of the dataset.
    """
    values = read_values(path, unit)
    values = values[values["dataset"] == dataset]
    if values.empty:
        raise UserError(f"{path}: has no row of the dataset {dataset}")
    return values.groupby("condition", sort=False)[["n_runs", "n_collapsed", "n_diverged"]].first()
