"""Metrics by cohort and subgroup: values by hand, absent and rare classes, folds, coverage, and the whole way."""

import json

import numpy as np
import pandas as pd
import pytest
import training_cases
from cohort_cases import CLASSES, HOSPITALS, table_of, write_study
from condition_rows import conditions
from PIL import Image
from scipy.stats import norm
from sklearn import metrics as oracle

from imbalance_aware.__main__ import main
from imbalance_aware.evaluation.by_cohort import metrics_by_cohort
from imbalance_aware.evaluation.units import Units, groups_of
from imbalance_aware.metrics.catalogue import METRICS, metric_names
from imbalance_aware.metrics.declaration import UNKNOWN
from imbalance_aware.reporting.cohort_table import cohort_cell
from imbalance_aware.runs.identity import Run
from imbalance_aware.statistics.design import Design
from imbalance_aware.statistics.proportions import balanced_accuracy_interval
from imbalance_aware.tables.cohort_metrics import read_cohort_metrics
from imbalance_aware.tables.predictions import Predictions

COLUMNS = [f"prob_{name}" for name in CLASSES]
CONDITIONS = conditions("ce-uniform", "mcc-oversampling")
RANKS = ("auroc", "average_precision", "sens_at_90_spec", "spec_at_90_sens")
MACRO = {"balanced_accuracy", "mcc", *(f"{name}_macro" for name in ("f1", "specificity", "calibration_error", *RANKS))}


def rerun(table: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The same test set, as another network predicts it."""
    scores = table[COLUMNS] * np.exp(np.random.default_rng(seed).normal(0, 0.5, (len(table), 3)))
    return table.assign(**scores.div(scores.sum(axis=1), axis=0))


def cohort_metrics(folder, tables) -> pd.DataFrame:
    """What the step writes, by unit, split, part and metric."""
    paths = write_study(folder, tables)
    assert main(["cohort_metrics", "--out", str(folder / "cohort_metrics.csv"), *map(str, paths)]) == 0
    table = read_cohort_metrics(folder / "cohort_metrics.csv")
    return table.set_index(["condition", "unit", "split_by", "part", "metric"]).sort_index()


def printed(folder, tables, unit="sample") -> dict[str, str]:
    """The table in every format, by way of the step commands."""
    cohort_metrics(folder, tables)
    reports = []
    for path in (folder / "runs/s/glaucoma").glob("*/*/predictions.csv"):
        reports.append(str(path.with_name("metrics.json")))
        assert main(["evaluate", "--predictions", str(path), "--out", reports[-1]]) == 0
    collect = ["collect", "--study", "s", "--conditions", json.dumps(CONDITIONS), "--batch-size", "5"]
    assert main([*collect, "--out", str(folder / "metrics.csv"), *reports]) == 0
    options = ["--metrics", str(folder / "metrics.csv"), "--cohorts", str(folder / "cohort_metrics.csv")]
    assert main(["tables", *options, "--unit", unit, "--tables", "--out", str(folder / "tables")]) == 0
    return {suffix: (folder / f"tables/cohorts.{suffix}").read_text() for suffix in ("csv", "md", "tex", "html")}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Two runs on patients of three hospitals, of which ``west`` has no advanced cases."""
    table = table_of(np.random.default_rng(0), patients=90)
    runs = [rerun(table, seed) for seed in range(2)]
    found = cohort_metrics(
        tmp_path_factory.mktemp("study"), {f"ce-uniform/seed-{n}": run for n, run in enumerate(runs)}
    )
    return table, runs, found.loc["ce-uniform"]


@pytest.mark.parametrize("unit", ["sample", "group"])
def test_values_are_means_over_runs_of_what_the_part_alone_gives(study, unit):
    _, runs, found = study
    for split_by, part in (("", ""), *(("cohort", name) for name in HOSPITALS), ("sex", "F"), ("sex", "M")):
        values: dict[str, list[float]] = {}
        for run in runs:
            here = run[run[split_by] == part] if split_by else run
            if unit == "group":
                here = here.groupby(["group", "label"], sort=False)[COLUMNS].mean().reset_index()
            truth, predicted = here["label"].to_numpy(), here[COLUMNS].to_numpy().argmax(axis=1)
            values.setdefault("accuracy", []).append(oracle.accuracy_score(truth, predicted))
            values.setdefault("brier", []).append(
                ((here[COLUMNS].to_numpy() - np.eye(3)[truth]) ** 2).sum(axis=1).mean()
            )
            values.setdefault("recall_no", []).append(
                oracle.recall_score(truth, predicted, labels=[0], average="macro")
            )
            values.setdefault("auroc_early", []).append(oracle.roc_auc_score(truth == 1, here["prob_early"]))
            if part != "west":
                values.setdefault("f1_macro", []).append(oracle.f1_score(truth, predicted, average="macro"))
                values.setdefault("mcc", []).append(oracle.matthews_corrcoef(truth, predicted))
        rows = found.loc[unit, split_by, part]
        for metric, of in values.items():
            assert rows.loc[metric, "value"] == pytest.approx(np.mean(of)), (part, metric)
            assert rows.loc[metric, "ci_low"] < np.mean(of) < rows.loc[metric, "ci_high"]


def test_every_metric_has_its_n_and_an_interval_that_it_can_have(study):
    table, _, found = study
    names = metric_names(CLASSES, UNKNOWN)
    assert {*names} < {*found.index.get_level_values("metric")}
    for (unit, split_by, part), rows in found.groupby(level=["unit", "split_by", "part"]):
        rows = rows.droplevel([0, 1, 2])
        here = table[table[split_by] == part] if split_by else table
        patients = here.drop_duplicates("group")
        assert set(rows["n_groups"]) == {len(patients)}
        assert set(rows["n"]) == {len(here) if unit == "sample" else len(patients)}
        for name in CLASSES:
            assert rows.loc[f"test_groups_{name}", "value"] == (patients["class"] == name).sum()
            of_class = here if unit == "sample" else patients
            assert rows.loc[f"test_subjects_{name}", "value"] == (of_class["class"] == name).sum()
        known = rows.loc[[name for name in names if pd.notna(rows.loc[name, "ci_low"])]]
        assert (known["ci_low"] < known["ci_high"]).all()
        for name, row in known.iterrows():
            low, high = next(m.bounds for m in METRICS.values() if name == m.name or name.startswith(f"{m.name}_"))
            assert low <= row["ci_low"] and row["ci_high"] <= high


def test_an_interval_is_of_patients_not_of_images(tmp_path):
    """The same images as if each were a patient of its own give narrower intervals."""
    table = table_of(np.random.default_rng(6), patients=90, images=8)
    found = cohort_metrics(tmp_path / "patients", {"ce-uniform/seed-0": table}).loc["ce-uniform"]
    alone = table.assign(group=table["subject"])
    naive = cohort_metrics(tmp_path / "images", {"ce-uniform/seed-0": alone}).loc["ce-uniform"]
    assert {*naive.index.get_level_values("unit")} == {"sample"}
    for metric in ("accuracy", "balanced_accuracy", "brier", "auroc_macro"):
        ours, theirs = (table.loc["sample", "", "", metric] for table in (found, naive))
        assert ours["value"] == pytest.approx(theirs["value"])
        assert ours["ci_high"] - ours["ci_low"] > 1.2 * (theirs["ci_high"] - theirs["ci_low"])


def test_a_cohort_without_a_class_says_so(study, tmp_path):
    _, runs, found = study
    for unit in ("sample", "group"):
        rows = found.loc[unit, "cohort", "west"]
        silent = rows[rows["value"].isna()]
        assert {*silent.index} == MACRO | {
            f"{name}_advanced" for name, metric in METRICS.items() if metric.per_class and metric.needs is None
        }
        assert set(silent["note"]) == {"lacks class advanced"}
        assert rows.loc[["accuracy", "brier", "recall_no", "auroc_early"], "value"].notna().all()
    assert {name for name, metric in METRICS.items() if metric.macro and metric.needs is None} == MACRO
    text = printed(tmp_path, {"ce-uniform/seed-0": runs[0]})
    head, _, line = text["md"].partition("*Glaucoma: Balanced accuracy*\n\n")[2].splitlines()[:3]
    cells = dict(zip(head.split("|"), line.split("|"), strict=True))
    assert cells[" West (n = 30) "] == " lacks class advanced "
    assert "lacks class" not in cells[" All (n = 90) "]
    assert all("rank cohorts by the presence of rare cases" in text[suffix] for suffix in ("md", "tex", "html"))


def test_fewer_than_five_patients_in_a_class_have_no_interval(tmp_path):
    """Four patients with many images are four."""
    table = table_of(np.random.default_rng(1), patients=90, images=8)
    rare = (table["cohort"] == "north") & (table["class"] == "advanced")
    keep = table.loc[rare, "group"].unique()[:4]
    table = table[~rare | table["group"].isin(keep)]
    assert (rare & table["group"].isin(keep).reindex(rare.index, fill_value=False)).sum() >= 10, "images are not few"
    found = cohort_metrics(tmp_path, {"ce-uniform/seed-0": table}).loc["ce-uniform"]
    for unit in ("sample", "group"):
        rows = found.loc[unit, "cohort", "north"]
        for metric in (*MACRO, "recall_advanced", "auroc_advanced"):
            assert pd.notna(rows.loc[metric, "value"]) and pd.isna(rows.loc[metric, "ci_low"])
            assert rows.loc[metric, "note"] == "not estimable: a class has 4 patients, fewer than 5"
        assert rows.loc["f1_early", "note"] == "rare class (10 patients): approximate"
        assert pd.notna(rows.loc["f1_early", "ci_low"])


def test_false_positives_of_few_other_patients_have_no_interval(tmp_path):
    """Precision of a frequent class depends on the other classes, its recall does not."""
    table = table_of(np.random.default_rng(1), patients=90, images=1, skill=0.5)
    others = table.loc[table["class"] != "no", "group"].unique()[:4]
    table = table[(table["class"] == "no") | table["group"].isin(others)]
    rows = cohort_metrics(tmp_path, {"ce-uniform/seed-0": table}).loc["ce-uniform", "sample", "", ""]
    for metric in ("precision_no", "f1_no", "auroc_no"):
        assert rows.loc[metric, "note"] == "not estimable: 4 patients of the other classes, fewer than 5"
    assert pd.notna(rows.loc["recall_no", "ci_low"])


def test_a_recall_of_one_has_wilsons_interval_and_other_perfect_values_have_none(tmp_path):
    """The same rule as in the table of values: `imbalance_aware.statistics.estimates`."""
    table = table_of(np.random.default_rng(7), patients=60, images=1)
    table[COLUMNS] = 0.1 + 0.7 * np.eye(3)[table["label"]]
    rows = cohort_metrics(tmp_path, {"ce-uniform/seed-0": table}).loc["ce-uniform", "sample", "", ""]
    patients = (table["class"] == "no").sum()
    lowest = patients / (patients + norm.ppf(0.975) ** 2)  # Wilson's lower limit of n successes in n trials
    assert rows.loc["recall_no", ["value", "ci_low", "ci_high"]].tolist() == pytest.approx([1, lowest, 1])
    assert rows.loc["balanced_accuracy", "ci_low"] < 1 == rows.loc["balanced_accuracy", "ci_high"]
    for metric in ("f1_macro", "mcc", "precision_no"):
        assert rows.loc[metric, "note"] == "not estimable: no patient changes the value"
        assert pd.isna(rows.loc[metric, "ci_low"])


def test_cells():
    row = {"value": 0.616, "ci_low": 0.5, "ci_high": 0.7, "note": "", "n_collapsed": 0, "n_diverged": 0}
    assert cohort_cell(row).plain == "0.62 [0.50, 0.70]"
    assert cohort_cell(row | {"note": "rare class (7 patients): approximate"}).plain == "0.62 [0.50, 0.70] ≈"
    unknown = row | {"ci_low": np.nan, "ci_high": np.nan, "note": "not estimable: no patient changes the value"}
    assert cohort_cell(unknown | {"n_collapsed": 1}).plain == "0.62 [not estimable] †1"
    absent = unknown | {"value": np.nan}
    assert cohort_cell(absent | {"note": "lacks class early"}).plain == "lacks class early"
    assert cohort_cell(absent | {"note": "all runs diverged", "n_diverged": 2}).plain == "– ‡2"


def test_runs_that_diverged_are_left_out_and_counted(tmp_path):
    table = table_of(np.random.default_rng(2), patients=60)
    broken = table.copy()
    broken.loc[0, COLUMNS] = np.nan
    tables = {"ce-uniform/seed-0": table, "ce-uniform/seed-1": broken, "mcc-oversampling/seed-0": broken}
    found = cohort_metrics(tmp_path, tables)
    half, none = (
        found.loc[condition, "sample", "", "", "accuracy"] for condition in ("ce-uniform", "mcc-oversampling")
    )
    assert (half["n_runs"], half["n_diverged"]) == (1, 1) and pd.notna(half["ci_low"])
    assert (none["n_runs"], none["n_diverged"], none["note"]) == (0, 1, "all runs diverged")
    assert "– ‡1" in printed(tmp_path, tables)["md"]


def test_leaving_one_cohort_out_ends_in_the_table_of_cohorts(tmp_path):
    table = table_of(np.random.default_rng(3), patients=90, lacking="")
    by_cohort = table.assign(fold=table["cohort"].map({name: number for number, name in enumerate(HOSPITALS)}))
    found = cohort_metrics(tmp_path / "by_cohort", {"ce-uniform/seed-0": by_cohort}).loc["ce-uniform", "sample"]
    assert set(found["folds"]) == {"cohorts"}
    each = [found.loc["cohort", name, "auroc_macro"]["value"] for name in HOSPITALS]
    assert found.loc["", "", "auroc_macro"]["value"] == pytest.approx(np.mean(each)), "within folds, then averaged"
    text = printed(tmp_path / "by_cohort", {"ce-uniform/seed-0": by_cohort})
    assert "each cohort is predicted by networks that were trained on the other cohorts only" in text["html"]

    mixed = table.assign(fold=table["group"].str.removeprefix("p").astype(int) % 4)
    text = printed(tmp_path / "mixed", {"ce-uniform/seed-0": mixed})
    assert "Glaucoma: cross-validated; each subject is predicted by" in text["md"]


def test_one_cohort_without_subgroups_is_shown_as_a_whole(tmp_path):
    table = table_of(np.random.default_rng(4), images=1).assign(cohort="here").drop(columns="sex")
    text = printed(tmp_path, {"ce-uniform/seed-0": table})
    assert "Glaucoma: one cohort and no named subgroups." in text["md"]
    assert "| All (n = 60) |" in text["md"]
    assert "(samples)" not in text["md"]


def test_runs_of_other_patients_are_refused(tmp_path, capsys):
    table = table_of(np.random.default_rng(5))
    for column in ("group", "cohort", "sex"):
        other = table.assign(**{column: "another"})
        paths = write_study(tmp_path / column, {"ce-uniform/seed-0": table, "ce-uniform/seed-1": other})
        assert main(["cohort_metrics", "--out", str(tmp_path / "m.csv"), *map(str, paths)]) == 2
        assert "groups, cohorts or subgroups are not those of" in capsys.readouterr().err


SKILLS, SIZES, SPREAD = (0.8, 0.3), (120, 80), 1.0


def draw_images(rng, sizes) -> Units:
    """Patients of two classes with 1 to 8 images each, right or wrong by a probit model with an effect of patients."""
    drawn: list[tuple[np.ndarray, ...]] = []
    for label, (size, skill) in enumerate(zip(sizes, SKILLS, strict=True)):
        patient = np.repeat(np.arange(size), rng.integers(1, 9, size))
        right = rng.normal(size=len(patient)) + SPREAD * rng.normal(size=size)[patient] < skill
        drawn.append((np.full(len(patient), label), np.where(right, label, 1 - label), label * sizes[0] + patient))
    labels, predicted, patients = map(np.concatenate, zip(*drawn, strict=True))
    return Units(labels, 0.8 * np.eye(2)[predicted] + 0.1, patients)


def interval_of(units: Units, groups: np.ndarray):
    """What `metrics_by_cohort` gives for the balanced accuracy of one run."""
    correct = units.probabilities.argmax(axis=1) == units.labels
    return balanced_accuracy_interval(Design(("",), ("",), units.labels, groups), correct[:, None])


def test_the_interval_of_the_table_is_the_one_whose_coverage_is_simulated():
    units = draw_images(np.random.default_rng(0), SIZES)
    images, here = np.arange(len(units.labels)), np.full(len(units.labels), "here", dtype=object)
    table = Predictions(images, ("a", "b"), units.labels, units.probabilities, units.groups, here)
    rows = metrics_by_cohort({Run("s", "d", "c", 0): table}).set_index(["unit", "metric"])
    for unit, of in (("sample", units), ("group", groups_of(units))):
        expected = interval_of(of, of.groups)
        found = rows.loc[(unit, "balanced_accuracy")]
        assert (found["ci_low"], found["ci_high"]) == pytest.approx((expected.low, expected.high))


def test_intervals_over_patients_cover_and_those_over_images_do_not():
    """Direct simulation, 1000 test sets: 95 ± 2 % for metrics of images and of patients; images as units, far less."""
    rng = np.random.default_rng(0)
    many = groups_of(draw_images(rng, (100_000, 100_000)))
    right = many.probabilities.argmax(axis=1) == many.labels
    truth = {
        "sample": norm.cdf(np.array(SKILLS) / np.sqrt(1 + SPREAD**2)).mean(),
        "group": np.mean([right[many.labels == label].mean() for label in (0, 1)]),
    }
    covered = dict.fromkeys((*truth, "images"), 0)
    for _ in range(1000):
        samples = draw_images(rng, SIZES)
        groups = groups_of(samples)
        covered["sample"] += truth["sample"] in interval_of(samples, samples.groups)
        covered["group"] += truth["group"] in interval_of(groups, groups.groups)
        covered["images"] += truth["sample"] in interval_of(samples, np.arange(len(samples.labels)))
    assert 930 <= covered["sample"] <= 970
    assert 930 <= covered["group"] <= 970
    assert covered["images"] < 850


@pytest.mark.slow
def test_subgroups_of_a_users_table_reach_the_table_of_cohorts(tmp_path):
    """A tiny table of a user's own, through the steps as the workflow calls them."""
    rng = np.random.default_rng(0)
    rows = ["path,class,group,cohort,sex,scanner age"]
    for number in range(48):
        patient, bright = number // 2, number // 2 % 2
        pixels = rng.integers(0, 128, (16, 16, 3)) + 100 * bright
        Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / f"{number}.png")
        sex, age = ("F", "M", "")[patient % 3], ("old", "new")[patient // 4 % 2]
        rows.append(f"{number}.png,{('no', 'yes')[bright]},p{patient},{('a', 'b')[patient // 2 % 2]},{sex},{age}")
    (tmp_path / "table.csv").write_text("\n".join(rows) + "\n")

    def step(*arguments) -> None:
        assert main([str(argument) for argument in arguments]) == 0

    settings = {"adapter": "folder", "table": str(tmp_path / "table.csv"), "image_size": [16, 16]}
    settings |= {"subgroups": ["sex", "scanner age"], "split": {"method": "random", "test_fraction": 0.5}}
    at = {name: tmp_path / f"{name}.csv" for name in ("cohort", "duplicates", "flow", "samples")}
    step(
        *("cohort", "--settings", json.dumps(settings), "--out", at["cohort"]),
        *("--duplicates", at["duplicates"], "--flow", at["flow"]),
    )
    shape = json.dumps({"image_size": [16, 16], "channels": "rgb"})
    step("resize", "--settings", shape, "--cohort", at["cohort"], "--out", tmp_path / "images")
    step(
        *("pack", "--cohort", at["cohort"], "--preprocessed", tmp_path / "images"),
        *("--subgroups", "sex", "scanner age"),
        *("--images", tmp_path / "images.npy", "--samples", at["samples"]),
    )
    run = tmp_path / "runs/s/mine/ce-uniform/seed-0"
    step(
        *("train", "--images", tmp_path / "images.npy", "--samples", at["samples"]),
        *("--settings", json.dumps(training_cases.settings(training={"epochs": 2})), "--seed", 0, "--out", run),
    )
    predictions = pd.read_csv(run / "predictions.csv", keep_default_na=False)
    assert {"group", "cohort", "sex", "scanner age"} <= {*predictions.columns}

    step("evaluate", "--predictions", run / "predictions.csv", "--out", run / "metrics.json")
    collect = ("collect", "--study", "s", "--conditions", json.dumps(CONDITIONS), "--batch-size", 8)
    step(*collect, "--out", tmp_path / "metrics.csv", run / "metrics.json")
    step("cohort_metrics", "--out", tmp_path / "cohort_metrics.csv", run / "predictions.csv")
    files = ("--metrics", tmp_path / "metrics.csv", "--cohorts", tmp_path / "cohort_metrics.csv")
    step("tables", *files, "--unit", "group", "--tables", "--out", tmp_path)
    found = pd.read_csv(tmp_path / "cohorts.csv", keep_default_na=False)
    assert set(found["unit"]) == {"group"}
    parts = dict.fromkeys(zip(found["split_by"], found["part"], strict=True))
    ages = [("scanner age", name) for name in ("new", "old")]
    assert [*parts] == [("", ""), ("cohort", "a"), ("cohort", "b"), *(("sex", s) for s in ("F", "M", "unknown")), *ages]
    text = (tmp_path / "cohorts.md").read_text()
    for heading in ("Sex: F (n = ", "Sex: unknown (n = ", "Scanner age: old (n = "):
        assert heading in text
