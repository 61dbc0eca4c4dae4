"""Classes with too few test subjects for a reliable metric, and the note on them."""

from collections.abc import Mapping, Sequence

import pandas as pd

from imbalance_aware.metrics.catalogue import TEST_SUBJECTS, named
from imbalance_aware.reporting import labels

#: A class with fewer test subjects than this tells nothing: one subject changes its recall by a quarter or more.
MIN_TEST_SUBJECTS = 5
#: Metric of the tidy table that counts the test subjects of a class.
PREFIX = f"{TEST_SUBJECTS}_"

#: dataset -> class, as it stands in the names of its metrics -> test subjects.
Few = Mapping[str, Mapping[str, int]]


def few_test_subjects(metrics: pd.DataFrame) -> Few:
    """The classes of each dataset that have fewer than `MIN_TEST_SUBJECTS` test subjects, with their number.

    Args:
        metrics: the tidy table of a study; one written without counts of test subjects says nothing.
    """
    counts = metrics[metrics["metric"].str.startswith(PREFIX) & (metrics["value"] < MIN_TEST_SUBJECTS)]
    few: dict[str, dict[str, int]] = {}
    for row in counts.itertuples(index=False):
        few.setdefault(row.dataset, {})[row.metric.removeprefix(PREFIX)] = int(row.value)
    return few


def rests_on_few(dataset: str, metric: str, few: Few) -> bool:
    """Whether a metric hangs on a class with few test subjects: one of its own class, or any in a mean over classes."""
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
