"""The facts of a study as sentences and tables. Every word follows from a fact."""

from collections.abc import Mapping, Sequence
from typing import Any

from imbalance_aware.metrics.catalogue import named
from imbalance_aware.reporting.blocks import Block, Heading, Items, Paragraph
from imbalance_aware.reporting.grid import MISSING, Cell, Panel, Row, number
from imbalance_aware.reporting.labels import COUNTED, in_a_sentence, readable
from imbalance_aware.reporting.small_classes import FEW_IN_CLASS
from imbalance_aware.reporting.tuning import budgets_in_words
from imbalance_aware.reporting.verdict_facts import NOT_ESTIMABLE, SIMULTANEOUS, UNDECIDED
from imbalance_aware.reporting.verdict_warnings import text
from imbalance_aware.tables.frames import MODELS, NEW_DATA, PROCEDURE

DECIMALS = 3
#: What the intervals cover.
COVERS = {
    MODELS: "other patients, these models",
    PROCEDURE: "other patients and seeds, this procedure",
    NEW_DATA: "new training data",
}
EXPLAINED = (
    "Intervals are 95 % confidence intervals. These models: other patients, the same trained models. This procedure: "
    "other patients and other seeds, the same training data; only these intervals support the claim that one loss is "
    "better than another. Better and worse: the interval excludes 0 after correction for multiple comparisons. "
    "Equivalent: the interval lies within ± the relevant difference. Undecided does not mean equal: the study is "
    "inconclusive."
)
FACTORS = {"loss": "Loss", "sampling": "Sampling", "weights": "Sample weights", "rule": "Decision rule"}

Fact = Mapping[str, Any]


def page(facts: Fact) -> list[Block]:
    """The whole page of a study."""
    judged = facts["evaluation"]
    primary = in_a_sentence(named(judged["primary"]).metric.label)
    blocks: list[Block] = [
        Heading(f"Verdict: {facts['study']}", 1),
        Paragraph(
            f"Declared before the runs: primary metric {primary}, baseline {judged['baseline']}, relevant difference "
            f"{judged['relevant_difference']:g}. All other metrics are exploratory."
        ),
    ]
    blocks += [Paragraph(f"{readable(name)}: {summary(of)}", strong=True) for name, of in facts["datasets"].items()]
    blocks.append(Paragraph(EXPLAINED))
    for name, of in facts["datasets"].items():
        blocks += [Heading(readable(name)), *dataset(of, judged)]
    return blocks


def summary(of: Fact) -> str:
    """One sentence that summarises a dataset."""
    leader = of["leader"]
    if leader is None:
        return "no run has a value, so there is no result."
    metric, open_ = in_a_sentence(of["primary"]["label"]), of["not_told_from_leader"]
    others = len(open_) + len(of["worse_than_leader"])
    observed = f"the best {metric} observed is {_value(leader['value'])}, of {leader['label']}"
    if not others:
        return f"{observed}; there is nothing to compare it with."
    if leader[MODELS] is None:
        return f"{observed}, but no interval for other patients can be estimated: {_reason(leader['note'])}."
    alone = "" if of["question"] == PROCEDURE else " (for these models only)"
    best = f"{observed}; {_of(len(open_), others)} others cannot be distinguished from it{alone}."
    if not open_:
        best = f"{leader['label']} is best in {metric} ({_value(leader['value'])}): all others are worse{alone}."
    gain = len(of["against_baseline"]["better"])
    who = f"{_of(gain, others)} {'are' if gain > 1 else 'is'}" if gain else "None is"
    return f"{best} {who} shown to be better than the baseline{alone if gain else ''}."


def dataset(of: Fact, judged: Fact) -> list[Block]:
    """All blocks of one dataset."""
    blocks: list[Block] = [_classes(of), Paragraph(_size(of)), *_tuning(of)]
    if of["leader"] is None:
        return [*blocks, *_warnings(of)]
    return [
        *blocks,
        Heading("What is best", 3),
        *map(Paragraph, best(of)),
        _candidates(of),
        *(Paragraph(sentence(note)) for note in of["notes"]),
        Heading("Against the baseline", 3),
        Items(tuple(against_baseline(of, judged["relevant_difference"]))),
        Heading("Does any loss or sampling outperform a prior shift of the baseline?", 3),
        Paragraph(against_shifted(of)),
        Heading("What made the difference", 3),
        *map(Paragraph, what_made_it(of)),
        *_effects(of),
        Heading("What difference this study could have detected", 3),
        Paragraph(could_have_shown(of)),
        *_warnings(of),
        *_exploratory(of),
    ]


def _tuning(of: Fact) -> list[Block]:
    """How the hyperparameters of a tuned study were chosen."""
    if "tuning" not in of:
        return []
    tuned = of["tuning"]
    how = (
        f"Hyperparameters were chosen on the validation part by {in_a_sentence(named(tuned['metric']).metric.label)}, "
        "in each split by itself, never on test"
    )
    return [Paragraph(f"{how}. {budgets_in_words(tuned['trials'], of['condition_labels'])}.")]


def best(of: Fact) -> list[str]:
    """The leader, the conditions that cannot be distinguished from it, and those that are worse."""
    leader, question, metric = of["leader"], of["question"], in_a_sentence(of["primary"]["label"])
    observed = f"Best observed {metric}: {leader['label']}, {_value(leader['value'])}"
    if leader[question] is None:
        return [f"{observed}. No interval for other patients can be estimated: {_reason(leader['note'])}."]
    lines = [f"{observed} {_interval(leader[question])} ({COVERS[question]})."]
    if leader[NEW_DATA]:
        lines.append(f"For a claim about new training data: {_interval(leader[NEW_DATA])}.")
    if leader.get("first") is not None:
        lines.append(
            f"It ranks first in {100 * leader['first']:.0f} % of resamples of {_resampled(question)}, which is not the "
            "probability that it is the best."
        )
    open_, worse = of["not_told_from_leader"], of["worse_than_leader"]
    if open_ and not worse:
        lines.append(f"None of the {len(open_)} others can be distinguished from it: which is best remains open.")
    elif open_:
        lines.append(f"Not distinguishable from it ({len(open_)}): {_list(open_)}.")
    if worse:
        told = "; ".join(f"{one['label']} ({_difference(one)} {_interval(one[SIMULTANEOUS])})" for one in worse)
        lines.append(f"Worse, by simultaneous intervals of all pairs ({len(worse)}): {told}.")
    if of.get("kendall_tau") is not None:
        lines.append(
            f"Mean agreement of the candidates' order between two {of['replicate']}s: Kendall's tau "
            f"{number(of['kendall_tau'], 2)} (1: the same order, 0: chance)."
        )
    return lines


def against_baseline(of: Fact, relevant: float) -> list[str]:
    """One line for each conclusion."""
    found, question = of["against_baseline"], of["question"]
    suffix = "" if question == PROCEDURE else ", for these models"

    def told(one: Fact) -> str:
        by = ", by a relevant amount" if one["by_a_relevant_amount"] else ""
        return f"{one['label']} ({_difference(one)} {_interval(one[question])}{by})"

    lines = []
    for word in ("better", "worse"):
        names = "; ".join(map(told, found[word])) or "none"
        lines.append(f"{word.capitalize()} than the baseline{suffix}: {names}.")
    if found["equivalent"]:
        lines.append(f"Equivalent within {relevant:g}{suffix}: {'; '.join(map(told, found['equivalent']))}.")
    if found[UNDECIDED]:
        everyone = len(found[UNDECIDED]) == sum(map(len, found.values()))
        names = f"all {len(found[UNDECIDED])}" if everyone else _list(found[UNDECIDED])
        lines.append(f"Undecided{suffix}: {names}.")
    if found[NOT_ESTIMABLE]:
        for reason in dict.fromkeys(_reason(one["note"]) for one in found[NOT_ESTIMABLE]):
            those = [one for one in found[NOT_ESTIMABLE] if _reason(one["note"]) == reason]
            lines.append(f"Not estimable, {reason} ({len(those)}): {_list(those)}.")
    return lines


def against_shifted(of: Fact) -> str:
    """Whether another loss or sampling outperforms the prior shift of the baseline."""
    fact = of["against_shifted_baseline"]
    if fact is None:
        return "The baseline has no values under the prior shift, or there is no other condition."
    a, b = fact["a"]["label"], fact["b"]["label"]
    if fact[SIMULTANEOUS] is None:
        return f"Not estimable: {a} against {b} (difference {_difference(fact)})."
    numbers = f"(difference {_difference(fact)} {_interval(fact[SIMULTANEOUS])}, simultaneous for all pairs)"
    if fact["word"] == "better":
        return f"{a}, the best condition without a shift, is better than {b} {numbers}."
    if fact["word"] == "worse":
        return f"{a}, the best condition without a shift, is worse than {b} {numbers}."
    if fact["word"] == "equivalent":
        return f"{a}, the best condition without a shift, and {b} are equivalent {numbers}."
    return f"{a}, the best condition without a shift, cannot be distinguished from {b} {numbers}."


def what_made_it(of: Fact) -> list[str]:
    """Which factors are shown to change the primary metric."""
    shown = [one for one in of["effects"] if one["word"] in ("better", "worse")]
    about = (
        "Each row is the mean over pairs of conditions that differ only in this factor. Loss, sampling and weights are "
        "compared under argmax, decision rules over all conditions. Conclusions are corrected for the number of rows."
    )
    if not of["effects"]:
        return ["The study has no two conditions that differ in only one factor."]
    if not shown:
        factors = ", ".join(dict.fromkeys(FACTORS[one["factor"]].lower() for one in of["effects"]))
        return [f"None of {factors} is shown to change the {in_a_sentence(of['primary']['label'])}.", about]
    told = (
        f"{FACTORS[one['factor']]}: {one['level_label']} is {one['word']} than {one['reference_label']} "
        f"({_difference(one)} {_interval(one[of['question']])})"
        for one in shown
    )
    return ["; ".join(told) + ".", about]


def could_have_shown(of: Fact) -> str:
    """The detectable difference, and whether two equal conditions could be found equivalent."""
    fact = of["could_have_shown"]
    if fact["detectable"] is None:
        return "Unknown: no difference from the baseline has an interval."
    low, median, high = (_value(size) for size in fact["detectable"])
    needed, had = fact["standard_error_for_equivalence"], fact["standard_error"]
    reach = "within reach" if had <= needed else "out of reach"
    return (
        f"A true difference from the baseline of {median} (from {low} to {high}, by condition) would have been "
        "detected with a power of 80 % in a single comparison; with correction for multiple comparisons it is "
        f"larger. Showing that two conditions are equivalent within {fact['relevant_difference']:g} requires a "
        f"standard error of at most {needed:.4f}; here it is {_value(had)}: {reach}."
    )


def _size(of: Fact) -> str:
    patients = f"{of['n_patients']} patients"
    images = (
        f"{of['n_images']} test images of {patients}" if of["n_images"] != of["n_patients"] else f"{patients} tested"
    )
    folds = f", cross-validated in {of['folds']} folds" if of["folds"] else ""
    n = of["n_replicates"]
    return f"{images}{folds}; {n} {of['replicate']}{'s' if n != 1 else ''}; metrics count {COUNTED[of['unit']]}."


def _classes(of: Fact) -> Panel:
    columns = ("Test patients", "Test images", "All images" if of["folds"] else "Training images")
    rows = [
        Row(
            (readable(name),),
            (
                Cell(str(size["patients"]), "", marks="(few)" if size["patients"] < FEW_IN_CLASS else ""),
                Cell(str(size["images"])),
                Cell(str(size["training"])),
            ),
        )
        for name, size in of["classes"].items()
    ]
    return Panel(("Class",), columns, tuple(rows))


def _candidates(of: Fact) -> Panel:
    """Every candidate in the order of its values."""
    worse = {one["candidate"] for one in of["worse_than_leader"]}
    names = [name for name in (MODELS, PROCEDURE, NEW_DATA) if any(one[name] for one in of["candidates"])]
    heads = {MODELS: "These models", PROCEDURE: "This procedure", NEW_DATA: "New training data"}
    columns = (of["primary"]["label"], *(heads[name] for name in names), "Rank", "First in", "Against the leader")

    def told(one: Fact) -> str:
        if one["value"] is None:
            return one["note"]
        if one["candidate"] == of["leader"]["candidate"]:
            return "leader"
        return "worse" if one["candidate"] in worse else "not distinguishable"

    references = [
        Row((one["label"],), (Cell(_value(one["value"])), *(len(columns) - 1) * [Cell(MISSING)]), muted=True)
        for one in of["references"]
    ]
    rows = tuple(
        Row(
            (one["label"],),
            (
                Cell(MISSING if one["value"] is None else _value(one["value"])),
                *(Cell(_interval(one[name])) for name in names),
                Cell(_rank(one)),
                Cell(MISSING if one.get("first") is None else f"{100 * one['first']:.0f} %"),
                Cell(told(one)),
            ),
        )
        for one in of["candidates"]
    )
    return Panel(("Candidate",), columns, (*references, *rows))


def _rank(one: Fact) -> str:
    if one.get("rank") is None:
        return MISSING
    if one.get("rank_low") is None:
        return f"{one['rank']:g}"
    return f"{one['expected_rank']:.1f} [{one['rank_low']:g}, {one['rank_high']:g}]"


def _effects(of: Fact) -> list[Block]:
    if not of["effects"]:
        return []
    names = (MODELS, PROCEDURE) if of["question"] == PROCEDURE else (MODELS,)
    heads = {MODELS: "These models", PROCEDURE: "This procedure"}
    rows = tuple(
        Row(
            (FACTORS[one["factor"]], f"{one['level_label']} instead of {one['reference_label']}"),
            (
                Cell(str(one["n_pairs"])),
                Cell(_difference(one)),
                *(Cell(_interval(one[name])) for name in names),
                Cell(one["word"], bold=one["word"] in ("better", "worse")),
            ),
        )
        for one in of["effects"]
    )
    columns = ("Pairs", "Effect", *(heads[name] for name in names), "Conclusion")
    return [Panel(("Factor", "Change"), columns, rows)]


def _warnings(of: Fact) -> list[Block]:
    if not of["warnings"]:
        return []
    return [Heading("Warnings", 3), Items(tuple(text(one, of["condition_labels"]) for one in of["warnings"]))]


def _exploratory(of: Fact) -> list[Block]:
    if not of["exploratory"]:
        return []
    rows = tuple(
        Row(
            (one["label"],),
            (
                Cell(one["candidate_label"]),
                Cell(_value(one["value"])),
                Cell(f"{one['not_told_apart']} of {one['others']}"),
            ),
        )
        for one in of["exploratory"]
    )
    columns = ("Best observed", "Value", "Not distinguishable from it")
    return [
        Heading("Exploratory: other metrics", 3),
        Paragraph("Not declared as primary before the runs; no conclusion is based on them."),
        Panel(("Metric",), columns, rows),
    ]


def sentence(note: str) -> str:
    """A note of the tables, which may begin with a small letter and lack a full stop."""
    return f"{note[:1].upper()}{note[1:].rstrip('.')}."


def _reason(note: str) -> str:
    return note.removeprefix(f"{NOT_ESTIMABLE}: ")


def _of(n: int, total: int) -> str:
    return f"{n} of {total}" if n < total else f"all {total}"


def _resampled(question: str) -> str:
    return "patients and seeds" if question == PROCEDURE else "patients"


def _list(facts: Sequence[Fact]) -> str:
    return "; ".join(one["label"] for one in facts)


def _value(value: float) -> str:
    return number(value, DECIMALS)


def _difference(fact: Fact) -> str:
    return MISSING if fact["difference"] is None else number(fact["difference"], DECIMALS, signed=True)


def _interval(bounds: list[float] | None) -> str:
    return "[not estimable]" if bounds is None else f"[{number(bounds[0], DECIMALS)}, {number(bounds[1], DECIMALS)}]"
