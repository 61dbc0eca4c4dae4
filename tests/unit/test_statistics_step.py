"""The step `statistics`: the tables that it writes, and mistakes in its arguments."""

import json

import pandas as pd
import pytest
from comparison_cases import LEVELS, judged, simulated

from imbalance_aware.__main__ import main
from imbalance_aware.evaluation.compare import Dataset, compare, read_levels
from imbalance_aware.tables.comparisons import COMPARISONS
from imbalance_aware.tables.effects import EFFECTS
from imbalance_aware.tables.ranks import RANKS
from imbalance_aware.tables.values import VALUES


def write_runs(folder, runs):
    paths = []
    for place, run in runs.items():
        path = folder / place.place / "predictions.csv"
        path.parent.mkdir(parents=True)
        table = pd.DataFrame({"subject": run.subjects, "group": run.groups, "cohort": run.cohorts})
        table["class"], table["label"] = [run.classes[label] for label in run.labels], run.labels
        table[[f"prob_{name}" for name in run.classes]] = run.probabilities
        table.to_csv(path, index=False)
        paths.append(str(path))
    return paths


def test_the_step_writes_tables_that_read_back_the_same_every_time(tmp_path):
    runs, _ = simulated(seeds=2, conditions=4)
    paths = write_runs(tmp_path, runs)
    arguments = [
        "statistics",
        "--conditions",
        json.dumps(LEVELS),
        "--out",
        str(tmp_path / "out"),
        "--predictions",
        *paths,
    ]
    assert main(arguments) == 0
    first = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert main(arguments) == 0
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == first
    expected = compare(Dataset(runs), judged(), read_levels(json.dumps(LEVELS)))
    for name, form in {"values": VALUES, "comparisons": COMPARISONS, "ranks": RANKS, "effects": EFFECTS}.items():
        table = form.read(tmp_path / "out" / f"{name}.csv")
        assert len(table) == len(expected[name]) and set(table["dataset"]) == {"toy"}
        for row, found in zip(expected[name], table.to_dict("records"), strict=True):
            for key, value in row.items():
                same = pytest.approx(value, nan_ok=True) if isinstance(value, float) else value
                assert found[key] == same, (name, key)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--evaluation", "{"], "--evaluation: not valid JSON"),
        (["--evaluation", '{"primary": "mc"}'], '"mc" is not known'),
        (["--context", "[]"], "--context: expected keys with values (got [])"),
        (["--conditions", "[{}]"], "--conditions: expected condition, loss, sampling and weighted"),
    ],
)
def test_mistakes_in_arguments_are_told(tmp_path, capsys, arguments, message):
    paths = write_runs(tmp_path, simulated(seeds=1, conditions=2)[0])
    assert main(["statistics", *arguments, "--out", str(tmp_path / "out"), "--predictions", *paths]) == 2
    assert message in capsys.readouterr().err
