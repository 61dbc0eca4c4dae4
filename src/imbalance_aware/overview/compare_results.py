"""Whether two folders of results agree, such as a study and its rerun on another machine.

Runs are matched by study, dataset, condition, seed, repeat and fold. For each dataset and condition: how many runs have
the same bytes in predictions.csv, the largest difference of a probability, how many images are classified otherwise,
and the difference B - A of a metric with two intervals, for these models and for the procedure, computed on the same
patients and seeds as the study's own comparisons (docs/statistics.md).

Exit status: 0 if both have the same runs and all predictions have the same bytes, 3 if not.
"""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imbalance_aware.errors import UserError
from imbalance_aware.evaluation.candidates import candidates
from imbalance_aware.evaluation.same_images import check_same_folds, check_same_test_set
from imbalance_aware.evaluation.units import SAMPLE
from imbalance_aware.metrics.catalogue import METRICS, RESAMPLED
from imbalance_aware.overview.terminal import count, heading, paragraph, table
from imbalance_aware.runs.identity import Run, identify
from imbalance_aware.runs.run_folder import PREDICTIONS
from imbalance_aware.schema import nearest
from imbalance_aware.statistics.estimates import Estimate, estimate_difference
from imbalance_aware.statistics.intervals import Interval
from imbalance_aware.tables.predictions import Predictions, read_predictions

DIFFERENT = 3
PRIMARY = "balanced_accuracy"
#: Names of the two results in the place of conditions.
A, B = "A", "B"


@dataclass(frozen=True)
class Agreement:
    """The runs of one condition on one dataset in both folders.

    Attributes:
        name: ``study/dataset/condition``.
        files: predictions.csv of runs that both have; of a cross-validation those of the folds, and of all together.
        same: of them, those with the same bytes.
        largest: largest difference of a probability; NaN where a run diverged or nothing can be compared.
        changed: images whose most probable class differs, summed over runs.
        images: over all runs.
        problem: why predictions cannot be compared; empty if they can.
        estimate: the difference B - A of the metric; None where all bytes are the same, or it cannot be computed.
    """

    name: str
    files: int
    same: int
    largest: float
    changed: int
    images: int
    problem: str
    estimate: Estimate | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument("a", metavar="A", type=Path, help="a results folder, or a part of its runs/")
    parser.add_argument("b", metavar="B", type=Path, help="another results folder with the same runs")
    parser.add_argument(
        "--metric",
        default=PRIMARY,
        help=f"metric whose differences are given (default: {PRIMARY}); docs/metrics.md lists all",
    )


def run(args: argparse.Namespace) -> None:
    """Print what agrees.

    Raises:
        UserError: no such folder or metric, or no run that both have.
        SystemExit: with status `DIFFERENT`, if they differ.
    """
    known = {PRIMARY: METRICS[PRIMARY]} | RESAMPLED
    if args.metric not in known:
        raise UserError(f'--metric: "{args.metric}" is not known.{nearest(args.metric, known)}')
    places = find_runs(args.a), find_runs(args.b)
    lines, same = compare(*places, args.metric)
    print("\n".join([*paragraph(f"A: {args.a}"), *paragraph(f"B: {args.b}"), "", *lines]))
    if not same:
        raise SystemExit(DIFFERENT)


def find_runs(folder: Path) -> dict[Run, Path]:
    """The predictions of every run below a folder: ``results``, its ``runs``, or a part of that.

    Raises:
        UserError: no such folder, or no predictions in it.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such results folder")
    top = folder / "runs" if (folder / "runs").is_dir() else folder
    paths = sorted(top.resolve().rglob(PREDICTIONS))
    # The mean over seeds follows from the runs.
    found = {place: path for path in paths if (place := identify(path)).seed is not None}
    if not found:
        raise UserError(f"{top}: contains no run: no {PREDICTIONS} in …/study/dataset/condition/seed-N/")
    return found


def compare(a: Mapping[Run, Path], b: Mapping[Run, Path], metric: str) -> tuple[list[str], bool]:
    """Lines of the comparison, and whether both have the same runs with the same bytes.

    Raises:
        UserError: they have no run in common, or a table cannot be read.
    """
    both = [place for place in a if place in b]
    if not both:
        example = next(iter(a)).place, next(iter(b)).place
        raise UserError(f"A and B have no run in common: A has {example[0]} and others, B {example[1]}")
    groups: dict[tuple[str, str, str], list[Run]] = {}
    for place in both:
        groups.setdefault((place.study, place.dataset, place.condition), []).append(place)
    found = [agreement("/".join(key), of, a, b, metric) for key, of in groups.items()]
    only = {"A": [place for place in a if place not in b], "B": [place for place in b if place not in a]}
    same = not any(only.values()) and all(one.same == one.files for one in found)
    return [*_verdict(found, only, same), *_table(found), *_differences(found, metric)], same


def agreement(name: str, runs: list[Run], a: Mapping[Run, Path], b: Mapping[Run, Path], metric: str) -> Agreement:
    """How far the runs of one condition on one dataset agree."""
    differing = [place for place in runs if a[place].read_bytes() != b[place].read_bytes()]
    if not differing:
        return Agreement(name, len(runs), len(runs), 0.0, 0, 0, "", None)
    # Of a cross-validation the tables of all folds together have all images once.
    whole = [place for place in runs if place.fold is None] or runs
    tables = {place: (read_predictions(a[place]), read_predictions(b[place])) for place in runs}
    same, problem, estimate = len(runs) - len(differing), "", None
    try:
        for pair in tables.values():
            check_same_test_set(_pair(runs[0], pair))
        estimate = _estimate({place: tables[place] for place in whole}, metric)
    except UserError as error:
        problem = str(error)
    if problem:
        return Agreement(name, len(runs), same, np.nan, 0, 0, problem, None)
    compared = [tables[place] for place in whole]
    largest = max(float(np.abs(x.probabilities - y.probabilities).max()) for x, y in compared)
    changed = sum(int((x.probabilities.argmax(1) != y.probabilities.argmax(1)).sum()) for x, y in compared)
    images = sum(len(x.labels) for x, _ in compared)
    return Agreement(name, len(runs), same, largest, changed, images, "", estimate)


def _pair(place: Run, tables: tuple[Predictions, Predictions]) -> dict[Run, Predictions]:
    return {_as(place, name): of for name, of in zip((A, B), tables, strict=True)}


def _as(place: Run, name: str) -> Run:
    """A run with the name of its folder of results in the place of its condition."""
    return Run(place.study, place.dataset, name, place.seed, place.repeat, place.fold)


def _estimate(tables: Mapping[Run, tuple[Predictions, Predictions]], metric: str) -> Estimate | None:
    """The difference B - A over all seeds and repeats, as between two conditions."""
    runs = {_as(place, name): pair[index] for index, name in enumerate((A, B)) for place, pair in tables.items()}
    check_same_test_set(runs)
    check_same_folds(runs)
    entrants = candidates(runs, SAMPLE)
    measured = entrants.measure({metric: METRICS[metric]})
    if not measured:
        return None
    names = entrants.names
    return estimate_difference(measured[metric], names.index(B), names.index(A), folds=entrants.folds)


def _verdict(found: list[Agreement], only: Mapping[str, list[Run]], same: bool) -> list[str]:
    files, equal = sum(one.files for one in found), sum(one.same for one in found)
    if same:
        return paragraph(f"The same: {files} {PREDICTIONS}, each with the same bytes in A and B.")
    lines = paragraph(f"Not the same: of {files} {PREDICTIONS} in both, {equal} have the same bytes.")
    for name, places in only.items():
        if places:
            more = f" and {len(places) - 1} more" if len(places) > 1 else ""
            lines += paragraph(f"Only in {name}: {count(len(places), 'run')}: {places[0].place}{more}", "  ")
    return lines


def _table(found: list[Agreement]) -> list[str]:
    """Of the conditions that do not agree."""
    differing = [one for one in found if one.same < one.files]
    if not differing:
        return []
    rows = [
        [
            one.name,
            str(one.files),
            str(one.same),
            "" if np.isnan(one.largest) else f"{one.largest:.1e}" if one.largest else "0",
            f"{one.changed} of {one.images}" if one.images else "",
        ]
        for one in differing
    ]
    head = ["study/dataset/condition", ">files", ">same", ">largest", ">classes changed"]
    lines = ["", *table(head, rows)]
    if others := len(found) - len(differing):
        lines += paragraph(f"Not listed: {count(others, 'condition')} with the same bytes.")
    return lines + paragraph(
        "Largest: difference of a probability. Classes changed: images whose most probable class differs, of all runs."
    )


def _differences(found: list[Agreement], metric: str) -> list[str]:
    rows, notes = [], []
    for one in found:
        if one.problem:
            notes += paragraph(f"{one.name}: cannot be compared: {one.problem}", "  ")
        if one.estimate is not None:
            estimate = one.estimate
            cells = [_interval(estimate.models), _interval(estimate.procedure)]
            if estimate.not_estimable:
                cells = [estimate.not_estimable, ""]
            rows.append([one.name, f"{estimate.parts.mean:+.4f}", *cells])
    if not rows:
        return ["", *notes] if notes else []
    lines = heading(f"Difference B - A of {metric}, with 95 % intervals")
    lines += table(["study/dataset/condition", ">B - A", "these models", "this procedure"], rows)
    lines += paragraph(
        "These models: for other patients and the same networks. This procedure: for other patients and seeds; it "
        "needs several seeds."
    )
    return [*lines, *notes]


def _interval(of: Interval | None) -> str:
    return "" if of is None else f"{of.low:+.4f} to {of.high:+.4f}"
