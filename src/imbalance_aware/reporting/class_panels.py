"""Panels of curves of each class of one dataset: a row per sampling, a column per class, a line per loss.

Lines are the mean over seeds, bands go from the lowest to the highest seed. More losses than one panel can show are
spread over several rows.
"""

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from imbalance_aware.errors import UserError
from imbalance_aware.evaluation.metrics import COLLAPSED, DIVERGED, status_of
from imbalance_aware.evaluation.units import GROUP, SAMPLE, samples_of, take, units_of
from imbalance_aware.metrics.declaration import Outcome
from imbalance_aware.reporting import style
from imbalance_aware.reporting.curves import Band
from imbalance_aware.reporting.grid import COLLAPSED as DAGGER
from imbalance_aware.reporting.labels import distinct, readable
from imbalance_aware.reporting.looks import Looks, collapsed_look, looks_of
from imbalance_aware.reporting.run_files import runs_of_one_dataset
from imbalance_aware.reporting.small_classes import few_test_subjects, note
from imbalance_aware.reporting.summary import in_order
from imbalance_aware.tables.metrics import read_metrics
from imbalance_aware.tables.predictions import read_predictions

#: Most classes side by side, and most losses in a panel.
COLUMNS, MOST_LINES = 4, 7
PANEL_INCH, ABOVE_INCH = 1.75, 0.3
#: Longest name of a class above one of three panels, in columns.
MOST_LETTERS = 24
BAND_ALPHA = 0.15
#: Look of the line that needs no model: chance, or perfect calibration.
REFERENCE: dict = {"color": "#999999", "linewidth": 0.6, "linestyle": (0, (4, 3))}


@dataclass(frozen=True)
class Kind:
    """What the panels show.

    Attributes:
        x_label: below the figure.
        y_label: on its left.
        band: from the outcomes of the runs of a condition and a label to what is drawn; None where it is undefined.
        reference: draws what needs no model into a panel, from the outcome of some run and the label.
        reference_handles: what the reference is, for the legend.
        explain: what the curves are, said below the figure; of cross-validated data and of others.
        square: whether both axes go from 0 to 1.
        points: whether the mean has a marker at each of its points.
    """

    x_label: str
    y_label: str
    band: Callable[[Sequence[Outcome], int], Band | None]
    reference: Callable[[Axes, Outcome, int], None]
    reference_handles: Sequence[Line2D]
    explain: Callable[[bool], str]
    square: bool = True
    points: bool = False


@dataclass(frozen=True, eq=False)
class Runs:
    """The runs of one dataset that did not diverge.

    Attributes:
        dataset: its name.
        classes: names.
        outcomes: of each condition that has a run.
        collapsed: how many runs of each condition collapsed.
        conditions: ``condition, loss_label, sampling_label`` in the order of tables and figures, of all that have runs.
        diverged: how many runs are left out.
    """

    dataset: str
    classes: tuple[str, ...]
    outcomes: Mapping[str, Sequence[Outcome]]
    collapsed: Mapping[str, int]
    conditions: pd.DataFrame
    diverged: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments that these figures have besides those of every figure."""
    parser.add_argument("--metrics", type=Path, required=True, help="metrics.csv of the study")
    parser.add_argument("--unit", choices=[SAMPLE, GROUP], default=SAMPLE, help="unit of the curves (default: sample)")
    parser.add_argument("predictions", type=Path, nargs="+", help="…/replicate/predictions.csv of one dataset's runs")


def read_runs(paths: Sequence[Path], metrics: pd.DataFrame, unit: str) -> Runs:
    """The predictions of all runs.

    Raises:
        UserError: a table that cannot be read, or runs of several datasets or classes.
    """
    table = in_order(runs_of_one_dataset(paths, metrics), ["loss_key", "sampling_label"])
    outcomes: dict[str, list[Outcome]] = {}
    collapsed: dict[str, int] = {}
    classes: tuple[str, ...] = ()
    diverged = 0
    for run in table.to_dict("records"):
        predictions = read_predictions(run["path"])
        if classes not in ((), predictions.classes):
            raise UserError(f"{run['path']}: its classes are not those of the other runs")
        classes = predictions.classes
        status = status_of(predictions.labels, predictions.probabilities, predictions.fold)
        if status == DIVERGED:
            diverged += 1
            continue
        units = take(unit if unit in units_of(predictions) else SAMPLE, samples_of(predictions))
        outcomes.setdefault(run["condition"], []).append(Outcome(units.labels, units.probabilities, units.fold))
        collapsed[run["condition"]] = collapsed.get(run["condition"], 0) + (status == COLLAPSED)
    conditions = table.drop_duplicates("condition")[["condition", "loss_label", "sampling_label"]]
    conditions = conditions[conditions["condition"].isin(list(outcomes))]
    return Runs(table["dataset"].iloc[0], classes, outcomes, collapsed, conditions, diverged)


def draw_figure(args: argparse.Namespace, kind: Kind) -> None:
    """Draw all panels, with a legend of the losses."""
    metrics = read_metrics(args.metrics, args.unit)
    runs = read_runs(args.predictions, metrics, args.unit)
    if not runs.outcomes:
        with style.figure(args, style.ONE_COLUMN_INCH, 1.0) as canvas:
            style.nothing_to_draw(canvas, readable(runs.dataset), "every run diverged")
        return
    looks = looks_of(metrics)
    blocks = [*blocks_of(runs.conditions)]
    columns = min(COLUMNS, len(runs.classes))
    lines = -(-len(runs.classes) // columns)
    width_inch = style.ONE_COLUMN_INCH if columns < 3 else style.TWO_COLUMNS_INCH
    panel_inch = min(PANEL_INCH, (width_inch - 0.5) / columns)
    height_inch = len(blocks) * lines * panel_inch + (len(blocks) if lines > 1 else 1) * lines * ABOVE_INCH + 0.6
    titles = titles_of(runs, MOST_LETTERS * 3 // columns)
    with style.figure(args, width_inch, height_inch) as canvas:
        grid = canvas.subplots(len(blocks) * lines, columns, squeeze=False, sharex=True, sharey=kind.square)
        for axes in grid.flat:
            axes.set_axis_off()
        for number, (sampling, conditions) in enumerate(blocks):
            for label, title in enumerate(titles):
                axes = grid[number * lines + label // columns, label % columns]
                axes.set_axis_on()
                draw(axes, runs, conditions, label, kind, looks)
                if number == 0 or lines > 1:
                    axes.set_title(title)
                if label % columns == 0:
                    axes.set_ylabel(sampling, fontweight="bold")
                last = number == len(blocks) - 1 and label + columns >= len(titles)
                axes.tick_params(labelbottom=last, labelleft=label % columns == 0 or not kind.square)
        canvas.supylabel(kind.y_label, fontsize=7)
        style.legend_above(canvas, legend(runs, looks, kind), readable(runs.dataset))
        style.note_below(canvas, notes(runs, metrics, kind), kind.x_label)


def blocks_of(conditions: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Sampling and conditions of each row of panels: one per sampling, or several of at most `MOST_LINES` losses."""
    ordered = in_order(conditions, ["sampling_label"])
    for sampling, part in ordered.groupby("sampling_label", sort=False):
        for start in range(0, len(part), MOST_LINES):
            yield str(sampling), part[start : start + MOST_LINES]


def titles_of(runs: Runs, most: int) -> list[str]:
    """``"Early (17 of 90)"`` of each class: its test subjects; names of at most ``most`` columns."""
    labels = next(iter(runs.outcomes.values()))[0].labels
    counts = np.bincount(labels, minlength=len(runs.classes))
    names = style.shortened([*distinct(runs.classes).values()], most)
    return [f"{name} ({count} of {len(labels)})" for name, count in zip(names, counts, strict=True)]


def draw(axes: Axes, runs: Runs, conditions: pd.DataFrame, label: int, kind: Kind, looks: Looks) -> None:
    """One panel: a band and a line per condition; a dagger on the line of a condition with collapsed runs."""
    kind.reference(axes, next(iter(runs.outcomes.values()))[0], label)
    undefined = True
    for row in conditions.to_dict("records"):
        colour, line = looks.colours[row["loss_label"]], looks.lines[row["loss_label"]]
        band = kind.band(runs.outcomes[row["condition"]], label)
        if band is None:
            continue
        undefined = False
        axes.fill_between(band.x, band.low, band.high, color=colour, alpha=BAND_ALPHA, linewidth=0)
        markers: dict = {"marker": "o", "markersize": 1.8} if kind.points else {}
        axes.plot(band.x, band.mean, color=colour, linestyle=line, linewidth=0.9, **markers)
        if runs.collapsed[row["condition"]]:
            middle = len(band.x) // 2
            axes.plot(band.x[middle], band.mean[middle], color=colour, linestyle="none", **collapsed_look())
    if undefined:
        axes.text(0.5, 0.5, "undefined", ha="center", va="center", color=style.GREY, transform=axes.transAxes)
    if kind.square:
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), box_aspect=1, xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))


def legend(runs: Runs, looks: Looks, kind: Kind) -> list[Line2D]:
    """Handles of the losses that are drawn, and of the reference."""
    drawn = {*runs.conditions["loss_label"]}
    handles = [
        Line2D([], [], color=colour, linestyle=looks.lines[name], label=name)
        for name, colour in looks.colours.items()
        if name in drawn
    ]
    return [*handles, *kind.reference_handles]


def notes(runs: Runs, metrics: pd.DataFrame, kind: Kind) -> str:
    """What lines and bands are, what is missing, and which classes are small."""
    counts = [len(outcomes) for outcomes in runs.outcomes.values()]
    folds = any(outcome.fold is not None for outcomes in runs.outcomes.values() for outcome in outcomes)
    if max(counts) == 1:
        seeds = "One seed: no bands."
    else:
        seeds = "Lines: mean over seeds; bands: from the lowest to the highest seed, not a confidence interval."
    collapsed = sum(runs.collapsed.values())
    said = [
        seeds,
        kind.explain(folds),
        f"{DAGGER}: of this condition, runs collapsed ({collapsed} of {sum(counts)} in all)." if collapsed else "",
        f"Runs that diverged are excluded: {runs.diverged}." if runs.diverged else "",
        note(few_test_subjects(metrics), [runs.dataset]),
    ]
    return " ".join(filter(None, said))
