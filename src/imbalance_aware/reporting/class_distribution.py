"""Draw how the classes of each dataset are distributed, in all and per cohort.

Where there is one cohort, per side of a fixed split; a cross-validated dataset has none.
"""

import argparse
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from imbalance_aware.reporting import style
from imbalance_aware.reporting.labels import distinct, readable
from imbalance_aware.tables.samples import SPLITS, read_samples_frame

BAR_INCH = 0.155
#: Columns of ``samples.csv`` that are drawn.
SHOWN = ("cohort", "class", "label", "split")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    style.add_arguments(parser)
    parser.add_argument("samples", type=Path, nargs="+", help="…/<dataset>/samples.csv of each dataset")


def run(args: argparse.Namespace) -> None:
    """Draw one panel per dataset, below each other."""
    shares = {path.parent.name: class_shares(read_samples_frame(path, SHOWN)) for path in args.samples}
    heights = [len(table) + table["group"].nunique() + 2 for table in shares.values()]
    with style.figure(args, style.ONE_COLUMN_INCH, BAR_INCH * sum(heights) + 0.3) as canvas:
        panels = canvas.subplots(len(shares), squeeze=False, height_ratios=heights)[:, 0]
        for axes, (dataset, table) in zip(panels, shares.items(), strict=True):
            draw(axes, table)
            axes.set_title(readable(dataset), loc="left", fontweight="bold")
        panels[-1].set_xlabel("Share of subjects (%)")


def class_shares(samples: pd.DataFrame) -> pd.DataFrame:
    """Rows ``group, class, count, percent``: all samples, then each cohort, or each side of a fixed split."""
    classes = samples.sort_values("label")["class"].unique()
    by = "cohort" if samples["cohort"].nunique() > 1 else "split"
    names = SPLITS if by == "split" else samples["cohort"].unique()
    groups = {"all": samples} | {name: samples[samples[by] == name] for name in names}
    return pd.DataFrame(
        [
            (group, name, count := int((part["class"] == name).sum()), 100 * count / len(part))
            for group, part in groups.items()
            for name in classes
            if len(part)
        ],
        columns=["group", "class", "count", "percent"],
    )


def draw(axes: Axes, table: pd.DataFrame) -> None:
    """Horizontal bars with count and percentage, so that the smallest class is as readable as the largest."""
    colours = style.colours(list(table["class"].unique()))
    names = distinct(table["class"])
    ticks, place = [], 0.0
    for group, part in table.groupby("group", sort=False):
        axes.text(0, place, f"{readable(group)} (n = {part['count'].sum()})", va="center", color=style.GREY)
        for row in part.itertuples(index=False):
            place += 1
            axes.barh(place, row.percent, height=0.8, color=colours[row[1]])
            axes.text(row.percent + 1, place, f"{row.count} ({row.percent:.1f} %)", va="center", fontsize=6.5)
            ticks.append((place, names[row[1]]))
        place += 1.3
    axes.set_yticks(*zip(*ticks, strict=True))
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(place - 0.7, -0.7)
    axes.set_xlim(0, 118)
    axes.set_xticks(range(0, 101, 20))
    axes.spines["left"].set_visible(False)
