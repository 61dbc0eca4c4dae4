"""Order, prevalence and costs of the classes in a dataset's settings."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imbalance_aware.errors import UserError
from imbalance_aware.evaluation.context import read_context
from imbalance_aware.metrics.declaration import UNKNOWN, Context
from imbalance_aware.schema import validate
from imbalance_aware.sources.class_context import KEYS
from imbalance_aware.sources.lookup import source

CLASSES = ("no", "early", "advanced")
ROWS = [[0, 1, 2], [5, 0, 1], [10, 3, 0]]
NAMES = {
    "advanced": {"no": 10, "early": 3},
    "early": {"no": 5, "advanced": 1},
    "no": {"early": 1, "advanced": 2, "no": 0},
}
SHARES = {"advanced": 0.03, "no": 0.9, "early": 0.07}
DATASETS = {
    "images": {"adapter": "ahn2018", "path": "x"},
    "volumes": {"adapter": "folder3d", "table": "x.csv", "classes": CLASSES},
}


def read(content):
    return validate(source(content["adapter"]).Settings, content, "my.yaml")


@pytest.mark.parametrize("kind", DATASETS)
@pytest.mark.parametrize("costs", [ROWS, NAMES], ids=["rows", "names"])
def test_both_kinds_of_datasets_take_them_and_the_metrics_get_them(kind, costs):
    dataset = read({**DATASETS[kind], "ordered": True, "deployment_prevalence": SHARES, "costs": costs})
    context = read_context(json.dumps(dataset.for_evaluate()), CLASSES)
    assert context == Context(True, (0.9, 0.07, 0.03), tuple(map(tuple, ROWS)))
    assert read(DATASETS[kind]).for_evaluate() == {}
    assert read_context("{}", CLASSES) == UNKNOWN


def told(dataset, step):
    """What a step gets; the message where the dataset does not have the step, or its table is not there."""
    try:
        return json.dumps(getattr(dataset, step)())
    except UserError as error:
        return str(error)


@pytest.mark.parametrize("kind", DATASETS)
def test_no_step_before_the_metrics_sees_them(kind):
    plain, known = (read(DATASETS[kind] | more) for more in ({}, {"ordered": True, "costs": ROWS}))
    steps = [name for name in dir(known) if name.startswith("for_") and name != "for_evaluate"]
    assert "for_cohort" in steps
    for step in steps:
        assert told(known, step) == told(plain, step)
        assert not any(key in told(known, step) for key in KEYS)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"deployment_prevalence": {**SHARES, "earl": 0.1}}, 'earl: there is no class "earl". Did you mean "early"?'),
        ({"deployment_prevalence": {"no": 0.9, "early": 0.1}}, "deployment_prevalence: lacks the class advanced"),
        ({"deployment_prevalence": {**SHARES, "no": 0.8}}, "the shares add up to 0.9, not to 1"),
        ({"deployment_prevalence": {"no": 1.2, "early": -0.1, "advanced": -0.1}}, "no: a share lies between 0 and 1"),
        ({"costs": [[0, 1], [1, 0]]}, "costs: expected 3 rows of 3 numbers, one per class (got 2 × 2)"),
        ({"costs": [*ROWS[:2], [10, 3]]}, "costs: expected 3 rows of 3 numbers"),
        ({"costs": [*ROWS[:2], [10, -3, 0]]}, "of advanced, predicted as early: a cost is at least 0 (got -3)"),
        ({"costs": [*ROWS[:2], [10, 3, 4]]}, "of advanced, predicted as early: 3 is less than the right decision"),
        ({"costs": {**NAMES, "no": {"early": 1}}}, "costs.no: lacks the class advanced"),
        ({"costs": {"no": NAMES["no"]}}, "costs: lacks the class early, advanced"),
        ({"costs": {**NAMES, "no": {"early": 1, "late": 2}}}, 'costs.no.late: there is no class "late"'),
        ({"costs": 3}, "costs: expected a list with a row of numbers for each class"),
        ({"costs": {**NAMES, "no": {"early": "much", "advanced": 1}}}, "costs.no.early: expected a number"),
        ({"ordered": 1}, "ordered: expected true or false"),
    ],
)
def test_what_does_not_fit_the_classes_is_refused(more, message):
    with pytest.raises(UserError) as error:
        read({**DATASETS["images"], **more})
    assert message in str(error.value) and "my.yaml" in str(error.value)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("more", [{"ordered": True}, {"deployment_prevalence": SHARES}, {"costs": ROWS}])
def test_without_the_order_of_the_classes_nothing_can_be_said_of_them(more):
    with pytest.raises(UserError, match=rf"{next(iter(more))}: needs the key `classes`"):
        read({"adapter": "folder", "table": "x.csv", **more})


@given(st.lists(st.floats(0.01, 1), min_size=3, max_size=3), st.permutations(CLASSES))
def test_the_order_of_the_keys_does_not_matter(numbers, order):
    shares = np.array(numbers) / sum(numbers)
    told = dict(zip(CLASSES, shares.tolist(), strict=True))
    dataset = read({**DATASETS["images"], "deployment_prevalence": {name: told[name] for name in order}})
    assert dataset.prevalence_by_label() == tuple(told.values())
