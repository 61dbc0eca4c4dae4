"""How often the intervals and tests of a study hold what they promise: tables (Markdown) on stdout.

    OMP_NUM_THREADS=1 python benchmarks/simulate_statistics.py [--simulations 1000] [--only coverage]

The studies are those of `simulated_studies`, whose truth is exact. 1000 simulations take about ten minutes on one core;
a share of 95 % is then known to 0.7 points (one standard error).
"""

import argparse
from collections.abc import Callable

import numpy as np

from imbalance_aware.metrics.catalogue import RESAMPLED
from imbalance_aware.metrics.declaration import Outcome
from imbalance_aware.statistics.design import Design
from imbalance_aware.statistics.intervals import Interval, interval, p_value
from imbalance_aware.statistics.multiplicity import all_pairs, holm
from imbalance_aware.statistics.permutation import permutation_p
from imbalance_aware.statistics.proportions import balanced_accuracy_interval
from imbalance_aware.statistics.ranks import possible_best, ranks
from imbalance_aware.statistics.variance import difference_parts, value_parts
from simulated_studies import SimulatedStudy, first_replicates, simulated_study

#: Patients of each class, images of a patient up to, standard deviation over seeds: of all conditions, or of each.
SETTINGS = [
    ((120, 45, 30), 1, 0.1),
    ((120, 45, 30), 6, 0.1),
    ((120, 45, 30), 6, 0.3),
    ((197, 72, 117), 1, 0.2),
    ((48, 7, 5), 1, 0.1),
    ((60, 20, 14), 6, np.array([0.32, 0.32, 0.08, 0.16, 0.24, 0.3])),
]
SEEDS = (2, 3, 5)
CONDITIONS = 6

Hits = dict[tuple[str, str], list[bool]]


def coverage_of(study: SimulatedStudy, seeds: tuple[int, ...] = SEEDS) -> Hits:
    """Whether each interval of the first condition, and of its difference from the second, holds the truth.

    Returns:
        By question and interval, such as ("(2) difference", "S=3"). ``images`` are intervals (1) that take every image
        for a patient; ``Wilson`` is interval (1) of `proportions`, with which (2) of a value is joined.
    """
    everyone = study.measured()
    images = study.measured(design=_each_image_a_patient(study.design))
    hits: Hits = {}
    for n in seeds:
        some, of_images = first_replicates(everyone, n), first_replicates(images, n)
        correct = study.correct[0, :n].T
        models, procedure = study.models[:, :n].mean(axis=1), study.procedure
        wilson = balanced_accuracy_interval(study.design, correct)
        value, difference = value_parts(some, 0), difference_parts(some, 0, 1)
        found = {
            "(1) value, t": (interval(value, procedure=False), models[0]),
            "(1) value, Wilson": (wilson, models[0]),
            "(1) difference": (interval(difference, procedure=False), models[0] - models[1]),
            "(1) value, t, images": (interval(value_parts(of_images, 0), procedure=False), models[0]),
            "(2) value": (_joined(interval(value), wilson), procedure[0]),
            "(2) difference": (interval(difference), procedure[0] - procedure[1]),
            "(1) difference read as (2)": (interval(difference, procedure=False), procedure[0] - procedure[1]),
        }
        for question, (one, truth) in found.items():
            hits[question, f"S={n}"] = [one is not None and truth in one]
    return hits


def family_of(study: SimulatedStudy, draws: int = 2000) -> Hits:
    """Of a study whose conditions are all equal: whether anything is found, by each way to compare."""
    measured = study.measured()
    others = range(1, len(measured.values))
    first = _adjusted([difference_parts(measured, c, 0) for c in others], procedure=False)
    hits = {
        ("all pairs (1), max-T", ""): [_any(all_pairs(measured, False, draws).p_values())],
        ("baseline (1), t, Holm", ""): [_any(first)],
    }
    if len(study.design.replicates) > 1:
        second = _adjusted([difference_parts(measured, c, 0) for c in others], procedure=True)
        unadjusted = [p_value(difference_parts(measured, a, b)) for a in range(len(measured.values)) for b in range(a)]
        hits |= {
            ("all pairs (2), max-T", ""): [_any(all_pairs(measured, True, draws).p_values())],
            ("baseline (2), Holm", ""): [_any(second)],
            ("all pairs (2), not adjusted", ""): [_any(unadjusted)],
        }
    return hits


def permutation_of(study: SimulatedStudy, draws: int = 400, by_image: bool = False) -> Hits:
    """Of a study with two equal models: whether the p-value of the permutation is at most 5 % and 50 %.

    With ``by_image``, predictions are swapped for images in the place of patients, which is wrong.
    """
    design = _each_image_a_patient(study.design) if by_image else study.design
    p = permutation_p(design, paired_outcomes(study), RESAMPLED["balanced_accuracy"].resampled, draws)
    return {("permutation", "p <= .05"): [p <= 0.05], ("permutation", "p <= .50"): [p <= 0.50]}


def best_of(study: SimulatedStudy, draws: int = 2000) -> Hits:
    """Whether the set of possible best holds the best condition, and the condition that is ranked first is the best."""
    measured, best = study.measured(), int(study.procedure.argmax())
    possible = possible_best(measured, all_pairs(measured, draws=draws), "higher")
    return {
        ("best", "in the set of possible best"): [bool(possible[best])],
        ("best", "is the leader"): [int(measured.means.argmax()) == best],
        ("leader", "first in over half of the resamples"): [
            bool(ranks(measured, "higher", draws=draws).first.max() > 0.5)
        ],
    }


def paired_outcomes(study: SimulatedStudy) -> list[tuple[Outcome, Outcome]]:
    """Predictions of the first two conditions for every replicate."""
    a, b = study.design.conditions[:2]
    return [(study.outcomes[a, s], study.outcomes[b, s]) for s in study.design.replicates]


def collect(
    simulations: int, one: Callable[[np.random.Generator], Hits], seed: int = 0
) -> dict[tuple[str, str], float]:
    """Share of simulations in which each thing holds; every simulation has random numbers of its own."""
    found: Hits = {}
    for number in range(simulations):
        for key, hits in one(np.random.default_rng([seed, number])).items():
            found.setdefault(key, []).extend(hits)
    return {key: float(np.mean(hits)) for key, hits in found.items()}


def spread_means(rng: np.random.Generator, sd: float, conditions: int = 10) -> np.ndarray:
    """Means of conditions that differ by so much, shape (C, 3)."""
    return np.array([1.1, 0.5, 0.7]) + sd * rng.normal(size=(conditions, 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulations", type=int, default=1000)
    parser.add_argument("--only", choices=["coverage", "family", "permutation", "best"])
    args = parser.parse_args()
    for name, table in {"coverage": coverage, "family": family, "permutation": permutation, "best": best}.items():
        if args.only in (None, name):
            table(args.simulations)


def coverage(n: int) -> None:
    print(f"Intervals that hold the truth, % of {n} studies of {CONDITIONS} conditions:\n")
    line(["patients, images of each, seed SD", "interval", *(f"S={seeds}" for seeds in SEEDS)], head=True)
    for patients, images, sd in SETTINGS:
        found = collect(n, lambda rng: coverage_of(simulated_study(rng, patients, CONDITIONS, 5, images, sd)))  # noqa: B023
        setting = f"{patients}, {images_of(images)}, {sd}"
        for question in dict.fromkeys(question for question, _ in found):
            line([setting, question, *(found[question, f"S={seeds}"] for seeds in SEEDS)])
    print()


def family(n: int) -> None:
    print(f"Studies of {CONDITIONS} equal conditions with a finding at 5 %, % of {n} studies; (1) where models differ")
    print("by their seeds, and what is not adjusted, promise nothing:\n")
    settings = [
        ((120, 45, 30), 1, 3, 0.0),
        ((120, 45, 30), 6, 3, 0.2),
        ((120, 45, 30), 1, 2, 0.2),
        ((48, 7, 5), 1, 5, 0.1),
    ]
    for number, (patients, images, seeds, sd) in enumerate(settings):
        found = collect(
            n,
            lambda rng: family_of(simulated_study(rng, patients, CONDITIONS, seeds, images, sd)),  # noqa: B023
        )
        if number == 0:
            line(["patients, images of each, S, seed SD", *(way for way, _ in found)], head=True)
        line([f"{patients}, {images_of(images)}, {seeds}, {sd}", *found.values()])
    print()


def permutation(n: int) -> None:
    print(f"p-values of the permutation of two equal models, % of {n} studies:\n")
    line(["patients, images of each, S", "swapped", "p <= .05", "p <= .50"], head=True)
    for patients, images, seeds, by_image in (
        ((60, 25, 15), 1, 1, False),
        ((60, 25, 15), 6, 3, False),
        ((60, 10, 6), 1, 3, False),
        ((60, 25, 15), 6, 1, True),
    ):
        found = collect(
            n,
            lambda rng: permutation_of(simulated_study(rng, patients, 2, seeds, images, 0.0), by_image=by_image),  # noqa: B023
        )
        swapped = "images (wrong)" if by_image else "patients"
        line([f"{patients}, {images_of(images)}, {seeds}", swapped, *found.values()])
    print()


def best(n: int) -> None:
    print(f"Ten conditions whose means (of the latent number) have a standard deviation, S=3, % of {n} studies:\n")
    spreads = (0.0, 0.1, 0.3)
    for sd in spreads:

        def one(rng: np.random.Generator, sd: float = sd) -> Hits:
            means = spread_means(rng, sd)
            return best_of(simulated_study(rng, (120, 45, 30), 10, 3, 1, 0.1, means))

        found = collect(n, one)
        if sd == spreads[0]:
            line(["standard deviation", *(f"{whose} {what}" for whose, what in found)], head=True)
        line([str(sd), *found.values()])
    print()


def images_of(most: int) -> str:
    return "1" if most == 1 else f"1 to {most}"


def line(cells: list[str | float], head: bool = False) -> None:
    """One row of a table; shares in %."""
    print(f"| {' | '.join(cell if isinstance(cell, str) else f'{100 * cell:.1f}' for cell in cells)} |", flush=True)
    if head:
        print("|" + "---|" * len(cells))


def _each_image_a_patient(design: Design) -> Design:
    return Design(design.conditions, design.replicates, design.labels, np.arange(len(design.labels)))


def _joined(one: Interval | None, other: Interval) -> Interval:
    return one.union(other) if one else other


def _adjusted(parts: list, procedure: bool) -> np.ndarray:
    return holm([p_value(part, procedure) for part in parts])


def _any(p: np.ndarray | list[float]) -> bool:
    return bool((np.asarray(p) <= 0.05).any())


if __name__ == "__main__":
    main()
