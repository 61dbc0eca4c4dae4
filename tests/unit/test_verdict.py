"""The verdict: its words follow numbers, its page says what the study can and cannot show."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalance_aware.__main__ import main
from imbalance_aware.losses import LOSSES
from imbalance_aware.reporting import blocks, verdict_warnings
from imbalance_aware.reporting.verdict_facts import Tables, facts, pair, sure
from imbalance_aware.reporting.verdict_words import dataset, summary
from imbalance_aware.tables.comparisons import COMPARISONS
from imbalance_aware.tables.effects import EFFECTS
from imbalance_aware.tables.ranks import RANKS
from imbalance_aware.tables.values import VALUES

CONDITIONS = ("ce-uniform", "mcc-uniform", "focal-uniform")
NAMES = (*CONDITIONS, *(f"{name}@prior" for name in CONDITIONS))
WORDS = ("better", "worse", "equivalent", "undecided")
DECLARED = {"primary": "balanced_accuracy", "baseline": "ce-uniform", "relevant_difference": 0.02, "unit": "sample"}


def label(name):
    return f"<{name}>"


@st.composite
def bounds(draw):
    """An interval, or none."""
    if draw(st.booleans()):
        low, high = sorted(draw(st.tuples(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5))))
        return low, high
    return np.nan, np.nan


@st.composite
def written(draw):
    """Tables with any words beside any intervals, as damaged or later versions could have them."""

    def cells(*names):
        ends = {name: dict(zip(("low", "high"), draw(bounds()), strict=True)) for name in names}
        return {f"{name}_{side}": bound for name, both in ends.items() for side, bound in both.items()}

    n = draw(st.integers(1, 3))
    word = st.sampled_from(WORDS)
    head = {"dataset": "x", "unit": "sample", "metric": "balanced_accuracy", "role": "primary"}
    order = draw(st.permutations(range(len(NAMES))))
    values, ranks = [], []
    for place, name in enumerate(NAMES):
        condition, _, rule = name.partition("@")
        row = {"condition": condition, "rule": rule or "argmax", "n_replicates": n, "note": "said"}
        row |= {"value": 0.9 - 0.1 * order[place], "n_runs": n, "n_collapsed": 0, "n_diverged": 0}
        values.append(head | row | cells("models", "procedure"))
        ranks.append(
            head | {"candidate": name, "value": row["value"], "rank": order[place] + 1.0, "possible_best": True}
        )
    comparisons = []
    for a, first in enumerate(NAMES):
        for second in NAMES[:a]:
            row = {"a": first, "b": second, "with_baseline": second == "ce-uniform", "n_replicates": n}
            row |= {"decision": draw(word), "decision_models": draw(word), "decision_all_pairs": draw(word)}
            row |= {"difference": draw(st.floats(-0.5, 0.5)), "relevant": draw(st.booleans()), "note": ""}
            row |= {"relevant_models": draw(st.booleans()), "relevant_all_pairs": draw(st.booleans())}
            comparisons.append(head | row | cells("models", "procedure", "simultaneous"))
    row = {"factor": "loss", "level": "mcc", "reference": "ce", "n_pairs": 1, "difference": 0.1, "note": ""}
    effects = [head | row | {"decision": draw(word), "decision_models": draw(word)} | cells("models", "procedure")]
    forms = (VALUES, COMPARISONS, RANKS, EFFECTS)
    rows = (values, comparisons, ranks, effects)
    return Tables(*(pd.DataFrame(r).reindex(columns=list(f.columns)) for r, f in zip(rows, forms, strict=True)))


def complete(found, **changed):
    """Facts of one dataset with what the step adds."""
    for one in found.get("effects", []):
        one |= {"level_label": one["level"], "reference_label": one["reference"]}
    about = {
        "unit": "sample",
        "folds": None,
        "replicate": "seed",
        "n_patients": 50,
        "n_images": 50,
        "warnings": [],
        "references": [],
    }
    about["classes"] = {"no": {"patients": 40, "images": 40, "training": 90}}
    return about | {"condition_labels": {name: label(name) for name in CONDITIONS}} | found | changed


@settings(max_examples=60, deadline=None)
@given(tables=written())
def test_no_verdict_says_better_or_worse_where_an_interval_holds_zero(tables):
    found = complete(facts(tables, "ce-uniform", 0.02, label))
    question = found["question"]
    assert question == ("procedure" if tables.values["n_replicates"].iloc[0] > 1 else "models")

    def excludes(bounds):
        return bounds is not None and (bounds[0] > 0 or bounds[1] < 0)

    claims = [(one, "better") for one in found["against_baseline"]["better"]]
    claims += [(one, "worse") for one in found["against_baseline"]["worse"]]
    assert all(excludes(one[question]) for one, _ in claims)
    assert all(excludes(one["simultaneous"]) for one in found["worse_than_leader"])
    shifted = found["against_shifted_baseline"]
    assert shifted["word"] not in ("better", "worse") or excludes(shifted["simultaneous"])
    for one in found["effects"]:
        assert one["word"] not in ("better", "worse") or excludes(one[question])
    text = blocks.to_markdown(dataset(found, DECLARED))
    for line in re.findall(r"^- (?:Better|Worse) than the baseline.*$", text, re.M):
        told = re.findall(r"\\\[(.*?), (.*?)\\\]", line)
        numbers = [tuple(float(part.replace("−", "-")) for part in bounds) for bounds in told]
        assert len(numbers) == line.count("(") and all(low >= 0 or high <= 0 for low, high in numbers), line
    assert "mprove" not in text
    if found["against_baseline"]["better"] and question == "models":
        assert "for these models only" in summary(found).rpartition(" shown ")[2] or "no interval" in summary(found)
    if not found["against_baseline"]["better"]:
        assert "None is shown to be better than the baseline" in summary(
            found
        ) or "no interval for other patients" in summary(found)


def test_words_without_an_interval_around_zero_are_kept():
    assert sure("better", [0.01, 0.2], [0.02, 0.1]) == "better" and sure("worse", [-0.2, -0.1]) == "worse"
    assert sure("better", [0.0, 0.2]) == sure("better", [0.1, 0.2], [-0.1, 0.3]) == sure("worse", None) == "undecided"
    assert sure("equivalent", [-0.01, 0.01]) == "equivalent"


def test_a_pair_is_found_whichever_way_it_stands():
    row = {"a": "x", "b": "y", "difference": 0.1, "decision": "better", "decision_models": "worse"}
    row |= {"decision_all_pairs": "undecided", "models_low": 0.0, "models_high": 0.3}
    row |= {f"{name}_{side}": np.nan for name in ("procedure", "new_data", "simultaneous") for side in ("low", "high")}
    turned = pair(pd.DataFrame([row]), "y", "x")
    assert (turned["difference"], turned["models_low"], turned["models_high"]) == (-0.1, -0.3, 0.0)
    assert (turned["decision"], turned["decision_models"], turned["decision_all_pairs"]) == (
        *("worse", "better", "undecided"),
    )
    assert pair(pd.DataFrame([row]), "x", "y")["difference"] == 0.1 and pair(pd.DataFrame([row]), "x", "z") is None


def study(folder, seeds=(0, 1), sizes=(40, 16, 30), better=0.0, diverged=False, folds=0):
    """Files of a study of three conditions, as the steps before leave them; the arguments of the verdict."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], sizes)
    classes = ("no", "early", "advanced")
    shared = rng.normal(size=(len(labels), 3))
    paths, metrics = [], []
    for condition, gain in (("ce-uniform", 0.8), ("mcc-oversampling", 0.8 + better), ("ce-oversampling", 0.8)):
        for seed in seeds:
            scores = np.exp(shared + 0.3 * rng.normal(size=shared.shape) + gain * np.eye(3)[labels])
            table = pd.DataFrame({"subject": [f"s{i}" for i in range(len(labels))]})
            table = table.assign(group=table["subject"], cohort="here", label=labels)
            table["class"] = [classes[k] for k in labels]
            table[[f"prob_{name}" for name in classes]] = scores / scores.sum(axis=1, keepdims=True)
            if folds:
                table["fold"] = np.arange(len(labels)) % folds
            if diverged and (condition, seed) == ("ce-oversampling", seeds[-1]):
                table[[f"prob_{name}" for name in classes]] = np.nan
            path = folder / f"runs/s/toy/{condition}/seed-{seed}/predictions.csv"
            path.parent.mkdir(parents=True)
            table.to_csv(path, index=False)
            paths.append(str(path))
            loss, sampling = condition.split("-")
            row = {"study": "s", "dataset": "toy", "condition": condition, "loss": {"mcc": "soft_mcc"}.get(loss, loss)}
            row |= {"sampling": sampling, "weighted": False, "batch_size": 5, "seed": seed, "repeat": 0}
            metrics.append(row | {"unit": "sample", "metric": "balanced_accuracy", "value": 0.5, "status": "ok"})
    pd.DataFrame(metrics).to_csv(folder / "metrics.csv", index=False)
    samples = table[["subject", "group", "cohort", "class", "label"]].assign(split="test", image_sha256="0")
    samples = pd.concat([samples, samples.assign(subject="t" + samples["subject"], split="train")])
    (folder / "toy/folds").mkdir(parents=True)
    if folds:
        samples = samples[samples["split"] == "test"].assign(split="")
        parts = {f"fold-{k}": np.where(table["fold"] == k, "test", "train") for k in range(folds)}
        table[["subject"]].assign(**parts).to_csv(folder / "toy/folds/repeat-0.csv", index=False)
    samples.assign(group=samples["subject"]).to_csv(folder / "toy/samples.csv", index=False)
    columns = "set,kind,subject,group,cohort,class,split,excluded,conflicting_label,across_split,across_groups"
    rows = [
        f"1,equal pixels,{name},{name},here,no,{part},,False,True,False,a.png,0"
        for name, part in (("s1", "test"), ("ts2", "train"))
    ]
    (folder / "toy/duplicates.csv").write_text("\n".join([f"{columns},image,pixel_sha256", *rows]) + "\n")
    known = [
        {"condition": row["condition"], "loss": row["loss"], "sampling": row["sampling"], "weighted": False}
        for row in metrics[:: len(seeds)]
    ]
    given = ["--samples", str(folder / "toy/samples.csv")]
    given += ["--folds", str(folder / "toy/folds/repeat-0.csv")] if folds else []
    compared = ["statistics", *given, "--conditions", json.dumps(known), "--out", str(folder / "out")]
    assert main([*compared, "--predictions", *paths]) == 0
    return [
        *("verdict", "--study", "s", "--tables", str(folder / "out"), "--metrics", str(folder / "metrics.csv")),
        *(*given, "--duplicates", str(folder / "toy/duplicates.csv"), "--out", str(folder / "out")),
    ]


def test_a_large_difference_is_told_in_all_three_forms(tmp_path):
    arguments = study(tmp_path, seeds=(0, 1, 2), better=3.0, sizes=(60, 40, 40))
    assert main(arguments) == 0
    found = json.loads((tmp_path / "out/verdict.json").read_text())
    assert found["evaluation"] == {**DECLARED, "unit": "sample"}
    here = found["datasets"]["toy"]
    assert here["leader"]["candidate"] in ("mcc-oversampling", "mcc-oversampling@prior")
    better = {one["candidate"]: one for one in here["against_baseline"]["better"]}
    assert better["mcc-oversampling"]["procedure"][0] > 0.02 and better["mcc-oversampling"]["by_a_relevant_amount"]
    assert {one["candidate"] for one in here["worse_than_leader"]} >= {"ce-uniform", "ce-oversampling"}
    assert here["against_shifted_baseline"]["word"] == "better"
    assert {one["factor"]: one["word"] for one in here["effects"]}["loss"] == "better"
    page = (tmp_path / "out/verdict.md").read_text()
    assert "MCC, Oversampling" in page and "is better than CE, Uniform, prior shift" in page
    assert "Loss: MCC is better than CE" in page
    assert "2 images in 1 sets of duplicates" in page and "No validation part" in page
    html = (tmp_path / "out/verdict.html").read_text()
    for heading in (
        "What is best",
        "What made the difference",
        "What difference this study could have detected",
        "Warnings",
    ):
        assert f"### {heading}" in page and f"<h3>{heading}</h3>" in html
    first = {name: (tmp_path / "out" / name).read_bytes() for name in ("verdict.json", "verdict.md", "verdict.html")}
    assert main(arguments) == 0
    assert {name: (tmp_path / "out" / name).read_bytes() for name in first} == first


def test_one_seed_has_no_interval_of_the_procedure_and_the_page_says_so(tmp_path):
    assert main(study(tmp_path, seeds=(0,))) == 0
    here = json.loads((tmp_path / "out/verdict.json").read_text())["datasets"]["toy"]
    assert here["question"] == "models" and all(one["procedure"] is None for one in here["candidates"])
    page = (tmp_path / "out/verdict.md").read_text()
    assert "Whether retraining would give the same order is unknown." in page
    assert "for these models" in page and "| This procedure |" not in page


def test_a_cross_validated_dataset_has_a_third_interval(tmp_path):
    assert main(study(tmp_path, folds=2)) == 0
    here = json.loads((tmp_path / "out/verdict.json").read_text())["datasets"]["toy"]
    assert (here["folds"], here["replicate"], here["n_patients"]) == (2, "seed", 86)
    for one in here["candidates"]:
        assert one["new_data"][0] <= one["procedure"][0] and one["procedure"][1] <= one["new_data"][1]
        assert one["new_data"][0] < one["models"][0]
    page = (tmp_path / "out/verdict.md").read_text()
    assert "cross-validated in 2 folds" in page and "For a claim about new training data: " in page
    assert "| New training data |" in page and "it includes the variance over training sets only in part" in page
    assert "| Majority class | 0.333 |" in page


def test_a_diverged_run_is_left_out_and_named(tmp_path):
    assert main(study(tmp_path, diverged=True)) == 0
    page = (tmp_path / "out/verdict.md").read_text()
    assert "CE, Oversampling: 1 of 2 runs diverged and are excluded." in page
    here = json.loads((tmp_path / "out/verdict.json").read_text())["datasets"]["toy"]
    assert {one["candidate"]: one["n_replicates"] for one in here["candidates"]}["ce-oversampling"] == 1


def test_fewer_than_five_patients_are_not_estimable_in_words(tmp_path):
    assert main(study(tmp_path, sizes=(30, 4, 20))) == 0
    page = (tmp_path / "out/verdict.md").read_text()
    assert "a class has 4 patients, fewer than 5" in page and "Unknown: no difference from the baseline" in page
    assert "Class early has 4 test patients, fewer than 5, so metrics that depend on it have no interval." in page
    assert "Early | 4 (few)" in page and "No | 30 |" in page


def test_stacked_corrections_are_found():
    rows = [
        {"condition": "a", "loss": "ce", "sampling": "uniform", "weighted": False},
        {"condition": "b", "loss": "ce", "sampling": "oversampling", "weighted": True},
        {"condition": "c", "loss": "ce+0.5*balanced_softmax", "sampling": "square_root", "weighted": False},
        {"condition": "d", "loss": "soft_mcc", "sampling": "uniform", "weighted": True},
    ]
    found = verdict_warnings.of_conditions(pd.DataFrame(rows), has_shift=True)
    assert [(one["condition"], one["corrections"]) for one in found[:-1]] == [
        ("b", ["sample weights", "sampling (oversampling)"]),
        ("c", ["sampling (square_root)", "loss (balanced_softmax)"]),
    ]
    assert found[-1] == {"kind": "shifted_twice", "conditions": ["b", "c", "d"]}
    assert len(verdict_warnings.of_conditions(pd.DataFrame(rows), has_shift=False)) == 2
    balanced = {name for name in LOSSES if verdict_warnings.balanced_terms(name)}
    assert balanced == {"class_balanced_ce", "balanced_softmax", "logit_adjustment", "ldam", "vs"}


def runs(values, status="ok"):
    rows = [
        {"condition": name, "seed": seed, "value": value, "status": status if name == "b" else "ok"}
        for name, of in values.items()
        for seed, value in enumerate(of)
    ]
    return pd.DataFrame(rows)


def test_a_condition_that_varies_far_more_over_seeds_than_others_is_named():
    alike = {name: [0.70, 0.72, 0.71 + 0.01 * place] for place, name in enumerate("acde")}
    assert verdict_warnings.of_seeds(runs(alike | {"b": [0.70, 0.73, 0.72]})) == []
    assert verdict_warnings.of_seeds(runs({"b": [0.2, 0.9, 0.5]} | dict(list(alike.items())[:3]))) == [], "not averaged"
    far = runs(alike | {"b": [0.2, 0.9, 0.5]})
    (found,) = verdict_warnings.of_seeds(far)
    others = far[far["condition"] != "b"].groupby("condition")["value"].var().mean()
    assert found["condition"] == "b" and found["ratio"] == pytest.approx(np.var([0.2, 0.9, 0.5], ddof=1) / others)
    assert verdict_warnings.of_seeds(runs(alike | {"b": [0.2, 0.9, 0.5]}, "collapsed")) == [], "it has its own variance"
    constant = runs({name: [0.5] * 3 for name in "acde"} | {"b": [0.2, 0.9, 0.5]})
    assert "only one above 0" in verdict_warnings.text(verdict_warnings.of_seeds(constant)[0], {})


@pytest.mark.parametrize(
    "warning",
    [
        {"kind": "rare_class", "class": "early", "patients": 8, "consequence": "approximate"},
        {"kind": "conflicting_labels", "sets": 2, "images": 4},
        {"kind": "one_replicate", "replicate": "repeat"},
        {"kind": "collapsed", "condition": "a", "runs": 1, "of": 2},
        {"kind": "shifted_twice", "conditions": ["a"]},
        {"kind": "unequal_seed_variance", "condition": "a", "ratio": 13.7},
    ],
)
def test_every_warning_is_a_sentence(warning):
    text = verdict_warnings.text(warning, {"a": "CE, Uniform"})
    assert text.endswith(".") and "None" not in text and "{" not in text
