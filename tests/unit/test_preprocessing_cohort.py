"""The tables of a cohort after preprocessing: who failed at which step and why, and what was measured."""

import json

import pandas as pd
import pytest

import mri_cases
from imbalance_aware.__main__ import main
from mri_cases import HEALTHY

# Most of them run the whole chain, five seconds each: together as long as the fast tests may take.
pytestmark = pytest.mark.slow


def _cohort(folder, subjects):
    rows = [(name, name, "here", label, side, "") for name, label, side in subjects]
    table = pd.DataFrame(rows, columns=["subject", "group", "cohort", "class", "split", "excluded"])
    table.loc[len(table)] = ["earlier", "earlier", "here", "a", "", "follow-up scan"]
    table.to_csv(folder / "cohort.csv", index=False)


def test_the_preprocessed_cohort_tells_who_failed_where_and_why(preprocessed, tmp_path, capsys):
    good, bad = preprocessed[1], {"subject": "x", "failed": None, "steps": {}}
    bad["failed"] = {"step": "register", "reason": "unreadable: t2, the file ends too early", "file": "x/t2.nii.gz"}
    subjects = [
        ("p1", "a", "train"),
        ("p2", "a", "test"),
        ("p3", "b", "train"),
        ("p4", "b", "test"),
        ("p5", "b", "test"),
    ]
    _cohort(tmp_path, subjects)
    for name, _, _ in subjects:
        (tmp_path / "subjects" / name).mkdir(parents=True)
        (tmp_path / "subjects" / name / "patch.json").write_text(json.dumps(bad if name == "p5" else good))
    out = {name: tmp_path / f"{name}.csv" for name in ("out", "qc", "flow")}
    mri_cases.step("preprocessed", cohort=tmp_path / "cohort.csv", subjects=tmp_path / "subjects", **out)

    table = pd.read_csv(out["out"], keep_default_na=False).set_index("subject")
    assert table["excluded"].to_dict() == {
        **{f"p{number}": "" for number in (1, 2, 3, 4)},
        "p5": "unreadable: t2, the file ends too early",
        "earlier": "follow-up scan",
    }
    assert table.at["p5", "split"] == ""
    quality = pd.read_csv(out["qc"], keep_default_na=False).set_index("subject")
    assert list(quality.index) == ["p1", "p2", "p3", "p4", "p5"]
    assert quality.loc["p5", ["passed", "step", "file"]].tolist() == [False, "register", "x/t2.nii.gz"]
    assert float(quality.at["p1", "atlas_overlap"]) == preprocessed[1]["steps"]["strip"]["atlas_overlap"]
    flow = pd.read_csv(out["flow"], keep_default_na=False)
    counts = flow.groupby("stage")["subjects"].sum()
    assert counts["found"] == 6 and counts["excluded"] == 2 and counts["included"] == 4
    assert set(flow["criterion"]) == {"", "follow-up scan", "unreadable"}

    # A class of which nobody is left is refused by the step that follows: these tables tell why.
    (tmp_path / "subjects/p4/patch.json").write_text(json.dumps(bad))
    mri_cases.step("preprocessed", cohort=tmp_path / "cohort.csv", subjects=tmp_path / "subjects", **out)
    arguments = ["--preprocessed", tmp_path, "--images", tmp_path / "images.npy", "--samples", tmp_path / "samples.csv"]
    assert main(["pack", "--cohort", str(out["out"]), *map(str, arguments)]) == 2
    assert (
        f'class "b" has no sample in the test set: 3 found, 1 usable; {out["out"]}, column excluded, has the reason for'
        in capsys.readouterr().err
    )


def test_the_measures_of_the_step_that_refused_a_patient_are_in_the_table(heads, preprocessed, tmp_path):
    folder, report = preprocessed
    scans = {"volumes": [f"{name}={heads / HEALTHY / name}.nii.gz" for name in mri_cases.SEQUENCES]}
    atlas, brain = {"atlas_brain": heads / "atlas/brain.nii.gz"}, {"brain": folder / "brain.nii.gz"}
    refuse = {
        "strip": {"settings": '{"method": "threshold", "min_atlas_overlap": 0.999}'} | scans | atlas,
        "mask": {"settings": '{"min_inside_brain": 1.0}', "mask": heads / HEALTHY / "mask.nii.gz"} | scans | brain,
    }
    before = {"strip": "register", "mask": "strip"}
    for step, options in refuse.items():
        end = tmp_path / "subjects" / step / "patch.json"
        mri_cases.step(step, **options, previous=folder / f"{before[step]}.json", out=tmp_path / "out.nii", report=end)
    mri_cases.patch(heads, HEALTHY, folder, tmp_path / "subjects/scale", normalisation={"min_spread": 1.0})
    refuse["scale"] = {}
    _cohort(tmp_path, [(step, "a", "train") for step in refuse])
    out = {name: tmp_path / f"{name}.csv" for name in ("out", "qc", "flow")}
    mri_cases.step("preprocessed", cohort=tmp_path / "cohort.csv", subjects=tmp_path / "subjects", **out)
    quality = pd.read_csv(out["qc"]).set_index("subject")
    assert quality["step"].tolist() == list(refuse)
    measured = {
        "strip": ["coverage_t2", "brain_ml", "atlas_overlap", "edge_match_flair"],
        "mask": ["tumour_ml", "inside_brain", "mask_drawn_on", "mask_ambiguity_mm"],
        "scale": [f"intensity_{key}_t1c" for key in ("min", "median", "p99", "max", "spread")],
    }
    for step, columns in measured.items():
        assert quality.loc[step, columns].notna().all(), step
    assert quality.at["strip", "atlas_overlap"] == pytest.approx(report["steps"]["strip"]["atlas_overlap"])
    t1c = report["steps"]["scale"]
    assert quality.at["scale", "intensity_p99_t1c"] == pytest.approx(t1c["intensity_p99"]["t1c"])
    assert t1c["intensity_min"]["t1c"] < t1c["intensity_median"]["t1c"] < t1c["intensity_p99"]["t1c"]


def test_the_table_of_quality_control_has_no_stray_columns(preprocessed, tmp_path):
    """Some subjects fail early, some lie in place: what is measured per sequence has no column of its own name."""
    early, placed = (
        {"subject": "x", "failed": {"step": "register"}, "steps": {}},
        json.loads(json.dumps(preprocessed[1])),
    )
    placed["steps"]["register"] = {"in_place": True, "matrices": {}}
    _cohort(tmp_path, [("p1", "a", "train"), ("p2", "a", "test"), ("p3", "a", "test")])
    early["failed"] |= {"reason": "unreadable: t2", "file": "t2.nii.gz"}
    empty = json.loads(json.dumps(preprocessed[1]))
    empty["steps"]["register"]["moved_mm"] = {}
    for name, report in (("p1", early), ("p2", placed), ("p3", empty)):
        (tmp_path / "subjects" / name).mkdir(parents=True)
        (tmp_path / "subjects" / name / "patch.json").write_text(json.dumps(report))
    out = {name: tmp_path / f"{name}.csv" for name in ("out", "qc", "flow")}
    mri_cases.step("preprocessed", cohort=tmp_path / "cohort.csv", subjects=tmp_path / "subjects", **out)
    columns = list(pd.read_csv(out["qc"]).columns)
    first = ["subject", "cohort", "class", "split", "passed", "step", "reason", "file", "warnings"]
    single = [
        "brain_ml",
        "atlas_overlap",
        "atlas_correlation",
        "tumour_ml",
        "inside_brain",
        "mask_drawn_on",
        "mask_ambiguity_mm",
    ]
    single += ["mask_sform_qform_mm", "tumour_in_patch"]
    others = [name for name in mri_cases.SEQUENCES if name != "t1"]
    per_sequence = {"edge_match": others, "coverage": mri_cases.SEQUENCES}
    per_sequence |= {f"intensity_{key}": mri_cases.SEQUENCES for key in ("min", "median", "p99", "max", "spread")}
    alike = [f"{name}_{sequence}" for name, sequences in per_sequence.items() for sequence in sequences]
    assert sorted(columns) == sorted([*first, *single, *alike])


def test_a_refused_cohort_leaves_its_tables_under_names_that_snakemake_does_not_delete(heads, tmp_path, capsys):
    settings = {"adapter": "folder3d", "table": str(tmp_path / "table.csv"), "root": str(heads)}
    tables = [part for name in ("out", "duplicates", "flow") for part in (f"--{name}", str(tmp_path / f"{name}.csv"))]
    table = pd.read_csv(heads / "table.csv")
    table.to_csv(tmp_path / "table.csv", index=False)
    assert main(["cohort", "--settings", json.dumps(settings), *tables]) == 2
    left = tmp_path / "out_refused.csv"
    error = capsys.readouterr().err
    assert 'class "astrocytoma" has no sample in the train set' in error
    assert f"every subject with its reason is in {left}" in error
    assert not (tmp_path / "out.csv").exists()
    assert pd.read_csv(left)["subject"].tolist() == [HEALTHY, "other"]
    assert {path.name for path in tmp_path.glob("*_refused.csv")} == {
        "out_refused.csv",
        "duplicates_refused.csv",
        "flow_refused.csv",
    }
    other_side = table.assign(
        subject=table["subject"] + "2", split=table["split"].map({"train": "test", "test": "train"})
    )
    pd.concat([table, other_side]).to_csv(tmp_path / "table.csv", index=False)
    assert main(["cohort", "--settings", json.dumps(settings), *tables]) == 0
    assert (tmp_path / "out.csv").exists() and not list(tmp_path.glob("*_refused.csv"))
