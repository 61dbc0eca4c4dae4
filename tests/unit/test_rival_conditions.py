"""Rivals as conditions of a study: their names, labels, warnings and place in the tables."""

import json
from dataclasses import replace

import pandas as pd
import pytest
from comparison_cases import LEVELS, basis_of, judged, simulated
from test_config import BASE, conditions, folder, mistakes, read, study  # noqa: F401  # a fixture of that module

from imbalance_aware.conditions import loss_key, rival_name, trained_and_rival
from imbalance_aware.config import run_settings
from imbalance_aware.evaluation.compare import Dataset, compare, read_levels
from imbalance_aware.names import check_name
from imbalance_aware.reporting.candidate_labels import labels_of
from imbalance_aware.reporting.design_words import rivals, trainings
from imbalance_aware.reporting.summary import label_conditions
from imbalance_aware.reporting.verdict_warnings import of_conditions, text
from imbalance_aware.rivals.catalogue import RIVALS

THREE = [
    "ce-uniform\tce\tuniform\tfalse\t{}",
    "ce-weighted\tce\tuniform\ttrue\t{}",
    "mcc\tsoft_mcc\tuniform\tfalse\t{}",
]


def columns(*names: str) -> pd.DataFrame:
    _, studies = read(study(rivals={"methods": [*RIVALS], "of": ["ce-uniform", "ce-weighted"]}))
    rows = [condition.columns() for condition in studies["main"].conditions.values()]
    return pd.DataFrame([row for row in rows if not names or row["condition"] in names])


@pytest.fixture(autouse=True)
def three(folder):  # noqa: F811  # the fixture imported above
    conditions(*THREE)


def test_names_of_rivals_are_told_from_those_of_conditions():
    assert trained_and_rival(rival_name("ce-uniform", "crt")) == ("ce-uniform", "crt")
    assert trained_and_rival("ce_f1-uniform") == ("ce_f1-uniform", "")
    with pytest.raises(ValueError, match="cannot be a name"):
        check_name(rival_name("ce-uniform", "crt"))
    assert loss_key("ce_f1-uniform+crt", "uniform", False) == loss_key("ce_f1-uniform", "uniform", False) == "ce_f1"
    assert loss_key("ce-weighted+tau", "uniform", True) == "ce"


def test_a_study_has_rivals_where_it_asks_for_them_and_nothing_else_changes():
    _, plain = read()
    config, studies = read(study(rivals={"methods": ["tau", "crt"]}))
    before, after = plain["main"], studies["main"]
    assert [*after.conditions] == [*before.conditions, "ce-uniform+tau", "ce-uniform+crt"], "those of the baseline"
    assert after.trained == before.conditions == before.trained
    assert after.baseline == before.baseline == "ce-uniform"
    old, new = (run_settings(one, "mcc", "drawn", config).decisive() for one in (before, after))
    assert old == new
    _, studies = read(study(rivals={"methods": ["knn"], "of": ["mcc", "ce-weighted"]}))
    assert [*studies["main"].conditions][3:] == ["mcc+knn", "ce-weighted+knn"]


@pytest.mark.parametrize(
    ("rivals", "message"),
    [
        ({"methods": ["crtt"]}, "crtt"),
        ({"methods": []}, "methods"),
        (
            {"methods": ["crt"], "of": ["ce-unifrom"]},
            'the study trains no condition "ce-unifrom". Did you mean "ce-uni',
        ),
        ({"methods": ["crt", "crt"]}, "studies.main.rivals.methods: crt is listed twice"),
        ({"methods": ["crt"], "of": ["mcc", "mcc"]}, "studies.main.rivals.of: mcc is listed twice"),
        ({"metod": ["crt"]}, 'Did you mean "methods"?'),
    ],
)
def test_mistakes_in_the_settings_of_rivals_are_told(rivals, message):
    lines = mistakes(study(rivals=rivals))
    assert any(line.startswith("1.yaml, line ") and message in line for line in lines), lines


def test_a_rival_is_no_baseline():
    (line,) = mistakes(study(rivals={"methods": ["crt"]}), {"evaluation": {"baseline": "ce-uniform+crt"}})
    assert 'no study has a condition "ce-uniform+crt"' in line


def test_labels_are_those_of_the_networks_with_the_name_of_the_rival():
    table = label_conditions(columns()).set_index("condition")
    assert table.loc["ce-uniform+crt", ["loss_key", "loss_label", "sampling_label"]].tolist() == [
        "ce",
        "CE",
        "Uniform, cRT",
    ]
    assert table.loc["ce-weighted+tau", "sampling_label"] == "+ Weights, τ-norm"
    labels = labels_of(["ce-uniform+knn", "ce-uniform+knn@prior", "mcc"], columns())
    assert list(labels.values()) == ["CE, Uniform, k-NN", "CE, Uniform, k-NN, prior shift", "MCC, Uniform"]
    assert len({*table[["loss_label", "sampling_label"]].itertuples(index=False)}) == len(table)


def test_what_corrects_for_class_frequencies_twice_is_told():
    found = of_conditions(columns(), has_shift=True)
    stacked = {one["condition"]: one["corrections"] for one in found if one["kind"] == "stacked"}
    assert stacked["ce-weighted+crt"] == ["sample weights", "the last layer (cRT)"]
    assert "ce-weighted+knn" not in stacked and "ce-uniform+crt" not in stacked
    (shifted,) = (one["conditions"] for one in found if one["kind"] == "shifted_twice")
    assert "ce-uniform+crt" in shifted and "ce-uniform+knn" not in shifted
    assert "a second time, after sampling, weights, loss or the last layer" in text(
        {"kind": "shifted_twice", "conditions": shifted}, {}
    )
    assert "after sampling, weights or loss, in" in text({"kind": "shifted_twice", "conditions": ["ce-weighted"]}, {})


def test_the_figure_of_the_design_counts_trainings_without_rivals():
    dataset = {"folds": None, "repeats": 1}
    design = {"conditions": columns().to_dict("records"), "seeds": [0, 1], "datasets": {"drawn": dataset}}
    names = {"ce-uniform": "CE, Uniform", "ce-weighted": "CE, + Weights"}
    everyone = "cRT, τ-norm, LWS, k-NN, logistic probe"
    assert rivals(design, names) == [f"Rivals on the features of {name}: {everyone}" for name in names.values()]
    assert trainings(design, {"drawn": "Drawn"}) == ["Drawn: 3 conditions × 2 seeds = 6 training runs"]


def test_rivals_are_compared_and_ranked_but_leave_the_effects_as_they_are():
    """Effects are averages over the grid of losses and samplings; a rival is no level of either."""
    runs, _ = simulated(seeds=2, conditions=4)
    rivals = {
        replace(place, condition="ce-uniform+crt"): replace(
            run, probabilities=(run.probabilities + runs[replace(place, condition="mcc-uniform")].probabilities) / 2
        )
        for place, run in runs.items()
        if place.condition == "ce-uniform"
    }
    row = {"condition": "ce-uniform+crt", "loss": "ce", "sampling": "uniform", "weighted": False}
    counts = [60, 20, 20]
    before = compare(Dataset(runs, basis_of(runs, counts)), judged(), read_levels(json.dumps(LEVELS)))
    both = runs | rivals
    after = compare(Dataset(both, basis_of(both, counts)), judged(), read_levels(json.dumps([*LEVELS, row])))
    # With every interval: the networks' seeds count once for what is known of seeds.
    assert before["effects"]
    pd.testing.assert_frame_equal(pd.DataFrame(after["effects"]), pd.DataFrame(before["effects"]), check_exact=True)
    assert {"ce-uniform+crt", "ce-uniform+crt@prior"} <= {one["candidate"] for one in after["ranks"]}
    named = {one["condition"] for one in after["values"]}
    assert "ce-uniform+crt" in named
