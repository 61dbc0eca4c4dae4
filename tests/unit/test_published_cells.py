"""Every published value beside ours; what does not add up in the paper; the table of its claims."""

import re

import numpy as np
import pandas as pd
import pytest

from imbalance_aware.__main__ import main
from imbalance_aware.reporting.claims_table import make_claims
from imbalance_aware.reporting.paper_checks import claim_note, contradictions, means_of_classes, printed
from imbalance_aware.reporting.published_cells import make_published_cells
from imbalance_aware.tables.claims import claim_estimates_csv, read_claims
from imbalance_aware.tables.values import VALUES

PAPER_TABLES = [f"Table {number}" for number in range(1, 7)]
DATASETS = ("glioma", "glaucoma")


def tidy(*runs, batch_size=50, metric="balanced_accuracy"):
    """A metrics.csv from (dataset, condition, seed, value[, status])."""
    losses = {"ce": "ce", "ce_f1": "ce+soft_f1", "mcc": "soft_mcc"}
    rows = []
    for dataset, condition, seed, value, *status in runs:
        loss, _, sampling = condition.partition("-")
        rows.append(
            {"study": "s", "dataset": dataset, "condition": condition, "loss": losses[loss], "sampling": sampling}
            | {"weighted": False, "batch_size": batch_size, "seed": seed, "repeat": 0, "unit": "sample"}
            | {"metric": metric, "value": value, "status": [*status, "ok"][0]}
        )
    return pd.DataFrame(rows)


@pytest.fixture
def claims(checkout):
    return checkout / "resources" / "paper_claims.csv"


def values(folder, *rows):
    """A values.csv from (dataset, condition, metric, models, procedure[, rule[, unit]])."""
    path = folder / "values.csv"
    made = []
    for dataset, condition, metric, models, procedure, *rest in rows:
        rule, unit = [*rest, *("argmax", "sample")[len(rest) :]]
        made.append(
            {"dataset": dataset, "condition": condition, "rule": rule, "unit": unit, "metric": metric, "value": 0.6}
            | dict(zip(("models_low", "models_high"), models, strict=True))
            | dict(zip(("procedure_low", "procedure_high"), procedure, strict=True))
        )
    path.write_text(VALUES.csv(pd.DataFrame(made, columns=[*VALUES.columns])))
    return path


def test_every_published_value_has_a_row_and_what_was_not_run_says_why(published, tmp_path):
    metrics = pd.concat(
        [
            tidy(("glaucoma", "ce-uniform", 0, 0.60), ("glaucoma", "ce-uniform", 1, 0.64)),
            tidy(("glaucoma", "mcc-oversampling", 0, np.nan, "diverged")),
        ]
    )
    given = values(
        tmp_path,
        ("glaucoma", "ce-uniform", "balanced_accuracy", (0.58, 0.66), (0.5, 0.7)),
        ("glaucoma", "ce-uniform", "balanced_accuracy", (0.0, 0.1), (0.0, 0.1), "prior"),
    )
    grid, cells = make_published_cells(metrics, published, given)
    assert len(cells) == len(published) == 222
    by_cell = cells.set_index(["reference", "dataset", "condition", "metric"])
    row = by_cell.loc["Table 1", "glaucoma", "ce-uniform", "balanced_accuracy"]
    assert (row["reference_mean"], row["n_seeds"]) == (0.69, 2)
    assert (row["mean"], row["difference"]) == pytest.approx((0.62, -0.07))
    assert (row["in_models"], row["in_procedure"], row["note"]) == ("no", "yes", "")
    assert by_cell.loc["Table 1", "glaucoma", "mcc-oversampling", "balanced_accuracy"]["note"].startswith(
        "all runs div"
    )
    notes = by_cell["note"]
    assert (
        notes["Table 1", "glioma", "ce-uniform", "balanced_accuracy"] == "not run here: the study has no dataset glioma"
    )
    assert notes["Table 6", "glioma", "mcc-uniform", "mcc"].startswith("not run here: the study has no dataset")
    assert notes["Table 1", "glaucoma", "f1-uniform", "balanced_accuracy"].endswith("no condition f1-uniform")
    assert notes["Table 5", "glaucoma", "ce-uniform", "mcc"].endswith("no run has the metric mcc")
    assert (notes != "").sum() == 221, "all but one say why there is nothing to compare"

    (panel,) = grid.panels
    assert len(panel.rows) == 15
    shown = {row.labels: [cell.plain for cell in row.cells] for row in panel.rows}
    assert shown["CE", "Uniform"] == ["0.69", "0.62 ± 0.03", "2", "−0.07", "[0.58, 0.66]", "no", "[0.50, 0.70]", "yes"]
    assert panel.rows[1].labels == ("", "+ Weights")
    assert [cell.plain for cell in panel.rows[1].cells][:2] == ["0.74", "not run here"]
    text = " ".join(grid.notes)
    assert (
        "1 of 222 published values have a corresponding value of ours; 0 of 1 lie in the interval for these models; "
        "1 of 1"
    ) in text
    left_out = next(note for note in grid.notes if note.startswith("Not printed"))
    printed_rows = sum(len(panel.rows) for panel in grid.panels)
    counted = sum(map(int, re.findall(r"\((\d+) values;", left_out)))
    assert counted + printed_rows == 222, "no value is dropped in silence"


def test_values_of_another_batch_size_are_not_compared(published, tmp_path):
    metrics = tidy(("glioma", "mcc-oversampling", 0, 0.6), batch_size=10)
    cells = make_published_cells(metrics, published, values(tmp_path))[1].set_index(
        ["reference", "condition", "metric"]
    )
    assert cells.loc[("Table 6", "mcc-oversampling", "balanced_accuracy"), "difference"] == pytest.approx(0.09)
    main_study = cells.loc[("Table 1", "mcc-oversampling", "balanced_accuracy")]
    assert main_study.loc[main_study["dataset"] == "glioma", "note"].tolist() == ["not run here: batch size 50"]


def test_intervals_are_of_the_unit_that_the_table_counts(published, tmp_path):
    metrics = tidy(("glaucoma", "ce-uniform", 0, 0.6))
    cell = ("glaucoma", "ce-uniform", "balanced_accuracy")
    given = values(tmp_path, (*cell, (0.5, 0.8), ("", "")), (*cell, (0.1, 0.2), ("", ""), "argmax", "group"))
    for unit, inside in (("sample", "yes"), ("group", "no")):
        cells = make_published_cells(metrics, published, given, unit)[1]
        row = cells[cells["mean"].notna()].iloc[0]
        assert (row["in_models"], row["in_procedure"]) == (inside, "")


def test_a_study_without_any_published_metric(published, tmp_path):
    grid, cells = make_published_cells(tidy(("x", "ce-uniform", 0, 0.6), metric="ece"), published, values(tmp_path))
    assert not grid.panels and len(cells) == 222 and cells["note"].str.startswith("not run here").all()


def test_what_does_not_add_up_is_found_in_the_shipped_values(published):
    """The means and their tolerances by hand: three rounded values and a rounded mean."""
    table = published.set_index(["reference", "dataset", "condition", "metric"])["reference_mean"].sort_index()
    wrong = set()
    for (dataset, condition), found in means_of_classes(published).items():
        classes = [name for name in table["Table 2", dataset, condition].index]
        mean = sum(table["Table 2", dataset, condition][name] for name in classes) / 3
        macro = table["Table 3", dataset, condition, "f1_macro"]
        assert (found.mean, found.macro) == pytest.approx((mean, macro))
        if abs(mean - macro) > 0.0101:
            wrong.add(condition)
            assert dataset == "glaucoma"
        assert found.agrees == (abs(mean - macro) <= 0.0101)
    assert wrong == {"ce-uniform", "ce-weighted", "ce_f1-uniform", "ce_f1-weighted", "ce_mcc-uniform"}
    headings, swapped, spreads = contradictions(published, PAPER_TABLES, DATASETS)[0:3]
    assert "that of glioma in 0 and that of glaucoma in 10: they are of glaucoma" in headings
    assert "in 5 rows" in swapped and "CE, Uniform: 0.683 against 0.71" in swapped and "has them swapped" in swapped
    assert "CE + MCC, Oversampling: 0.04; F1 0.03 and MCC 0.03" in spreads


def test_nothing_is_said_of_numbers_that_add_up(published):
    consistent = published.copy()
    macro = consistent["reference"] == "Table 3"
    for (dataset, condition), found in means_of_classes(published).items():
        consistent.loc[
            macro & (consistent["dataset"] == dataset) & (consistent["condition"] == condition), "reference_mean"
        ] = round(found.mean, 2)
    consistent.loc[consistent["reference"] == "Table 1", "reference_std"] = np.nan
    (headings,) = contradictions(consistent, PAPER_TABLES, DATASETS)
    assert "glaucoma in 15" in headings
    assert not contradictions(published, ["Table 4"], DATASETS)
    assert not contradictions(published, ["Table 3"], ["fundus_phantoms"])


def test_numbers_in_the_text_beside_the_tables(published, claims):
    notes = {claim.name: claim_note(published, claim) for claim in read_claims(claims)}
    assert notes["glioma_balanced_accuracy"] == notes["astrocytoma_f1"] == ""
    assert (
        "0.77 / 0.69, +11.6 %; rounding of the printed values allows +10.1 to +13.1 %"
        in notes["glaucoma_balanced_accuracy"]
    )
    assert "0.54 / 0.37, +45.9 %, and rounding allows +42.7 to +49.3 % only" in notes["early_glaucoma_f1"]
    assert notes["early_glaucoma_f1"].endswith("It is the number of CE + F1, + Weights (0.56 / 0.37, +51.4 %).")
    early = next(claim for claim in read_claims(claims) if claim.name == "early_glaucoma_f1")
    assert printed(published, early, "mcc-weighted") is None


def test_the_table_of_claims(published, claims, tmp_path):
    rows = [
        {"claim": "glaucoma_balanced_accuracy", "stand_in": "glaucoma_96", "metric": "balanced_accuracy", "n_seeds": 4}
        | {"baseline_value": 0.7, "value": 0.735, "percent": 5.0, "models_low": 1.0, "models_high": 9.0}
        | {"procedure_low": -1.0, "procedure_high": 11.0, "word": "undecided", "note": "same training data"},
        *(
            {"claim": name, "stand_in": "", "n_seeds": 0, "word": "not run here", "note": "no dataset here"}
            for name in ("glioma_balanced_accuracy", "early_glaucoma_f1", "astrocytoma_f1")
        ),
    ]
    frame = pd.DataFrame(rows)
    frame["metric"] = frame["metric"].fillna("")
    (tmp_path / "claim_estimates.csv").write_text(claim_estimates_csv(frame))
    grid, table = make_claims(tmp_path / "claim_estimates.csv", claims, published)
    assert table["published_percent"].tolist() == [12.7, 10.5, 51.3, 20.3]
    lines = {row.labels: [cell.plain for cell in row.cells] for row in grid.panels[0].rows}
    assert lines["Glaucoma: Balanced accuracy", "Glaucoma 96"] == [
        *("+10.5 %", "+5.0 %", "0.700 → 0.735", "4", "[+1.0, +9.0] %", "[−1.0, +11.0] %", "undecided")
    ]
    assert lines["Glioma: F1 of astrocytoma", "–"] == ["+20.3 %", *["–"] * 5, "not run here"]
    assert any("is the number of CE + F1, + Weights" in note for note in grid.notes)


def test_tables_are_written_by_the_command_in_every_format(published, claims, checkout, tmp_path):
    metrics = tidy(("glaucoma", "ce-uniform", 0, 0.6))
    metrics.to_csv(tmp_path / "metrics.csv", index=False)
    estimates = tmp_path / "claim_estimates.csv"
    names = [claim.name for claim in read_claims(claims)]
    frame = pd.DataFrame(
        {"claim": names, "stand_in": "", "metric": "", "n_seeds": 0, "word": "not run here", "note": ""}
    )
    estimates.write_text(claim_estimates_csv(frame.reindex(columns=[*frame.columns, *_NUMBERS])))
    common = ["--metrics", str(tmp_path / "metrics.csv"), "--tables", "--out", str(tmp_path / "out")]
    more = ["--values", str(values(tmp_path)), "--claims", str(estimates)]
    paper = ["--published", str(checkout / "resources/published_results.csv"), "--stated", str(claims)]
    assert main(["tables", *common, *more, *paper]) == 0
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {
        f"{name}.{suffix}" for name in ("published_cells", "claims") for suffix in ("csv", "md", "tex", "html")
    }
    assert main(["tables", *common, "--values", str(values(tmp_path))]) == 2
    assert main(["tables", *common, "--claims", str(estimates)]) == 2


_NUMBERS = ("baseline_value", "value", "percent", "models_low", "models_high", "procedure_low", "procedure_high")
