"""Summaries laid out as the paper lays out its tables."""

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby

import pandas as pd

from imbalance_aware.metrics.catalogue import named
from imbalance_aware.reporting import labels
from imbalance_aware.reporting.cells import difference_cell, obtained_cell, reference_cell
from imbalance_aware.reporting.grid import MISSING, Cell, Panel, Row, without_repeats
from imbalance_aware.reporting.summary import in_order

#: Widest panel; wider tables are cut into panels below each other.
MAX_COLUMNS = 6
Column = tuple[str, str]
#: Name and maker of each line of a row.
Sources = Sequence[tuple[str, Callable[[dict], Cell]]]


def losses_across(summary: pd.DataFrame) -> tuple[Panel, ...]:
    """One metric: rows are dataset and sampling, columns losses (the paper's Tables 1, 3, 4, 5)."""
    columns = list(dict.fromkeys(_pairs(in_order(summary, ["loss_key"]), "loss_key", "loss_label")))
    frame = in_order(summary, ("dataset", "sampling_label"))
    frame = frame.assign(
        column=frame["loss_key"],
        row=[(labels.readable(dataset), label) for dataset, label in _pairs(frame, "dataset", "sampling_label")],
    )
    cut = [columns[start : start + MAX_COLUMNS] for start in range(0, len(columns), MAX_COLUMNS)]
    return tuple(_panel(frame, ("Dataset", "Sampling"), part) for part in cut)


def metrics_across(summary: pd.DataFrame, sources: Sources | None = None) -> tuple[Panel, ...]:
    """Several metrics: rows are loss and sampling, columns metrics, grouped by dataset (Tables 2 and 6).

    Args:
        summary: from `summarise`, or another table with its keys.
        sources: lines of each row, where they are not what `lines_of` says.
    """
    columns = list(dict.fromkeys(_pairs(summary, "dataset", "metric")))
    names = _column_names(columns)
    frame = in_order(summary, ("loss_key", "sampling_label"))
    frame = frame.assign(column=_pairs(frame, "dataset", "metric"), row=_pairs(frame, "loss_label", "sampling_label"))
    return tuple(
        _panel(frame, ("Loss", "Sampling"), [(key, names[key]) for key in part], _groups(part), sources)
        for part in _cut_by_dataset(columns)
    )


def _pairs(frame: pd.DataFrame, first: str, second: str) -> list[tuple[str, str]]:
    return list(zip(frame[first], frame[second], strict=True))


def _column_names(columns: Sequence[Column]) -> dict[Column, str]:
    """The column of a class's metric is named after the class, as the title names the metric; names are distinct."""
    names: dict[Column, str] = {}
    for dataset in dict.fromkeys(dataset for dataset, _ in columns):
        shown = {key: named(key[1]) for key in columns if key[0] == dataset}
        classes = labels.distinct(what.of_class for what in shown.values() if what.of_class)
        names |= {key: classes[what.of_class] if what.of_class else what.metric.label for key, what in shown.items()}
    return names


def _cut_by_dataset(columns: Sequence[Column]) -> list[list[Column]]:
    """Groups of whole datasets, of at most `MAX_COLUMNS` columns where one dataset alone is not wider."""
    parts: list[list[Column]] = []
    for _, group in groupby(columns, key=lambda column: column[0]):
        block = list(group)
        if parts and len(parts[-1]) + len(block) <= MAX_COLUMNS:
            parts[-1] += block
        else:
            parts.append(block)
    return parts


def _groups(columns: Sequence[Column]) -> tuple[tuple[str, int], ...]:
    groups = groupby(columns, key=lambda column: column[0])
    return tuple((labels.readable(dataset), len(list(group))) for dataset, group in groups)


def lines_of(summary: pd.DataFrame) -> Sources:
    """Lines of a row: the value and, below it, the value to compare with and the difference."""
    if "reference" not in summary or summary["reference"].isna().all():
        return [("obtained", obtained_cell)]
    names = ("after", "before") if (summary["reference"] == "before").any() else ("obtained", "paper")
    return [(names[0], obtained_cell), (names[1], reference_cell), ("difference", difference_cell)]


def _panel(frame, stubs, columns, groups=(), sources: Sources | None = None) -> Panel:
    """A panel of ``columns`` (key, name); rows and cells by the columns ``row`` and ``column`` of ``frame``."""
    frame = frame[frame["column"].isin([key for key, _ in columns])]
    sources = sources or lines_of(frame)
    found = {(row["row"], row["column"]): row for row in frame.to_dict("records")}
    lines = []
    for label in dict.fromkeys(frame["row"]):
        values = [found.get((label, key)) for key, _ in columns]
        shown = sources if len(sources) > 1 and _is_compared(values) else sources[:1]
        lines += [(label if len(sources) == 1 else (*label, name), values, make) for name, make in shown]
    labelled = without_repeats([label for label, _, _ in lines])
    rows = [
        Row(
            labels=label,
            cells=tuple(Cell(MISSING) if value is None else make(value) for value in values),
            rule=index > 0 and label[0] != "",
            muted=make is not sources[0][1],
        )
        for index, (label, (_, values, make)) in enumerate(zip(labelled, lines, strict=True))
    ]
    stubs = stubs if len(sources) == 1 else (*stubs, "")
    return Panel(stubs, tuple(name for _, name in columns), tuple(rows), tuple(groups))


def _is_compared(rows: Iterable[dict | None]) -> bool:
    return any(row is not None and pd.notna(row.get("reference_mean")) for row in rows)
