"""Time and memory of the statistics of a study of 60 runs on 386 subjects: one table (Markdown) on stdout.

OMP_NUM_THREADS=1 python benchmarks/bench_statistics.py [--conditions 15] [--seeds 4] [--sizes 197 72 117]
"""

import argparse
import resource
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from imbalance_aware.metrics.catalogue import RESAMPLED, WEIGHTED, metrics_for
from imbalance_aware.metrics.declaration import Context, Outcome
from imbalance_aware.statistics import conclusions, intervals, multiplicity, permutation, ranks, variance
from imbalance_aware.statistics.design import Design
from imbalance_aware.statistics.influence import measure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--conditions", type=int, default=15)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--sizes", type=int, nargs="+", default=[197, 72, 117], help="subjects of each class")
    args = parser.parse_args()
    design, outcomes = study(args.conditions, args.seeds, args.sizes)
    forms = {name: metric.resampled for name, metric in RESAMPLED.items() if metric.resampled}
    print(f"{len(outcomes)} runs, {len(design.labels)} subjects, metrics: {', '.join(forms)}\n")
    print("| step | seconds of processor time |\n|---|---|")
    measured = timed("values and influence, all metrics", lambda: measure(design, outcomes, forms))
    known = Context(True, (1 / len(args.sizes),) * len(args.sizes), tuple(map(tuple, 1 - np.eye(len(args.sizes)))))
    told = {run: replace(outcome, context=known) for run, outcome in outcomes.items()}
    all_forms = {name: metric.resampled for name, metric in metrics_for(known).items() if name in WEIGHTED}
    timed(f"the same of every metric ({len(all_forms)})", lambda: measure(design, told, all_forms))
    every = list(measured.values())
    timed("values: parts and both intervals, all metrics", lambda: [of_values(one) for one in every])
    timed("all pairs (2): intervals, p, conclusions, all metrics", lambda: [of_pairs(one) for one in every])
    timed("ranks, all metrics", lambda: [ranks.ranks(one, "higher") for one in every])
    for name, form in forms.items():
        timed(
            f"permutation with one baseline, {name}",
            lambda form=form: [
                permutation.permutation_p(
                    design,
                    [(outcomes[a, s], outcomes[design.conditions[0], s]) for s in design.replicates],
                    form,
                )
                for a in design.conditions[1:]
            ],
        )
    print(f"\npeak memory of the process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


def study(conditions: int, seeds: int, sizes: list[int]) -> tuple[Design, dict[tuple[str, str], Outcome]]:
    """Made-up probabilities that share a difficulty of each subject."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(len(sizes)), sizes)
    n, classes = len(labels), len(sizes)
    shared = rng.normal(size=(n, classes)) + 1.5 * np.eye(classes)[labels]
    names = tuple(f"condition-{c}" for c in range(conditions)), tuple(f"seed-{s}" for s in range(seeds))
    outcomes = {}
    for condition in names[0]:
        for seed in names[1]:
            scores = np.exp(shared + 0.7 * rng.normal(size=(n, classes)))
            outcomes[condition, seed] = Outcome(labels, scores / scores.sum(axis=1, keepdims=True))
    return Design(*names, labels, np.arange(n)), outcomes


def of_values(measured: Any) -> list[Any]:
    parts = [variance.value_parts(measured, c) for c in range(len(measured.values))]
    return [(intervals.interval(part), intervals.interval(part, procedure=False)) for part in parts]


def of_pairs(measured: Any) -> Any:
    pairs = multiplicity.all_pairs(measured)
    return pairs.p_values(), conclusions.conclude_pairs(pairs, 0.02, "higher")


def timed(what: str, function: Callable[[], Any]) -> Any:
    start = time.process_time()
    result = function()
    print(f"| {what} | {time.process_time() - start:.2f} |", flush=True)
    return result


if __name__ == "__main__":
    main()
