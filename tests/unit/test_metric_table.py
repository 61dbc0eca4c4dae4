"""The table of metrics: what a row must say, and that everything else follows from it."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalance_aware import provenance
from imbalance_aware.errors import UserError
from imbalance_aware.metrics.catalogue import ADJUSTMENTS, METRICS, RESAMPLED, WEIGHTED, by_name, metric_names, named
from imbalance_aware.metrics.declaration import Context, Metric, Outcome, Resamples
from imbalance_aware.reporting import layouts
from imbalance_aware.reporting.metric_dots import metric_label
from imbalance_aware.reporting.summary import read_published, summarise
from imbalance_aware.reporting.table_catalogue import TABLES


@st.composite
def resamples(draw) -> Resamples:
    """Few subjects of up to five classes, of which some may be absent, probabilities with ties, any replicates."""
    classes = draw(st.integers(2, 5))
    n = draw(st.integers(1, 30))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    labels = rng.integers(0, draw(st.integers(1, classes)), n)
    scores = np.round(rng.random((n, classes)), draw(st.integers(0, 2))) + 0.1
    counts = rng.integers(0, 3, (4, n)).astype(float)
    counts[:, rng.integers(n)] += 1  # no replicate is empty
    counts[0] = 1
    context = Context(
        ordered=True,
        prevalence=tuple(rng.multinomial(5, np.full(classes, 1 / classes)) / 5),
        costs=tuple(map(tuple, (rng.integers(1, 6, (classes, classes)) * (1 - np.eye(classes))).tolist())),
    )
    decisions = rng.integers(0, classes, n) if draw(st.booleans()) else None
    outcome = Outcome(labels, scores / scores.sum(axis=1, keepdims=True), context=context, decisions=decisions)
    return Resamples(outcome, counts)


@pytest.mark.parametrize("metric", WEIGHTED.values(), ids=WEIGHTED)
@settings(max_examples=25, deadline=None)
@given(resamples=resamples())
def test_the_resampled_form_is_the_function_of_each_replicate(metric, resamples):
    outcome = resamples.outcome
    values = metric.resampled(resamples)
    assert values.shape == (len(resamples.counts), *([outcome.n_classes] if metric.per_class else []))
    for value, count in zip(values, resamples.counts, strict=True):
        drawn = np.repeat(np.arange(len(outcome.labels)), count.astype(int))
        alone = metric.function(outcome.of(drawn))
        expected = np.array(alone, dtype=float)  # NaN for None
        assert value == pytest.approx(expected, nan_ok=True, abs=1e-12)


@pytest.mark.parametrize("metric", WEIGHTED.values(), ids=WEIGHTED)
@settings(max_examples=10, deadline=None)
@given(resamples=resamples(), factor=st.floats(0.01, 100))
def test_only_the_proportions_of_the_weights_count(metric, resamples, factor):
    scaled = Resamples(resamples.outcome, resamples.counts * factor)
    assert metric.resampled(scaled) == pytest.approx(metric.resampled(resamples), nan_ok=True, abs=1e-9)


@pytest.mark.parametrize("metric", WEIGHTED.values(), ids=WEIGHTED)
def test_whether_a_small_change_of_the_weights_changes_little_is_declared(metric):
    """Ten subjects of each class; of those of another class, exactly one in ten is at or above a threshold."""
    labels = np.repeat([0, 1], 10)
    share = np.r_[np.linspace(0.05, 0.4, 9), 0.7, np.linspace(0.45, 0.95, 10)]
    context = Context(ordered=True, prevalence=(0.7, 0.3), costs=((0, 1), (5, 0)))
    outcome = Outcome(labels, np.column_stack([1 - share, share]), context=context)
    counts = np.vstack([np.ones(20), 1 - 1e-6 * np.eye(20)])
    values = metric.resampled(Resamples(outcome, counts))
    assert (np.nanmax(np.abs(values[1:] - values[0])) < 1e-4) == metric.smooth


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
@settings(max_examples=20, deadline=None)
@given(resamples=resamples())
def test_a_value_is_a_finite_number_or_none(metric, resamples):
    outcome = resamples.outcome
    values = metric.function(outcome) if metric.per_class else [metric.function(outcome)]
    assert len(values) == (outcome.n_classes if metric.per_class else 1)
    assert all(value is None or (type(value) is float and np.isfinite(value)) for value in values)


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_the_declared_direction_is_that_of_better_predictions(metric):
    labels = np.repeat([0, 1, 2], 10)
    right, wrong = 0.85 * np.eye(3)[labels] + 0.05, 0.85 * np.eye(3)[(labels + 1) % 3] + 0.05
    context = Context(ordered=True, prevalence=(0.5, 0.3, 0.2), costs=((0, 1, 2), (1, 0, 1), (2, 1, 0)))
    good, bad = (np.mean(metric.function(Outcome(labels, values, context=context))) for values in (right, wrong))
    assert (good > bad) == (metric.better == "higher")


def test_a_direction_must_be_given_and_known():
    with pytest.raises(TypeError, match="better"):
        Metric("regret", "Regret", function=len)
    with pytest.raises(ValueError, match='regret: better is "higher" or "lower", not \'upwards\''):
        Metric("regret", "Regret", "upwards", len)


def test_names_that_would_collide_are_refused():
    row = Metric("x", "X", "higher", len, per_class=True)
    assert list(by_name(row, Metric("x_macro", "Macro X", "higher", len))) == ["x", "x_macro"]
    with pytest.raises(ValueError, match="share a name"):
        by_name(row, row)
    with pytest.raises(ValueError, match='"x_rare" could be the x of a class'):
        by_name(row, Metric("x_rare", "X of the rare", "higher", len))


@given(st.lists(st.text(min_size=1, max_size=6), min_size=2, max_size=5, unique=True))
def test_every_name_is_read_as_what_it_was_made_of(classes):
    for prefix in ("", *ADJUSTMENTS):
        found = [named(prefix + name) for name in metric_names(classes)]
        assert [what.metric.name for what in found if not what.of_class] == [
            name for name, metric in METRICS.items() if not metric.per_class
        ]
        of_class = {(what.metric.name, what.of_class) for what in found if what.of_class}
        assert len(of_class) == len(classes) * sum(metric.per_class for metric in METRICS.values())
        assert {what.adjustment for what in found} == {prefix}


def test_an_unknown_metric_is_an_error_with_the_nearest_name():
    with pytest.raises(UserError, match=r'no metric "balanced_acuracy"\. Did you mean "balanced_accuracy"\?'):
        named("posthoc_balanced_acuracy")
    row = {"dataset": "x", "condition": "ce-uniform", "loss": "ce", "sampling": "uniform", "weighted": False}
    table = pd.DataFrame(
        [row | {"batch_size": 5, "seed": 0, "repeat": 0, "metric": "briar", "value": 0.5, "status": "ok"}]
    )
    with pytest.raises(UserError, match=r'no metric "briar"\. Did you mean "brier"\?'):
        summarise(table, ["briar"])


def test_all_that_names_metrics_names_those_of_the_table(checkout):
    for name in read_published(checkout / "resources" / "published_results.csv")["metric"]:
        assert named(name)
    for table in TABLES.values():
        shown = [named(name) for name in table.metrics]
        assert callable(getattr(layouts, table.layout))
        assert "{better}" not in table.title or len({what.metric.better for what in shown}) == 1


def test_labels():
    assert [metric_label(name) for name in ("mcc", "f1_rare_thing", "posthoc_ece")] == [
        *("MCC", "F1 rare thing", "Calibration error (ECE) after post-hoc logit adjustment"),
    ]


ROW = 'Metric("regret", "Regret", "lower", regret, lambda resamples: resamples.counts.mean(axis=1), compared=True),'
FUNCTION = "def regret(outcome):\n    return float(1 - outcome.probabilities.max(axis=1).mean())\n"
STEPS = """
import sys
from imbalance_aware.__main__ import main
runs = [f"s/toy/{condition}/seed-0/" for condition in ("ce-uniform", "mcc-uniform")]
steps = [["evaluate", "--predictions", run + "predictions.csv", "--out", run + "metrics.json"] for run in runs]
steps += [["collect", "--study", "s", "--conditions", CONDITIONS, "--batch-size", "5", "--out", "metrics.csv"]]
steps[-1] += [run + "metrics.json" for run in runs]
steps += [["statistics", "--out", ".", "--predictions", *[run + "predictions.csv" for run in runs]]]
steps += [["metric_dots", "--metrics", "metrics.csv", "--metric", "regret", "--values", "values.csv"]]
steps[-1] += ["--png", "x.png", "--pdf", "x.pdf"]
sys.exit(sum(map(main, steps)))
"""


def test_a_metric_is_a_function_and_a_row(tmp_path):
    """Added to a copy of the package, it reaches the report of a run, both tables and a figure."""
    package = tmp_path / "src" / "imbalance_aware"
    shutil.copytree(provenance.ROOT, package, ignore=shutil.ignore_patterns("__pycache__"))
    table = package / "metrics" / "catalogue.py"
    text = table.read_text().replace("METRICS = by_name(\n", f"{FUNCTION}\n\nMETRICS = by_name(\n    {ROW}\n")
    table.write_text(text)
    rng = np.random.default_rng(0)
    for condition in ("ce-uniform", "mcc-uniform"):
        folder = tmp_path / "s" / "toy" / condition / "seed-0"
        folder.mkdir(parents=True)
        predictions = pd.DataFrame({"subject": [f"s{k}" for k in range(20)], "class": ["a", "b"] * 10})
        share = rng.random(20)
        predictions = predictions.assign(
            group=predictions["subject"], cohort="x", label=[0, 1] * 10, prob_a=share, prob_b=1 - share
        )
        predictions.to_csv(folder / "predictions.csv", index=False)
    conditions = [
        {"condition": f"{loss}-uniform", "loss": loss, "sampling": "uniform", "weighted": False}
        for loss in ("ce", "mcc")
    ]
    code = f"CONDITIONS = {json.dumps(conditions)!r}\n{STEPS}"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(package.parent), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "s/toy/ce-uniform/seed-0/metrics.json").read_text())
    metrics, comparisons = (pd.read_csv(tmp_path / f"{name}.csv") for name in ("metrics", "comparisons"))
    assert metrics.loc[metrics["metric"] == "regret", "value"].iloc[0] == report["regret"]
    assert {*comparisons["metric"]} == {"regret", *RESAMPLED}
    assert (tmp_path / "x.png").exists()
