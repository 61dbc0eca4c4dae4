"""The findings of a study on one dataset as data: the content of ``verdict.json``, from which sentences are made.

Every word here follows from numbers of the tables. ``better`` and ``worse`` are only kept where no interval of the
difference that belongs to the claim holds 0, whatever the table says.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from imbalance_aware.evaluation.candidates import ARGMAX, PRIOR, candidate_name, condition_and_rule
from imbalance_aware.metrics.catalogue import METRICS
from imbalance_aware.statistics.planning import largest_standard_error_for_equivalence
from imbalance_aware.tables.frames import MODELS, NEW_DATA, PRIMARY, PROCEDURE

#: Words for a difference that an interval around 0 takes back.
CLAIMS = ("better", "worse")
UNDECIDED, NOT_ESTIMABLE = "undecided", "not estimable"
SIMULTANEOUS = "simultaneous"

Fact = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Tables:
    """What ``statistics`` wrote of one dataset: values, comparisons, ranks and effects, of the unit judged."""

    values: pd.DataFrame
    comparisons: pd.DataFrame
    ranks: pd.DataFrame
    effects: pd.DataFrame

    def of_metric(self, metric: str) -> "Tables":
        """The rows of one metric."""
        parts = (self.values, self.comparisons, self.ranks, self.effects)
        return Tables(*(part[part["metric"] == metric] for part in parts))


def facts(tables: Tables, baseline: str, relevant: float, label: Callable[[str], str]) -> Fact:
    """Facts of one dataset.

    Args:
        tables: its rows.
        baseline: name of the candidate.
        relevant: the smallest difference that matters.
        label: name in print of a candidate.
    """
    primary = tables.values.loc[tables.values["role"] == PRIMARY, "metric"].iloc[0]
    of = tables.of_metric(primary)
    question = PROCEDURE if (of.values["n_replicates"] > 1).any() else MODELS
    said = _Said(of, question, label)
    found: Fact = {
        "primary": {"metric": primary, "label": METRICS[primary].label, "better": METRICS[primary].better},
        "question": question,
        "n_replicates": int(of.values["n_replicates"].max()),
        "candidates": said.candidates(),
    }
    leader = _leader(found["candidates"])
    if leader is None:
        return found | {"leader": None}
    return found | {
        "leader": leader,
        **said.against_leader(leader),
        "kendall_tau": _number(of.ranks["kendall_tau"].iloc[0]) if len(of.ranks) else None,
        "against_baseline": said.against_baseline(),
        "against_shifted_baseline": said.against_shifted_baseline(baseline),
        "effects": said.effects(),
        "could_have_shown": _could_have_shown(of, question, relevant),
        "notes": [note for note in dict.fromkeys(of.values["note"]) if note],
        "exploratory": _exploratory(tables, primary),
    }


def sure(word: str, *intervals: list[float] | None) -> str:
    """The word, or ``undecided`` where an interval of a claim holds 0 or there is none."""
    if word in CLAIMS and any(interval is None or interval[0] <= 0 <= interval[1] for interval in intervals):
        return UNDECIDED
    return word


def pair(comparisons: pd.DataFrame, a: str, b: str) -> Fact | None:
    """The row of two candidates as a minus b, in whichever order the table has them; None if there is none."""
    rows = comparisons[(comparisons["a"] == a) & (comparisons["b"] == b)]
    if len(rows):
        return rows.iloc[0].to_dict()
    rows = comparisons[(comparisons["a"] == b) & (comparisons["b"] == a)]
    if not len(rows):
        return None
    row = rows.iloc[0].to_dict()
    turned = {"better": "worse", "worse": "better"}
    row |= {"a": a, "b": b, "difference": -row["difference"]}
    for name in (MODELS, PROCEDURE, NEW_DATA, SIMULTANEOUS):
        row |= {f"{name}_low": -row[f"{name}_high"], f"{name}_high": -row[f"{name}_low"]}
    for name in ("decision", "decision_models", "decision_all_pairs"):
        row[name] = turned.get(row[name], row[name])
    return row


def interval(row: Mapping[str, Any], name: str) -> list[float] | None:
    """``[low, high]``; None where there is none."""
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return None if pd.isna(low) else [float(low), float(high)]


class _Said:
    """Facts of one metric of a dataset."""

    def __init__(self, tables: Tables, question: str, label: Callable[[str], str]) -> None:
        self.tables, self.question, self.label = tables, question, label

    def _named(self, candidate: str) -> Fact:
        return {"candidate": candidate, "label": self.label(candidate)}

    def candidates(self) -> list[Fact]:
        """Every candidate with its value and rank, the best first; those without a value last."""
        ranks = self.tables.ranks.set_index("candidate")
        found = []
        for row in self.tables.values.to_dict("records"):
            name = candidate_name(row["condition"], row["rule"])
            fact = self._named(name) | {"value": _number(row["value"])} | _intervals(row)
            if name in ranks.index:
                keys = ("rank", "expected_rank", "rank_low", "rank_high", "first")
                fact |= {key: _number(ranks.loc[name, key]) for key in keys}
            found.append(fact | {"n_replicates": int(row["n_replicates"]), "note": row["note"]})
        return sorted(found, key=lambda fact: np.inf if fact.get("rank") is None else fact["rank"])

    def against_leader(self, leader: Fact) -> Fact:
        """Candidates worse than the leader by simultaneous intervals, and those not distinguishable from it."""
        worse: list[Fact] = []
        open_: list[Fact] = []
        for fact in self.candidates():
            if fact["candidate"] == leader["candidate"] or fact["value"] is None:
                continue
            row = pair(self.tables.comparisons, fact["candidate"], leader["candidate"])
            word, about = UNDECIDED, self._named(fact["candidate"])
            if row is not None:
                about |= {"difference": _number(row["difference"]), SIMULTANEOUS: interval(row, SIMULTANEOUS)}
                word = sure(row["decision_all_pairs"], interval(row, SIMULTANEOUS), interval(row, self.question))
                about |= {"by_a_relevant_amount": bool(row["relevant_all_pairs"]) and word == "worse"}
            (worse if word == "worse" else open_).append(about)
        return {"worse_than_leader": worse, "not_told_from_leader": open_}

    def against_baseline(self) -> dict[str, list[Fact]]:
        """Candidates by what may be said of them against the baseline."""
        found: dict[str, list[Fact]] = {
            word: [] for word in ("better", "worse", "equivalent", UNDECIDED, NOT_ESTIMABLE)
        }
        models = self.question == MODELS
        for row in self.tables.comparisons[self.tables.comparisons["with_baseline"]].to_dict("records"):
            own = interval(row, self.question)
            word = sure(row["decision_models" if models else "decision"], own)
            about = self._named(row["a"]) | {"difference": _number(row["difference"])} | _intervals(row)
            about["p_adjusted"] = _number(row["p_models_holm" if models else "p_procedure_holm"])
            about["evidence_against_reverse"] = _number(row["evidence"])
            relevant = bool(row["relevant_models" if models else "relevant"])
            about |= {"by_a_relevant_amount": relevant and word in CLAIMS, "note": row["note"]}
            found[word if own is not None else NOT_ESTIMABLE].append(about)
        return found

    def against_shifted_baseline(self, baseline: str) -> Fact | None:
        """The best condition trained otherwise than the baseline, against the baseline under the prior shift."""
        condition, rule = condition_and_rule(baseline)
        shifted = candidate_name(condition, PRIOR)
        trained = [
            fact
            for fact in self.candidates()
            if fact["value"] is not None
            and condition_and_rule(fact["candidate"])[1] == ARGMAX
            and condition_and_rule(fact["candidate"])[0] != condition
        ]
        if rule != ARGMAX or not trained:
            return None
        best = trained[0]["candidate"]
        row = pair(self.tables.comparisons, best, shifted)
        if row is None:
            return None
        wide = interval(row, SIMULTANEOUS)
        return {
            "a": self._named(best),
            "b": self._named(shifted),
            "difference": _number(row["difference"]),
            SIMULTANEOUS: wide,
            "word": sure(row["decision_all_pairs"], wide, interval(row, self.question)),
        }

    def effects(self) -> list[Fact]:
        """Effects of loss, sampling, weights and rule."""
        models = self.question == MODELS
        keys = ("factor", "level", "reference", "note")
        found = []
        for row in self.tables.effects.to_dict("records"):
            own = interval(row, self.question)
            word = sure(row["decision_models" if models else "decision"], own) if own else NOT_ESTIMABLE
            fact = {key: row[key] for key in keys} | {"n_pairs": int(row["n_pairs"])}
            fact |= {"difference": _number(row["difference"])} | _intervals(row)
            found.append(fact | {"p_adjusted": None if models else _number(row["p_procedure_holm"]), "word": word})
        return found


def _leader(candidates: list[Fact]) -> Fact | None:
    return next((fact for fact in candidates if fact["value"] is not None and fact.get("rank") is not None), None)


def _intervals(row: Mapping[str, Any]) -> Fact:
    return {name: interval(row, name) for name in (MODELS, PROCEDURE, NEW_DATA)}


def _could_have_shown(tables: Tables, question: str, relevant: float) -> Fact:
    """Differences from the baseline that would have been found with a power of 80 %, and whether equivalence could."""
    rows = tables.comparisons[tables.comparisons["with_baseline"]]
    own = "se_models" if question == MODELS else None
    errors = rows[own] if own else np.sqrt(rows["se_patients"] ** 2 + rows["se_replicates"] ** 2)
    estimable = rows["detectable"].notna()
    errors, sizes = errors[estimable], rows.loc[estimable, "detectable"]
    needed = largest_standard_error_for_equivalence(relevant)
    return {
        "detectable": [_number(f(sizes)) for f in (np.min, np.median, np.max)] if len(sizes) else None,
        "standard_error": _number(errors.median()) if len(errors) else None,
        "standard_error_for_equivalence": needed,
        "relevant_difference": relevant,
    }


def _exploratory(tables: Tables, primary: str) -> list[Fact]:
    """The leader in every other metric, and how many candidates cannot be distinguished from it."""
    found = []
    for metric, rows in tables.ranks[tables.ranks["metric"] != primary].groupby("metric", sort=False):
        known = rows[rows["rank"].notna()]
        if len(known):
            first = known.loc[known["rank"].idxmin()]
            others = known[known["possible_best"] & (known["candidate"] != first["candidate"])]
            found.append(
                {"metric": metric, "label": METRICS[str(metric)].label, "candidate": first["candidate"]}
                | {"value": _number(first["value"]), "not_told_apart": len(others), "others": len(known) - 1}
            )
    return found


def _number(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)
