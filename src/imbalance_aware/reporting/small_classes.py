"""Classes with too few test subjects for a reliable metric, and the note on them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from imbalance_aware.metrics.catalogue import TEST_GROUPS, TEST_SUBJECTS, named
from imbalance_aware.reporting import labels

if TYPE_CHECKING:
    import pandas as pd

#: With fewer test subjects than this, one subject changes the recall of a class by a quarter or more.
MIN_TEST_SUBJECTS = 5
#: A class with fewer test patients is marked: of 30, one is worth 0.03 of the recall.
FEW_IN_CLASS = 30
MARK = "*"
#: Metrics of the tidy table that count who is in a class: groups (patients), or else subjects.
PREFIXES = (f"{TEST_GROUPS}_", f"{TEST_SUBJECTS}_")

#: dataset -> class, as in the names of its metrics -> test subjects.
Few = Mapping[str, Mapping[str, int]]


def few_test_subjects(metrics: "pd.DataFrame") -> Few:
    """The classes of each dataset that have fewer than `MIN_TEST_SUBJECTS` test subjects, with their number.

    Args:
        metrics: the tidy table of a study; one written without counts of test subjects says nothing.
    """
    few: dict[str, dict[str, int]] = {}
    for dataset, rows in metrics.groupby("dataset", sort=False):
        few[str(dataset)] = {name: count for name, count in _counts(rows).items() if count < MIN_TEST_SUBJECTS}
    return few


def headed(title: str, metrics: "pd.DataFrame", datasets: Iterable[str]) -> str:
    """The title of a table with the number of test patients of each class of its datasets; a small one is marked.

    Args:
        title: of the table.
        metrics: the tidy table of a study; one written without counts of test subjects adds nothing.
        datasets: those of the table.
    """
    parts = []
    for dataset in dict.fromkeys(datasets):
        counts = _counts(metrics[metrics["dataset"] == dataset])
        names = labels.distinct(counts)
        sizes = ", ".join(f"{names[name]} {n}{MARK if n < FEW_IN_CLASS else ''}" for name, n in counts.items())
        parts += [f"{labels.readable(dataset)}: {sizes}"] if sizes else []
    marked = any(MARK in part for part in parts)
    told = f" ({MARK} fewer than {FEW_IN_CLASS})" if marked else ""
    return f"{title}. Test patients: {'; '.join(parts)}{told}" if parts else title


def _counts(rows: "pd.DataFrame") -> dict[str, int]:
    """Class -> its test patients, or else test subjects, in the rows of one dataset; empty where neither is counted."""
    for prefix in PREFIXES:
        found = rows[rows["metric"].str.startswith(prefix)]
        if len(found):
            return dict(zip(found["metric"].str.removeprefix(prefix), found["value"].astype(int), strict=True))
    return {}


def rests_on_few(dataset: str, metric: str, few: Few) -> bool:
    """Whether a metric depends on a class with few test subjects: one of its own class, or any in a mean over
    classes."""
    here, of_class = few.get(dataset, {}), named(metric).of_class
    return of_class in here if of_class else bool(here)


def note(few: Few, datasets: Sequence[str], consequence: str = "") -> str:
    """Which classes of ``datasets`` have few test subjects, and what follows; empty if there is none."""
    parts = []
    for dataset in dict.fromkeys(datasets):
        names = labels.distinct(few.get(dataset, {}))
        classes = ", ".join(f"{names[name]} ({count})" for name, count in few.get(dataset, {}).items())
        parts += [f"{labels.readable(dataset)}: {classes}"] if classes else []
    if not parts:
        return ""
    return (
        f"Fewer than {MIN_TEST_SUBJECTS} test subjects: {'; '.join(parts)}. One subject changes the recall of such a "
        f"class by 0.25 or more{consequence}."
    )
