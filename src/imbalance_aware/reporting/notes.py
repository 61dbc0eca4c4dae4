"""Notes below tables: how the numbers were computed, and what the marks mean."""

from collections.abc import Iterable

import pandas as pd

from imbalance_aware.metrics.catalogue import COLLAPSED_FOLDS, FOLDS, METRICS, TEST_GROUPS, TEST_SUBJECTS
from imbalance_aware.reporting.grid import COLLAPSED, DIVERGED
from imbalance_aware.reporting.labels import in_a_sentence, readable
from imbalance_aware.reporting.small_classes import Few, note

#: What follows for tables from a class with few test subjects.
NOT_BOLD = "; values that depend on it are not bold"
PAPER = "Scholz et al. (MIDL 2024)"

BOLD = (
    "Bold: best mean of its dataset, not a conclusion; ties at the printed precision included; nothing is bold if "
    "all values are equal, if the best is of collapsed runs only, or if it is a score of 0 or less."
)
ENSEMBLE_BOLD = BOLD.replace("collapsed runs only", "a collapsed ensemble")


def notes(summary: pd.DataFrame, few: Few) -> tuple[str, ...]:
    """Notes for a table made of ``summary``; those on what it is compared with only where that is shown."""
    lines = [f"{_replicates(summary)} {BOLD}"]
    if uncertain := note(few, summary.loc[summary["few_test_subjects"], "dataset"], NOT_BOLD):
        lines.append(uncertain)
    lines += mark_notes(*(_runs(summary, key) for key in ("n_collapsed", "n_diverged")))
    if "reference" in summary and summary["reference"].notna().any():
        lines += _comparison(summary.dropna(subset="reference"))
    return tuple(lines)


def who_may_be_best(ranks: pd.DataFrame, metrics: Iterable[str], datasets: Iterable[str]) -> list[str]:
    """How many candidates may be the best, so that the bold value is not mistaken for the answer.

    Args:
        ranks: of one unit, from `RANKS`; metrics without ranks are left out.
        metrics: those of the table.
        datasets: those of the table.
    """
    lines = []
    for metric in dict.fromkeys(metrics):
        said = []
        for dataset in dict.fromkeys(datasets):
            possible = ranks.loc[(ranks["dataset"] == dataset) & (ranks["metric"] == metric), "possible_best"]
            if len(possible):
                said.append(f"{readable(dataset)} {possible.sum()} of {len(possible)}")
        if said:
            lines.append(
                f"May be the best by {in_a_sentence(METRICS[metric].label)} (simultaneous 95 % intervals of all "
                f"pairs, each condition under each decision rule): {'; '.join(said)}."
            )
    return lines


def mark_notes(collapsed: str, diverged: str) -> list[str]:
    """What the marks mean, and on how many runs they are (``"3 of 60 runs"``, or empty)."""
    lines = []
    if collapsed:
        lines.append(
            f"{COLLAPSED}k: k runs collapsed, that is, predict one class for every subject; they are included in the "
            f"mean. {collapsed} in this table."
        )
    if diverged:
        lines.append(
            f"{DIVERGED}k: k runs diverged, that is, give probabilities that are not finite; they have no metrics and "
            f"are excluded from the mean. {diverged} in this table."
        )
    return lines


#: How patients (groups) are counted in patient-level metrics.
GROUPS_COUNTED = (
    "patient-level metrics, from the mean of the probabilities of each patient's images; a patient with images of "
    "several classes counts once for each of these classes."
)


def counted(metrics: pd.DataFrame) -> list[str]:
    """What metrics count, where groups have more than one sample.

    Args:
        metrics: the rows of one unit, from `read_metrics`.
    """
    several = [str(name) for name, rows in metrics.groupby("dataset", sort=False) if _several(rows)]
    if not several:
        return []
    names = ", ".join(map(readable, several))
    if set(metrics.loc[metrics["dataset"].isin(several), "unit"]) == {"group"}:
        return [f"{names}: {GROUPS_COUNTED}"]
    return [
        f"{names}: image-level metrics, although patients have several images; patient-level metrics are in "
        "metrics.csv, and in this table with `evaluation.unit: group`."
    ]


def _several(rows: pd.DataFrame) -> bool:
    """Whether these rows are of groups, or count fewer groups than subjects."""
    if "unit" not in rows:
        return False
    total = {
        count: rows.loc[rows["metric"].str.startswith(f"{count}_"), ["metric", "value"]]
        .drop_duplicates()["value"]
        .sum()
        for count in (TEST_SUBJECTS, TEST_GROUPS)
    }
    return (rows["unit"] == "group").any() or total[TEST_GROUPS] < total[TEST_SUBJECTS]


def cross_validation(metrics: pd.DataFrame, datasets: Iterable[str]) -> list[str]:
    """How the values of cross-validated ``datasets`` were made, and how many of their folds collapsed."""
    lines = []
    for dataset in dict.fromkeys(datasets):
        here = metrics[metrics["dataset"] == dataset].groupby("metric")["value"]
        if FOLDS not in here.groups:
            continue
        folds, collapsed = here.get_group(FOLDS), int(here.get_group(COLLAPSED_FOLDS).sum())
        unit = "once" if (repeats := metrics.loc[folds.index, "repeat"].nunique()) == 1 else f"{repeats} times"
        line = (
            f"{readable(dataset)}: cross-validated {unit} in {folds.max():.0f} folds. The predictions of all folds are "
            "pooled; AUROC, which compares subjects with each other, is computed within each fold and averaged."
        )
        if collapsed:
            line += f" {collapsed} of {folds.sum():.0f} training runs collapsed; it counts if all folds did."
        lines.append(line)
    return lines


def _replicates(summary: pd.DataFrame) -> str:
    """What a mean and its spread are over."""
    repeated = summary["n_repeats"] > 1
    runs = summary.loc[~repeated, "n_runs"]
    parts = []
    if len(runs) and runs.max() > 1:
        parts.append(f"{_from_to(runs)} seeds")
    if repeated.any():
        counts = _from_to(summary.loc[repeated, "n_repeats"])
        parts.append(f"{counts} repeats of the cross-validation, the seeds of each averaged first")
    alone = len(runs) and runs.max() == 1
    lines = [f"Mean ± sample standard deviation (n − 1) over {'; over '.join(parts)}."] if parts else []
    return " ".join([*lines, *(["One seed, hence no standard deviation."] if alone else [])])


def _from_to(counts: pd.Series) -> str:
    low, high = counts.min(), counts.max()
    return str(low) if low == high else f"{low} to {high}"


def _runs(summary: pd.DataFrame, key: str) -> str:
    """``"3 of 60 runs"``, or nothing if there are none; a run counts once, however many metrics are shown."""
    runs = summary.groupby(["dataset", "condition"])[[key, "n_runs"]].max().sum()
    return f"{runs[key]} of {runs['n_runs']} runs" if runs[key] else ""


def _comparison(compared: pd.DataFrame) -> list[str]:
    difference = "Difference: from unrounded means."
    sources = sorted(compared["reference"].unique())
    if sources == ["before"]:
        return [f"Before: the same runs without adjustment. {difference}"]
    glaucoma = (compared["dataset"] == "glaucoma").any()
    single = " Its glaucoma values are of a single run." if glaucoma else ""
    return [f"Paper: {', '.join(sources)} of {PAPER}, as printed.{single} {difference}"]
