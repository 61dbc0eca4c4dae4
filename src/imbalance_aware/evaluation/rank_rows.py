"""Rows of ``ranks.csv``: how sure the order of the candidates is."""

from collections.abc import Iterator

import numpy as np

from imbalance_aware.evaluation.comparison_rows import Compared
from imbalance_aware.statistics.design import MIN_PATIENTS
from imbalance_aware.statistics.ranks import Ranks, agreement_over_replicates, possible_best, ranks
from imbalance_aware.statistics.variance import seed_variance
from imbalance_aware.tables.frames import MODELS, PROCEDURE

NOT_ESTIMABLE = f"not estimable: a class has fewer than {MIN_PATIENTS} patients"
NO_SEED_VARIANCE = "the variance over replicates is unknown: resamples are of patients alone"


def rank_rows(compared: Compared) -> Iterator[dict]:
    """A row for each candidate; without resamples where a class has too few patients."""
    measured, better = compared.measured, compared.metric.better
    estimable = compared.candidates.fewest_patients >= MIN_PATIENTS
    procedure = compared.pairs.procedure and seed_variance(measured, paired=True).df > 0
    found = ranks(measured, better, procedure)
    best = possible_best(measured, compared.pairs, better) if estimable else np.isfinite(measured.means)
    tau = agreement_over_replicates(measured)
    note = NOT_ESTIMABLE if not estimable else NO_SEED_VARIANCE if compared.pairs.procedure and not procedure else ""
    for number, name in enumerate(compared.candidates.names):
        yield {
            "candidate": name,
            "question": PROCEDURE if procedure else MODELS,
            "value": measured.means[number],
            "rank": found.observed[number],
            "possible_best": bool(best[number]),
            "kendall_tau": tau,
            "note": note,
        } | (_resampled(found, number) if estimable else {})


def _resampled(found: Ranks, number: int) -> dict:
    return {
        "expected_rank": found.expected[number],
        "rank_low": found.low[number],
        "rank_high": found.high[number],
        "first": found.first[number],
    }
