"""Draw the design of a study: its data, preprocessing, conditions, training and evaluation, from the configuration.

Counts are those of ``samples.csv``: what is in the study, after exclusions.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from imbalance_aware.conditions import trained_and_rival
from imbalance_aware.errors import UserError
from imbalance_aware.json_text import read_object_argument
from imbalance_aware.reporting import design_words as words
from imbalance_aware.reporting import style
from imbalance_aware.reporting.cards import PAD_INCH, Card, Dots, Item, Table, Text
from imbalance_aware.reporting.labels import SAMPLINGS, distinct, paper_first
from imbalance_aware.reporting.summary import in_order, label_conditions
from imbalance_aware.tables.samples import SPLITS, read_samples_frame

#: What is read of ``samples.csv``.
SHOWN = ("group", "cohort", "class", "label", "split")
MARGIN_INCH, BETWEEN_INCH, ARROW_INCH = 0.05, 0.1, 0.24
#: More losses than this are in two blocks, if there is room for both side by side.
MOST_IN_BLOCK = 12
#: Heads of the columns of counts.
PARTS = {"train": "training", "validation": "validation", "test": "test"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    style.add_arguments(parser)
    parser.add_argument("--design", required=True, help="settings of the study as JSON, from its configuration")
    parser.add_argument("samples", type=Path, nargs="+", help="…/<dataset>/samples.csv of each dataset")


def run(args: argparse.Namespace) -> None:
    """Draw cards in rows, from the data to the evaluation, with an arrow between two rows."""
    design = read_object_argument(args.design, "--design")
    samples = {path.parent.name: read_samples_frame(path, SHOWN) for path in args.samples}
    if missing := [name for name in design["datasets"] if name not in samples]:
        raise UserError(f"no samples.csv of {', '.join(missing)}")
    stages = cards(design, samples)
    width = style.TWO_COLUMNS_INCH - 2 * MARGIN_INCH
    heights = [[_row_height(row, width) for row in stage] for stage in stages]
    inner = sum(sum(stage) + BETWEEN_INCH * (len(stage) - 1) for stage in heights)
    total = inner + ARROW_INCH * (len(stages) - 1) + 2 * MARGIN_INCH
    with style.figure(args, style.TWO_COLUMNS_INCH, total) as canvas:
        canvas.set_layout_engine("none")  # all places are given
        axes = canvas.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, style.TWO_COLUMNS_INCH), ylim=(0, total))
        axes.set_axis_off()
        top = total - MARGIN_INCH
        for number, (stage, of) in enumerate(zip(stages, heights, strict=True)):
            if number:
                _arrow(axes, top + ARROW_INCH)
            for row, height in zip(stage, of, strict=True):
                _draw_row(axes, row, top, width, height)
                top -= height + BETWEEN_INCH
            top += BETWEEN_INCH - ARROW_INCH


#: Cards beside each other; rows of a stage below each other.
CardRow = Sequence[Card]


def cards(design: Mapping[str, Any], samples: Mapping[str, pd.DataFrame]) -> list[list[CardRow]]:
    """The stages of the study, from above: its data; conditions and training; evaluation."""
    names = distinct(design["datasets"])
    pairs = list(design["datasets"].items())
    data: list[CardRow] = []
    for start in range(0, len(pairs), 2):
        row = pairs[start : start + 2]
        data.append([_dataset(names[name], settings, samples[name], wide=len(row) == 1) for name, settings in row])
    trained = [row for row in design["conditions"] if not trained_and_rival(row["condition"])[1]]
    conditions = label_conditions(pd.DataFrame(trained))
    baseline = conditions[conditions["condition"] == design["evaluation"]["baseline"]].iloc[0]
    grid = _conditions(conditions, str(baseline["condition"]))
    counted = (Text(line, style.GREY) for line in words.trainings(design, names))
    training = Card("Training", [*map(Text, words.training(design)), *counted])
    half = (style.TWO_COLUMNS_INCH - 2 * MARGIN_INCH - BETWEEN_INCH) / 2
    long = len(grid.rows) > MOST_IN_BLOCK
    fits = grid.least_inch <= half - 2 * PAD_INCH
    grid = replace(grid, blocks=2) if long and fits else grid
    ring = Text("Ring: the baseline", style.GREY)
    called = dict(
        zip(conditions["condition"], conditions["loss_label"] + ", " + conditions["sampling_label"], strict=True)
    )
    rivals = map(Text, words.rivals(design, called))
    compared = Card(
        f"{len(conditions)} condition{'s' * (len(conditions) > 1)}: loss and sampling", [grid, ring, *rivals]
    )
    judged = words.evaluation(design, f"{baseline['loss_label']}, {baseline['sampling_label']}")
    middle: list[CardRow] = [[compared, training]] if fits and not long else [[compared], [training]]
    return [data, middle, [[Card("Evaluation", [Text(line) for line in judged])]]]


def _dataset(name: str, settings: Mapping[str, Any], samples: pd.DataFrame, wide: bool) -> Card:
    """A dataset: its samples, its split, and the processing of its images."""
    several = samples["group"].nunique() < len(samples)
    cohorts = list(dict.fromkeys(samples["cohort"]))
    kind = "Images" if settings["kind"] == "images" else "MRI volumes"
    size = f"{kind}: {len(samples)}"
    size += f" of {samples['group'].nunique()} groups (patients)" if several else ""
    size += f", {len(cohorts)} cohorts" if len(cohorts) > 1 else ""
    split = words.split(settings, cohorts, several)
    who: list[Item] = [Text(size), counts(samples), *map(Text, split)]
    how: list[Item] = [*map(Text, words.preprocessing(settings)), Text(words.augmentation(settings))]
    return Card(name, who, how) if wide else Card(name, [*who, *how])


def counts(samples: pd.DataFrame) -> Table:
    """Samples of each class: in all, and of each part where the split is fixed."""
    classes = list(samples.sort_values("label", kind="stable")["class"].unique())
    names = distinct(classes)
    parts = [part for part in SPLITS if (samples["split"] == part).any()]
    head = ["Class", "n", "%", *(PARTS[part] for part in parts)]
    rows = []
    for name in classes:
        of = samples[samples["class"] == name]
        share = f"{100 * len(of) / len(samples):.1f}"
        rows.append([names[name], str(len(of)), share, *(str((of["split"] == part).sum()) for part in parts)])
    total = ["All", str(len(samples)), "100", *(str((samples["split"] == part).sum()) for part in parts)]
    colours = style.colours(classes)
    return Table([head, *rows, total], [colours[name] for name in classes])


def _conditions(conditions: pd.DataFrame, baseline: str) -> Dots:
    """Losses by samplings, with a dot for each condition."""
    ordered = in_order(conditions, ("loss_key", "sampling_label"))
    losses = list(dict.fromkeys(zip(ordered["loss_key"], ordered["loss_label"], strict=True)))
    samplings = paper_first(ordered["sampling_label"], SAMPLINGS.values())
    colours = style.colours(samplings)
    places = {key: number for number, (key, _) in enumerate(losses)}
    filled, ringed = {}, set()
    for row in ordered.itertuples():
        place = places[row.loss_key], samplings.index(row.sampling_label)
        filled[place] = colours[row.sampling_label]
        if row.condition == baseline:
            ringed.add(place)
    return Dots([label for _, label in losses], samplings, filled, frozenset(ringed))


def _card_width(row: CardRow, width: float) -> float:
    return (width - BETWEEN_INCH * (len(row) - 1)) / len(row)


def _row_height(row: CardRow, width: float) -> float:
    return max(card.height(_card_width(row, width)) for card in row)


def _draw_row(axes: Axes, row: CardRow, top: float, width: float, height: float) -> None:
    each = _card_width(row, width)
    for number, card in enumerate(row):
        card.draw(axes, MARGIN_INCH + number * (each + BETWEEN_INCH), top, each, height)


def _arrow(axes: Axes, top: float) -> None:
    """From the stage that ends at ``top`` to the next one."""
    middle = style.TWO_COLUMNS_INCH / 2
    look = {"arrowstyle": "-|>", "color": style.GREY, "linewidth": 0.9, "shrinkA": 1, "shrinkB": 1, "mutation_scale": 8}
    axes.annotate("", xy=(middle, top - ARROW_INCH), xytext=(middle, top), arrowprops=look)
