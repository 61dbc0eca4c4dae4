"""Which differences in balanced accuracy a study could show, before it runs.

From the number of test images of each class and stated assumptions: the smallest true difference between two
conditions that would be found with the wanted power, for several numbers of seeds, and whether two equal conditions
could be found equivalent. The formula is in docs/statistics.md; correction for several comparisons needs more.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from imbalance_aware.errors import UserError
from imbalance_aware.overview.tested import TestSet
from imbalance_aware.statistics.design import MIN_PATIENTS
from imbalance_aware.statistics.planning import (
    detectable_with,
    largest_standard_error_for_equivalence,
    planned_standard_error,
)
from imbalance_aware.tables.samples import read_samples_frame

#: Numbers of seeds for which the table has a row.
SEEDS = (1, 2, 3, 4, 5, 10)


def add_assumptions(parser: argparse.ArgumentParser) -> None:
    """Declare what is assumed before the runs."""
    parser.add_argument("--seeds", type=int, nargs="+", default=[*SEEDS], help="numbers of seeds (default: 1 to 10)")
    parser.add_argument(
        "--discordance",
        type=float,
        default=0.2,
        help="fraction of images that exactly one of two runs classifies correctly (default: 0.2)",
    )
    parser.add_argument(
        "--agreement", type=float, default=0.3, help="correlation of that difference between two seeds (default: 0.3)"
    )
    parser.add_argument(
        "--seed-sd", type=float, default=0.01, help="standard deviation of the difference over seeds (default: 0.01)"
    )
    parser.add_argument("--icc", type=float, default=0.3, help="correlation of images of one patient (default: 0.3)")
    parser.add_argument("--relevant", type=float, default=0.02, help="relevant difference (default: 0.02)")
    parser.add_argument(
        "--power", type=float, default=0.8, help="power, the probability of detecting the difference (default: 0.8)"
    )


def differences(tested: TestSet, args: argparse.Namespace) -> list[str]:
    """What a test set could show, as Markdown."""
    counts = ", ".join(
        f"{name} {n}" + (f" ({tested.patients[name]} patients)" if tested.patients[name] != n else "")
        for name, n in tested.images.items()
    )
    needed = largest_standard_error_for_equivalence(args.relevant, args.power)
    lines = [
        f"Test images: {counts}.",
        f"Assumed: two runs differ on {args.discordance:g} of the images; correlation of that between seeds "
        f"{args.agreement:g}; standard deviation over seeds {args.seed_sd:g}; correlation within patients "
        f"{args.icc:g}.",
        "",
        f"| seeds | standard error | difference found with a power of {args.power:g} | equivalence within "
        f"{args.relevant:g} |",
        "|---|---|---|---|",
    ]
    for seeds in args.seeds:
        error = standard_error(tested, seeds, args)
        found = detectable_with(error, args.power)
        reach = "within reach" if error <= needed else "out of reach"
        lines.append(f"| {seeds} | {error:.4f} | {found:.3f} | {reach} |")
    lines += [
        "",
        f"Equivalence needs a standard error of at most {needed:.4f}. The differences are in balanced accuracy, for "
        "one comparison declared beforehand. With one seed they hold for the trained models only.",
    ]
    rare = [f"{name} ({n})" for name, n in tested.patients.items() if n < MIN_PATIENTS]
    if rare:
        lines.append(f"Fewer than {MIN_PATIENTS} patients: {', '.join(rare)}. Nothing will be estimable.")
    return lines


def standard_error(tested: TestSet, seeds: int, args: argparse.Namespace) -> float:
    """Of a difference in balanced accuracy, before the runs."""
    return planned_standard_error(
        [*tested.images.values()],
        seeds,
        args.discordance,
        args.agreement,
        args.seed_sd,
        tested.images_per_patient,
        args.icc,
    )


def test_set(samples: Path) -> TestSet:
    """Test images and patients of each class; of a cross-validated dataset, all of them."""
    frame = read_samples_frame(samples, ("group", "class", "label", "split"))
    tested = frame if (frame["split"] == "").all() else frame[frame["split"] == "test"]
    if tested.empty:
        raise UserError(f"{samples}: has no test samples")
    classes = tested.sort_values("label", kind="stable").groupby("class", sort=False)
    return TestSet(classes.size().to_dict(), classes["group"].nunique().to_dict())


def of_counts(counts: Sequence[int]) -> TestSet:
    """A test set with one image of each patient."""
    if len(counts) < 2 or min(counts) < 1:
        raise UserError("--test-images: a number above 0 for each of at least two classes")
    named = {f"class {label}": n for label, n in enumerate(counts)}
    return TestSet(named, dict(named))


def check_assumptions(args: argparse.Namespace) -> None:
    """Raise `UserError` for assumptions that cannot be."""
    for name in ("discordance", "agreement", "icc"):
        if not 0 <= getattr(args, name) <= 1:
            raise UserError(f"--{name} lies between 0 and 1 (got {getattr(args, name):g})")
    if min(args.seeds) < 1:
        raise UserError("--seeds: at least 1")
    if not 0 < args.power < 1 or not args.relevant > 0 or not args.seed_sd >= 0 or not np.isfinite(args.seed_sd):
        raise UserError("--power lies between 0 and 1, --relevant is above 0 and --seed-sd not below 0")
