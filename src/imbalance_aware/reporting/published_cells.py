"""The table of every value of the paper beside ours, and whether the published one lies in our intervals."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from imbalance_aware.evaluation.candidates import ARGMAX
from imbalance_aware.metrics.catalogue import named
from imbalance_aware.reporting import labels
from imbalance_aware.reporting.cells import difference_cell, obtained_cell, reference_cell
from imbalance_aware.reporting.grid import MISSING, Cell, Grid, Panel, Row, number, without_repeats
from imbalance_aware.reporting.notes import PAPER, mark_notes
from imbalance_aware.reporting.paper_checks import contradictions, loss_label, sampling_label
from imbalance_aware.reporting.summary import DECIMALS, REFERENCE_KEYS, in_order, summarise
from imbalance_aware.reporting.table_catalogue import PUBLISHED_CELLS
from imbalance_aware.tables.frames import of_unit
from imbalance_aware.tables.values import VALUES

KEYS = ("dataset", "condition", "metric")
#: Intervals of the paper's two questions: name in the columns, head in print.
INTERVALS = {"models": "these models", "procedure": "this procedure"}
BOUNDS = [f"{name}_{end}" for name in INTERVALS for end in ("low", "high")]
COLUMNS = [
    *("reference", "dataset", "condition", "batch_size", "metric", "reference_mean", "reference_std"),
    *("mean", "std", "n_seeds", "n_repeats", "n_runs", "n_collapsed", "n_diverged", "difference"),
    *("models_low", "models_high", "in_models", "procedure_low", "procedure_high", "in_procedure", "note"),
]
NOT_RUN = "not run here"
MEANING = (
    "Paper: mean, ± standard deviation over seeds where it has several runs, as printed. Obtained: mean ± sample "
    "standard deviation (n − 1) over our seeds. Difference: obtained minus published, from the unrounded mean. In "
    "brackets: our 95 % intervals, for these models (other patients) and for this procedure (other patients and other "
    "seeds), and whether the published value, as printed, lies inside."
)
UNCERTAIN = (
    "The published mean has an uncertainty of its own, which these intervals do not contain: it would lie outside in "
    "more than 5 % of cells even if both studies did the same. Cells share their patients, so they are not independent."
)


def make_published_cells(
    metrics: pd.DataFrame, published: pd.DataFrame, values: Path, unit: str = "sample"
) -> tuple[Grid, pd.DataFrame]:
    """The table, ready to print, and the numbers behind it, a row for every value of the paper.

    Args:
        metrics: the tidy table of the study, of this unit.
        published: from `read_published`.
        values: ``values.csv`` of the study, from `statistics`.
        unit: what the metrics count, ``sample`` or ``group``.

    Raises:
        UserError: no such table of values, or another one.
    """
    cells = _cells(metrics, published, values, unit)
    was_run = cells["n_runs"] > 0
    panels = [
        _panel(str(reference), str(dataset), str(metric), rows)
        for (reference, dataset, metric, _), rows in cells.groupby(
            ["reference", "dataset", "metric", "batch_size"], sort=False
        )
        if (rows["n_runs"] > 0).any()
    ]
    lines = [MEANING, *_counts(cells), UNCERTAIN, *_left_out(cells)]
    runs = cells[was_run].drop_duplicates(["dataset", "condition"])
    total = int(runs["n_runs"].sum())
    counts = [int(runs[key].sum()) for key in ("n_collapsed", "n_diverged")]
    lines += mark_notes(*(f"{n} of {total} runs" if n else "" for n in counts))
    lines += contradictions(published, cells["reference"], cells["dataset"])
    title = f"Every value of {PAPER} and what was obtained here"
    return Grid(PUBLISHED_CELLS, title, tuple(panels), tuple(lines)), cells


def _cells(metrics: pd.DataFrame, published: pd.DataFrame, values: Path, unit: str) -> pd.DataFrame:
    """Every published value with ours, in the columns `COLUMNS`, in the order of the paper's tables."""
    names = [name for name in published["metric"].unique() if name in set(metrics["metric"])]
    counts = ["n_seeds", "n_repeats", "n_runs", "n_collapsed", "n_diverged"]
    empty = pd.DataFrame(columns=[*REFERENCE_KEYS, "mean", "std", *counts])
    ours = summarise(metrics, names) if names else empty
    cells = published.merge(ours[empty.columns], on=REFERENCE_KEYS, how="left", validate="one_to_one")
    cells = cells.fillna(dict.fromkeys(counts, 0)).astype(dict.fromkeys(counts, int))
    cells["difference"] = cells["mean"] - cells["reference_mean"]
    cells = cells.merge(_intervals(values, unit), on=list(KEYS), how="left", validate="many_to_one")
    reasons = [_why_not(row, metrics) for row in cells.to_dict("records")]
    cells["note"] = [reason or note for reason, note in zip(reasons, cells["note"].fillna(""), strict=True)]
    cells.loc[cells["n_runs"] == 0, BOUNDS] = float("nan")
    for name in INTERVALS:
        low, high, value = cells[f"{name}_low"], cells[f"{name}_high"], cells["reference_mean"]
        inside = ((low <= value) & (value <= high)).map({True: "yes", False: "no"})
        cells[f"in_{name}"] = inside.where(low.notna() & high.notna(), "")
    order = {table: place for place, table in enumerate(sorted(cells["reference"].unique()))}
    cells = cells.assign(
        loss_key=cells["condition"].str.rpartition("-")[0],
        sampling_label=cells["condition"].str.rpartition("-")[2].map(sampling_label),
    )
    cells = in_order(cells, ("dataset", "loss_key", "sampling_label"))
    places = {metric: place for place, metric in enumerate(published["metric"].unique())}
    cells = cells.sort_values(
        ["reference", "dataset", "metric"],
        key=lambda column: column.map(
            {"reference": order, "metric": places}.get(str(column.name), _paper_order(column))
        ),
        kind="stable",
        ignore_index=True,
    )
    return cells[COLUMNS]


def _paper_order(names: pd.Series) -> dict[str, int]:
    return {name: place for place, name in enumerate(labels.paper_first(names, labels.PAPER_DATASETS))}


def _intervals(path: Path, unit: str) -> pd.DataFrame:
    """Both intervals of every value under the paper's decision rule: columns `KEYS`, `BOUNDS` and ``note``."""
    columns = [*KEYS, *BOUNDS, "note"]
    table = VALUES.read(path)
    return of_unit(table[table["rule"] == ARGMAX], unit)[columns]


def _why_not(row: dict, metrics: pd.DataFrame) -> str:
    """Why a published value has none of ours beside it; empty if it has one."""
    if row["n_runs"]:
        return "" if row["n_seeds"] else "all runs diverged, or the metric is undefined"
    here = metrics[metrics["dataset"] == row["dataset"]]
    if here.empty:
        return f"{NOT_RUN}: the study has no dataset {row['dataset']}"
    if row["batch_size"] not in set(here["batch_size"]):
        return f"{NOT_RUN}: batch size {row['batch_size']}"
    if row["condition"] not in set(here["condition"]):
        return f"{NOT_RUN}: the study has no condition {row['condition']}"
    return f"{NOT_RUN}: no run has the metric {row['metric']}"


def _panel(reference: str, dataset: str, metric: str, rows: pd.DataFrame) -> Panel:
    """One metric on one dataset: conditions below each other."""
    what = named(metric)
    shown = f"{what.metric.label}, {labels.readable(what.of_class)}" if what.of_class else what.metric.label
    names = [
        (loss_label(loss), sampling_label(sampling))
        for loss, sampling in (condition.rpartition("-")[::2] for condition in rows["condition"])
    ]
    lines = [
        Row(label, _row_cells(row), rule=place > 0 and label[0] != "")
        for place, (label, row) in enumerate(zip(without_repeats(names), rows.to_dict("records"), strict=True))
    ]
    heads = [head for interval in INTERVALS.values() for head in (f"95 %, {interval}", "Paper inside")]
    title = f"{reference}, {labels.readable(dataset)}: {shown} (batch size {rows['batch_size'].iloc[0]})"
    return Panel(("Loss", "Sampling"), ("Paper", "Obtained", "Seeds", "Difference", *heads), tuple(lines), title=title)


def _row_cells(row: dict) -> tuple[Cell, ...]:
    if not row["n_runs"]:
        return (reference_cell(row), Cell(NOT_RUN), *[Cell(MISSING)] * (2 + 2 * len(INTERVALS)))
    intervals = [cell for name in INTERVALS for cell in _interval_cells(row, name)]
    return (
        reference_cell(row),
        obtained_cell(row | {"best": False}),
        Cell(str(row["n_seeds"])),
        difference_cell(row),
        *intervals,
    )


def _interval_cells(row: dict, name: str) -> tuple[Cell, Cell]:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    if pd.isna(low) or pd.isna(high):
        return Cell(MISSING), Cell(MISSING)
    return Cell(f"[{number(low, DECIMALS)}, {number(high, DECIMALS)}]"), Cell(row[f"in_{name}"])


def _counts(cells: pd.DataFrame) -> list[str]:
    """How many published values were compared, and how many lie inside."""
    compared = cells[cells["difference"].notna()]
    parts = [f"{len(compared)} of {len(cells)} published values have a corresponding value of ours"]
    for name, interval in INTERVALS.items():
        known = cells[cells[f"in_{name}"] != ""]
        inside = (known[f"in_{name}"] == "yes").sum()
        parts.append(
            f"{inside} of {len(known)} lie in the interval for {interval}"
            if len(known)
            else f"there is no interval for {interval}"
        )
    lines = [f"{'; '.join(parts)}."]
    largest = compared.loc[compared["difference"].abs().idxmax()] if len(compared) else None
    if largest is not None:
        mean = number(compared["difference"].mean(), DECIMALS, signed=True)
        lines.append(
            f"Mean difference {mean}, largest {number(largest['difference'], DECIMALS, signed=True)} "
            f"({largest['reference']}, {labels.readable(largest['dataset'])}, {largest['condition']})."
        )
    return lines


def _left_out(cells: pd.DataFrame) -> Sequence[str]:
    """The panels that are not printed because nothing of them was run; the .csv has a row for each of their values."""
    absent = cells.groupby(["reference", "dataset", "metric", "batch_size"], sort=False).filter(
        lambda rows: (rows["n_runs"] == 0).all()
    )
    if absent.empty:
        return []
    parts = [
        f"{labels.readable(str(dataset))}, batch size {batch_size}: {', '.join(dict.fromkeys(rows['reference']))} "
        f"({len(rows)} values; {note})"
        for (dataset, batch_size, note), rows in absent.groupby(["dataset", "batch_size", "note"], sort=False)
    ]
    return [f"Not printed, since nothing of it was run here: {'; '.join(parts)}. The .csv has a row for each value."]
