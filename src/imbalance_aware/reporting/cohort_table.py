"""The table of cohorts: every metric of each cohort and named subgroup, with who is in it and confidence intervals."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from imbalance_aware.errors import UserError
from imbalance_aware.metrics.catalogue import TEST_GROUPS, TEST_SUBJECTS, is_count, named
from imbalance_aware.reporting.cells import run_marks
from imbalance_aware.reporting.grid import MISSING, Cell, Grid, Panel, Row, number, without_repeats
from imbalance_aware.reporting.labels import distinct, readable
from imbalance_aware.reporting.layouts import MAX_COLUMNS
from imbalance_aware.reporting.notes import GROUPS_COUNTED, mark_notes
from imbalance_aware.reporting.summary import DECIMALS, in_order, label_conditions
from imbalance_aware.reporting.table_catalogue import COHORTS
from imbalance_aware.tables.cohort_metrics import COHORT, FOLDS, LACKS, ONE_COHORT_EACH, UNDEFINED, read_cohort_metrics
from imbalance_aware.tables.frames import of_unit

ALL, NOT_GIVEN, APPROXIMATE = "All", "not given", "≈"
TITLE = "Cohorts and subgroups of the test set (95 % confidence interval)"
VALUES = (
    "All: the whole test set. Values: mean over the runs of a condition (seeds, repeats of a cross-validation). In "
    "brackets: 95 % confidence interval for other patients and the same trained models; it covers neither other seeds "
    "nor other training data, and is not adjusted for the number of cohorts. By jackknife over patients (groups) and "
    "the t distribution; for balanced accuracy and recall, Wilson intervals of each class. n: patients."
)
LACKING = (
    "lacks class …: the part has no patient of that class, so metrics over all classes are not shown: over the other "
    "classes they would rank cohorts by the presence of rare cases."
)
NO_INTERVAL = (
    "not estimable: fewer than 5 patients in a class, no patient that changes the value (of other metrics than "
    "balanced accuracy and recall), or a value that jumps when one patient is left out; the .csv says which."
)
ROUGH = f"{APPROXIMATE}: fewer than 12 patients in a class; the interval is approximate."
#: What is said of a dataset with folds.
CROSS_VALIDATED = {
    FOLDS: "cross-validated; each subject is predicted by the network of the fold that tests it. AUROC is computed "
    "within each fold and averaged.",
    ONE_COHORT_EACH: "each cohort is predicted by networks that were trained on the other cohorts only. AUROC of all "
    "is the mean over the cohorts that have the classes which it compares.",
}
#: Split and value of a part.
Part = tuple[str, str]


def make_cohorts(path: Path, metrics: pd.DataFrame, unit: str = "sample") -> tuple[Grid, pd.DataFrame]:
    """The table of ``cohort_metrics.csv`` (step ``cohort_metrics``), ready to print, and the numbers behind it.

    Args:
        path: the table that the step wrote.
        metrics: the tidy table of the study, which knows the conditions.
        unit: what metrics count, ``sample`` or ``group``; a dataset with one sample in each group has the former only.

    Raises:
        UserError: no such file, another table, or a condition that ``metrics`` lacks.
    """
    table = read_cohort_metrics(path)
    known = label_conditions(metrics[["condition", "loss", "sampling", "weighted"]].drop_duplicates())
    labelled = known.drop(columns=["loss", "sampling", "weighted"]).set_index("condition")
    if strange := sorted({*table["condition"]} - {*labelled.index}):
        raise UserError(f"{path}: the table of metrics has no condition {', '.join(strange)}")
    table = in_order(table.join(labelled, on="condition"), ("dataset", "loss_key", "sampling_label"))
    shown = of_unit(table, unit).reset_index(drop=True)
    panels: list[Panel] = []
    for dataset, rows in shown.groupby("dataset", sort=False):
        samples = table[(table["dataset"] == dataset) & (table["unit"] == "sample")]
        panels.append(_counts(str(dataset), samples))
        names = [name for name in rows["metric"].drop_duplicates() if not is_count(name)]
        for name in sorted(names, key=lambda name: not named(name).metric.macro):  # as in the study's other tables
            panels += _panels(str(dataset), name, rows)
    return Grid(COHORTS, TITLE, tuple(panels), _notes(shown)), shown


def _parts(rows: pd.DataFrame) -> dict[Part, str]:
    """Readable name of every part, in the order of the table."""
    found = list(dict.fromkeys(zip(rows["split_by"], rows["part"], strict=True)))
    cohorts = distinct(part for split_by, part in found if split_by == COHORT and part)
    return {
        (split_by, part): ALL
        if not split_by
        else cohorts.get(part, NOT_GIVEN)
        if split_by == COHORT
        else f"{readable(split_by)}: {part or NOT_GIVEN}"
        for split_by, part in found
    }


def _counts(dataset: str, samples: pd.DataFrame) -> Panel:
    """Patients (and samples, where they are more) of each part and class."""
    one = samples[samples["condition"] == samples["condition"].iloc[0]]
    sizes = one.drop_duplicates(["split_by", "part"]).set_index(["split_by", "part"])
    counts = one.set_index(["split_by", "part", "metric"])["value"]
    prefix = f"{TEST_GROUPS}_"
    classes = [name.removeprefix(prefix) for name in one["metric"].unique() if name.startswith(prefix)]
    several = (sizes["n"] > sizes["n_groups"]).any()

    def cell(groups: float, subjects: float) -> Cell:
        return Cell(f"{groups:.0f}", f" ({subjects:.0f})" if several else "")

    rows = [
        Row(
            (label,),
            (
                cell(*sizes.loc[part, ["n_groups", "n"]]),
                *(cell(*(counts[*part, f"{of}_{name}"] for of in (TEST_GROUPS, TEST_SUBJECTS))) for name in classes),
            ),
        )
        for part, label in _parts(one).items()
    ]
    names = distinct(classes)
    head = f"{readable(dataset)}: test patients{' (samples)' if several else ''}"
    columns = (ALL, *(names[name] for name in classes))
    return Panel(("Part",), columns, tuple(rows), title=head)


def _panels(dataset: str, name: str, rows: pd.DataFrame) -> Iterable[Panel]:
    """One metric of a dataset: conditions below each other, parts beside each other."""
    what = named(name)
    head = f"{readable(dataset)}: {what.metric.label}{f', class {what.of_class}' if what.of_class else ''}"
    found = {
        (row["condition"], row["split_by"], row["part"]): row for row in rows[rows["metric"] == name].to_dict("records")
    }
    conditions = rows.drop_duplicates("condition")[["condition", "loss_label", "sampling_label"]].to_numpy().tolist()
    labels = without_repeats([(loss, sampling) for _, loss, sampling in conditions])
    sizes = rows.drop_duplicates(["split_by", "part"]).set_index(["split_by", "part"])["n_groups"]
    parts = list(_parts(rows).items())
    for start in range(0, len(parts), MAX_COLUMNS):
        cut = parts[start : start + MAX_COLUMNS]
        lines = [
            Row(label, tuple(cohort_cell(found[condition, *part]) for part, _ in cut), index > 0 and label[0] != "")
            for index, (label, (condition, _, _)) in enumerate(zip(labels, conditions, strict=True))
        ]
        columns = tuple(f"{label} (n = {sizes[part]})" for part, label in cut)
        yield Panel(("Loss", "Sampling"), columns, tuple(lines), title=head)


def cohort_cell(row: dict) -> Cell:
    """``0.62 [0.51, 0.73]``; ``lacks class early`` where a class that the metric needs is not there."""
    marks = run_marks(row)
    if pd.isna(row["value"]):
        return Cell(row["note"] if row["note"].startswith((LACKS, UNDEFINED)) else MISSING, marks=marks)
    value = number(row["value"], DECIMALS)
    if pd.isna(row["ci_low"]):
        return Cell(value, " [not estimable]", marks=marks)
    interval = f" [{number(row['ci_low'], DECIMALS)}, {number(row['ci_high'], DECIMALS)}]"
    return Cell(value, interval, marks=f"{APPROXIMATE} {marks}".strip() if row["note"] else marks)


def _notes(shown: pd.DataFrame) -> tuple[str, ...]:
    has_value, has_interval = shown["value"].notna(), shown["ci_low"].notna()
    counts = shown["metric"].map(is_count)
    lines = [VALUES]
    for dataset, rows in shown.groupby("dataset", sort=False):
        about = [CROSS_VALIDATED.get(rows["folds"].iloc[0], "")]
        about += [GROUPS_COUNTED] if (rows["unit"] == "group").any() else []
        about += ["one cohort and no named subgroups."] if not rows["split_by"].any() else []
        lines += [f"{readable(str(dataset))}: {text}" for text in about if text]
    lines += [LACKING] if shown["note"].str.startswith(LACKS).any() else []
    lines += [NO_INTERVAL] if (has_value & ~has_interval & ~counts).any() else []
    lines += [ROUGH] if (has_interval & (shown["note"] != "")).any() else []
    runs = shown.drop_duplicates(["dataset", "condition"])
    total = (runs["n_runs"] + runs["n_diverged"]).sum()
    marked: Sequence[int] = [runs[key].sum() for key in ("n_collapsed", "n_diverged")]
    return (*lines, *mark_notes(*(f"{n} of {total} runs" if n else "" for n in marked)))
