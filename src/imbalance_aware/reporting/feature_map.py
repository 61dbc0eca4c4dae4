"""Draw a t-SNE map of the last layer's features of one dataset and seed, for the best and worst condition by macro F1.

t-SNE: van der Maaten and Hinton 2008, initialised by principal components, with a fixed seed. Runs without a macro F1
(diverged) do not take part. Of a cross-validated dataset, the map shows the first fold alone, since features of
different networks cannot share a map; macro F1 is that of all folds of this seed together.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from imbalance_aware.arrays import read_npy
from imbalance_aware.class_names import metric_of_class
from imbalance_aware.errors import UserError
from imbalance_aware.metrics.catalogue import METRICS
from imbalance_aware.reporting import style
from imbalance_aware.reporting.labels import distinct, readable
from imbalance_aware.reporting.run_files import runs_of_one_dataset
from imbalance_aware.reporting.small_classes import few_test_subjects, note
from imbalance_aware.reporting.summary import DECIMALS
from imbalance_aware.runs.run_folder import PREDICTIONS
from imbalance_aware.tables.metrics import read_metrics
from imbalance_aware.tables.predictions import read_predictions

PERPLEXITY = 30
#: What tells the runs of a study apart in the tidy table.
RUN = ["dataset", "condition", "seed", "repeat"]
#: Two maps with title and legend; the F1 scores below come on top.
PANEL_INCH = 1.9


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    style.add_arguments(parser)
    parser.add_argument("--metrics", type=Path, required=True, help="metrics.csv of the study")
    parser.add_argument(
        "features",
        type=Path,
        nargs="+",
        help="…/seed-N/features.npy, beside predictions.csv, of one dataset, seed and fold",
    )


def run(args: argparse.Namespace) -> None:
    """Draw two maps side by side (one if there is one run)."""
    metrics = read_metrics(args.metrics)
    runs = runs_of_one_dataset(args.features, metrics)
    if len(runs[["seed", "repeat", "fold"]].drop_duplicates()) > 1:
        raise UserError("only features of one seed, repeat and fold can be drawn at a time")
    chosen = best_and_worst(runs, metrics)
    with style.figure(args, style.ONE_COLUMN_INCH, PANEL_INCH) as canvas:
        if not chosen:
            style.nothing_to_draw(canvas, readable(runs["dataset"].iloc[0]), "every run of this seed diverged")
            return
        panels = canvas.subplots(1, len(chosen), squeeze=False)[0]
        for axes, (rank, row) in zip(panels, chosen.items(), strict=True):
            predictions = row["path"].with_name(PREDICTIONS)
            table = read_predictions(predictions)
            classes = list(table.classes)
            features = read_npy(row["path"])
            if len(features) != len(table.labels):
                raise UserError(
                    f"{row['path']} holds {len(features)} rows and {predictions} {len(table.labels)}: they are not "
                    "from the same run"
                )
            draw(axes, embed(np.array(features)), table.labels, classes)
            collapsed = ", collapsed" if row["status"] == "collapsed" else ""
            axes.set_title(f"{rank}: {row['loss_label']}\n{row['sampling_label']}{collapsed}")
            axes.set_xlabel(f1_text(row, metrics, classes), fontsize=6.5)
        canvas.set_figheight(PANEL_INCH + style.TEXT_LINE_INCH * (1 + len(classes)))
        names = distinct(classes)
        colours, markers = style.colours(classes), style.markers(classes)
        handles = [
            Line2D(
                [],
                [],
                color=colours[name],
                marker=markers[name],
                markersize=3.5,
                linestyle="none",
                label=names[name],
            )
            for name in classes
        ]
        style.legend_above(canvas, handles, readable(runs["dataset"].iloc[0]))
        fold = runs["fold"].iloc[0]
        of_fold = "" if pd.isna(fold) else f"Maps: test subjects of fold {fold:.0f} only. F1: all folds. "
        style.note_below(canvas, of_fold + note(few_test_subjects(metrics), runs["dataset"]))


def best_and_worst(runs: pd.DataFrame, metrics: pd.DataFrame) -> dict[str, dict]:
    """``{"Best": row, "Worst": row}`` of ``runs`` by macro F1, the first of equals; only the best of one run."""
    f1 = metrics[metrics["metric"] == "f1_macro"][[*RUN, "value", "status"]]
    ranked = runs.merge(f1, on=RUN).dropna(subset="value")
    if ranked.empty:
        return {}
    ranked = ranked.sort_values("value", ascending=False, kind="stable").to_dict("records")
    return {"Best": ranked[0]} | ({"Worst": ranked[-1]} if len(ranked) > 1 else {})


def embed(features: np.ndarray) -> np.ndarray:
    """Features of shape (n, F) to positions of shape (n, 2), on one thread so that sums have one order.

    Features that are the same for every subject, as of a network that died, have one position.
    """
    if np.ptp(features, axis=0).max() == 0:
        return np.zeros((len(features), 2))
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    perplexity = min(PERPLEXITY, (len(features) - 1) / 3)
    with threadpool_limits(limits=1):
        return TSNE(perplexity=perplexity, init="pca", random_state=0).fit_transform(features.astype(np.float64))


def f1_text(row: dict, metrics: pd.DataFrame, classes: list[str]) -> str:
    """``"Macro F1 0.55"`` and ``"F1 Early 0.20"`` of each class, a line each."""
    here = metrics[(metrics["dataset"] == row["dataset"]) & (metrics["condition"] == row["condition"])]
    here = here[(here["seed"] == row["seed"]) & (here["repeat"] == row["repeat"])]
    values = here.set_index("metric")["value"]
    names = distinct(classes)
    of_class = ((f"F1 {names[name]}", values[metric_of_class("f1", name)]) for name in classes)
    lines = [(METRICS["f1_macro"].label, values["f1_macro"]), *of_class]
    return "\n".join(f"{name} {'–' if pd.isna(value) else f'{value:.{DECIMALS}f}'}" for name, value in lines)


def draw(axes: Axes, positions: np.ndarray, labels: np.ndarray, classes: list[str]) -> None:
    """Scatter of the positions; colour and marker tell the true class, rare classes on top."""
    colours, markers = style.colours(classes), style.markers(classes)
    counts = np.bincount(labels, minlength=len(classes))
    for label in np.argsort(-counts, kind="stable"):
        points = positions[labels == label]
        name = classes[label]
        axes.scatter(points[:, 0], points[:, 1], s=6, c=colours[name], marker=markers[name], alpha=0.75, linewidths=0)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(True)
