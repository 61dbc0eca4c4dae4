"""The table of differences from the baseline."""

import numpy as np
import pandas as pd
import pytest
from table_cases import tidy

from imbalance_aware.errors import UserError
from imbalance_aware.reporting import comparison_table, formats
from imbalance_aware.tables.comparisons import COMPARISONS


def test_a_study_of_one_condition_has_nothing_to_compare(tmp_path):
    (tmp_path / "comparisons.csv").write_text(",".join(COMPARISONS.columns) + "\n")
    grid, numbers = comparison_table.make_comparison(tmp_path / "comparisons.csv", pd.DataFrame())
    assert numbers.empty
    for convert in (formats.to_markdown, formats.to_latex, formats.to_html):
        assert "nothing to compare it with" in convert(grid)
        assert "Difference from the baseline" in convert(grid)


def compared(**cells):
    """A comparisons.csv of one row, of ce_f1-weighted with ce-uniform."""
    row = {"dataset": "x", "unit": "sample", "metric": "balanced_accuracy", "role": "primary", "with_baseline": True}
    row |= {"a": "ce_f1-weighted", "b": "ce-uniform", "difference": 0.05, "n_replicates": 3}
    row |= {"models_low": 0.01, "models_high": 0.09, "procedure_low": 0.004, "procedure_high": 0.096}
    row |= {"p_procedure_holm": 0.03, "p_models_holm": 0.0004, "decision": "better", "decision_models": "worse"}
    return pd.DataFrame([row | cells])


@pytest.mark.parametrize(
    ("cells", "shown"),
    [
        ({}, ["+0.050 †1", "[0.010, 0.090]", "[0.004, 0.096]", "0.030", "better"]),
        ({"relevant": True}, ["+0.050 †1", "[0.010, 0.090]", "[0.004, 0.096]", "0.030", "better by a relevant amount"]),
        (
            {"n_replicates": 1, "procedure_low": np.nan, "procedure_high": np.nan},
            ["+0.050 †1", "[0.010, 0.090]", "[–]", "< 0.001", "worse"],
        ),
        (
            {"models_low": np.nan, "procedure_low": np.nan, "p_procedure_holm": np.nan, "decision": "undecided"}
            | {"note": "not estimable: no patient changes the value"},
            ["+0.050 †1", "[–]", "[–]", "–", "not estimable"],
        ),
    ],
)
def test_the_comparison_shows_both_intervals_the_adjusted_p_and_a_word(tmp_path, cells, shown):
    path = tmp_path / "comparisons.csv"
    path.write_text(COMPARISONS.csv(compared(**cells)))
    metrics = tidy(("x", "ce-uniform", 0, 0.5), ("x", "ce_f1-weighted", 0, 0.3, "collapsed"))
    grid, numbers = comparison_table.make_comparison(path, metrics)
    (row,) = grid.panels[0].rows
    assert [cell.plain for cell in row.cells] == shown
    assert row.cells[-1].bold == shown[-1].startswith(("better", "worse"))
    assert grid.title == "Difference from CE, Uniform" and row.labels == ("CE + F1", "+ Weights")
    assert grid.panels[0].title == "X: Balanced accuracy (primary)"
    assert any("One seed: the intervals" in note for note in grid.notes) == (cells.get("n_replicates") == 1)
    assert any("1 of 1 runs" in note for note in grid.notes)
    assert any("X: not estimable: no patient changes the value." in note for note in grid.notes) == ("note" in cells)
    assert numbers["decision"].tolist() == [cells.get("decision", "better")]


def test_all_but_the_primary_metric_is_headed_exploratory(tmp_path):
    path = tmp_path / "comparisons.csv"
    rows = [compared(), compared(metric="mcc", role="exploratory"), compared(a="ce-uniform@prior")]
    path.write_text(COMPARISONS.csv(pd.concat(rows)))
    metrics = tidy(("x", "ce-uniform", 0, 0.5), ("x", "ce_f1-weighted", 0, 0.3))
    grid, _ = comparison_table.make_comparison(path, metrics)
    first, second = grid.panels
    assert [row.labels for row in first.rows] == [("CE", "Uniform, prior shift"), ("CE + F1", "+ Weights")]
    assert second.title == "X: exploratory, [this procedure]" and second.columns == ("MCC",)
    assert second.rows[0].cells[0].plain == "+0.050 [0.004, 0.096]"
    path.write_text(COMPARISONS.csv(compared(a="mcc-uniform")))
    with pytest.raises(UserError, match="has no condition mcc-uniform"):
        comparison_table.make_comparison(path, metrics)
    path.write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match=r"comparisons\.csv: lacks the column dataset"):
        comparison_table.make_comparison(path, metrics)
    path.write_text(COMPARISONS.csv(compared(difference="much")))
    with pytest.raises(UserError, match="difference is not a number"):
        comparison_table.make_comparison(path, metrics)
