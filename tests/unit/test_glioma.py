import json
from collections import Counter

import pandas as pd
import pytest

import glioma_trees
from imbalance_aware.__main__ import main
from imbalance_aware.datasets import egd, glioma, tcga, ucsf_pdgm
from imbalance_aware.datasets.fingerprint import fingerprint
from imbalance_aware.datasets.settings_3d import GliomaSettings
from imbalance_aware.datasets.who2021 import CLASSES, tumour_class
from imbalance_aware.errors import UserError
from imbalance_aware.schema import validate


@pytest.fixture
def facts(tmp_path):
    return glioma.find(GliomaSettings(**glioma_trees.settings(tmp_path))).set_index("subject")


@pytest.mark.parametrize(
    ("idh", "codeletion", "expected"),
    [
        ("wildtype", "unknown", "glioblastoma"),
        ("wildtype", "intact", "glioblastoma"),
        ("mutant", "intact", "astrocytoma"),
        ("mutant", "codeleted", "oligodendroglioma"),
        ("mutant", "unknown", ""),
        ("unknown", "codeleted", ""),
    ],
)
def test_class_follows_from_two_markers(idh, codeletion, expected):
    name, reason = tumour_class(idh, codeletion)
    assert name == expected
    assert bool(reason) == (expected == "")


def test_every_subject_of_the_three_layouts_is_in_or_out_for_a_stated_reason(facts):
    assert facts["excluded"].to_dict() == {
        "UCSF-PDGM-0004": "",
        "UCSF-PDGM-0005": "missing sequence: flair",
        "UCSF-PDGM-0429": "",
        "UCSF-PDGM-0429_FU003d": "follow-up scan",
        "UCSF-PDGM-0500": "",
        "UCSF-PDGM-0501": "1p/19q unknown: the tumour is IDH-mutant",
        "UCSF-PDGM-0540": "no images",
        "EGD-0001": "",
        "EGD-0002": "",
        "EGD-0003": "IDH unknown",
        "EGD-0004": "missing mask",
        "EGD-0005": "",
        "TCGA-02-0003": "",
        "TCGA-02-0003_1997.01.15": "second session",
        "TCGA-CS-4938": "",
        "TCGA-CS-4944": "",
        "TCGA-ZZ-0000": "not in the clinical table",
    }


def test_classes_of_the_included(facts):
    assert facts.loc[facts["excluded"] == "", "class"].to_dict() == {
        "UCSF-PDGM-0004": "glioblastoma",
        "UCSF-PDGM-0429": "astrocytoma",
        "UCSF-PDGM-0500": "oligodendroglioma",
        "EGD-0001": "glioblastoma",
        "EGD-0002": "oligodendroglioma",
        "EGD-0005": "astrocytoma",
        "TCGA-02-0003": "glioblastoma",
        "TCGA-CS-4938": "astrocytoma",
        "TCGA-CS-4944": "oligodendroglioma",
    }


def test_split_is_by_cohort_and_a_patient_is_one_group(facts):
    assert facts.groupby("cohort")["split"].unique().map(list).to_dict() == {
        "EGD": ["train"],
        "TCGA": ["test"],
        "UCSF": ["train"],
    }
    assert facts.loc["TCGA-02-0003_1997.01.15", "group"] == "TCGA-02-0003"
    assert facts.loc["UCSF-PDGM-0429_FU003d", "group"] == "UCSF-PDGM-0429"


def test_paths_and_start_follow_each_layout(facts):
    ucsf, egd_row, tcga_row = facts.loc[["UCSF-PDGM-0004", "EGD-0002", "TCGA-02-0003"]].itertuples()
    assert ucsf.t1c.endswith("UCSF-PDGM-0004_nifti/UCSF-PDGM-0004_T1c.nii.gz")
    assert ucsf.mask.endswith("UCSF-PDGM-0004_tumor_segmentation.nii.gz")
    assert egd_row.t1c.endswith("SUBJECTS/EGD-0002/2_T1GD/NIFTI/T1GD.nii.gz")
    assert tcga_row.t1c.endswith("TCGA-02-0003_1996.06.08_t1Gd.nii.gz")
    assert tcga_row.mask.endswith("_GlistrBoost_ManuallyCorrected.nii.gz")
    assert facts.loc["TCGA-CS-4938", "mask"].endswith("_GlistrBoost.nii.gz")
    assert (ucsf.start, egd_row.start, tcga_row.start) == ("stripped", "registered", "stripped")


def test_bias_corrected_scans_of_ucsf(tmp_path):
    settings = glioma_trees.settings(tmp_path)
    settings["cohorts"][0]["bias_corrected"] = True
    facts = glioma.find(GliomaSettings(**settings)).set_index("subject")
    assert facts.loc["UCSF-PDGM-0004", "t2"].endswith("UCSF-PDGM-0004_T2_bias.nii.gz")


def test_a_mask_is_not_needed_when_it_is_segmented_here(tmp_path):
    settings = glioma_trees.settings(tmp_path) | {"preprocessing": {"mask": {"method": "brats"}}}
    facts = glioma.find(GliomaSettings(**settings)).set_index("subject")
    assert facts.loc["EGD-0004", "excluded"] == ""


def test_the_step_writes_a_flow_that_adds_up(tmp_path):
    settings = json.dumps(glioma_trees.settings(tmp_path))
    out = {name: tmp_path / f"{name}.csv" for name in ("out", "duplicates", "flow")}
    arguments = [part for name, path in out.items() for part in (f"--{name}", str(path))]
    assert main(["cohort", "--settings", settings, *arguments]) == 0
    flow = pd.read_csv(out["flow"], keep_default_na=False)
    counts = flow.groupby(["cohort", "stage"])["subjects"].sum().unstack()
    assert (counts["found"] == counts["excluded"] + counts["included"]).all()
    assert counts["found"].to_dict() == {"EGD": 5, "TCGA": 5, "UCSF": 7}
    assert pd.read_csv(out["out"])["excluded"].notna().sum() == 8


def test_a_new_file_changes_the_fingerprint(tmp_path):
    settings = GliomaSettings(**glioma_trees.settings(tmp_path))
    before = fingerprint(settings)
    assert fingerprint(settings) == before
    glioma_trees.tcga_patient(settings.cohorts[2].path, "TCGA-CS-5390")
    assert fingerprint(settings) != before


@pytest.mark.parametrize("adapter", ["ucsf_pdgm", "egd", "tcga"])
def test_an_absent_folder_says_where_it_looked_and_how_to_get_it(tmp_path, adapter):
    settings = {"adapter": "glioma", "cohorts": [{"adapter": adapter, "path": "nowhere", "table": "none.csv"}]}
    with pytest.raises(UserError, match=r"(?s)nowhere.*set `path`"):
        glioma.find(validate(GliomaSettings, settings, "test"))


def test_a_table_without_the_markers_names_what_it_has(tmp_path):
    settings = glioma_trees.settings(tmp_path)
    table = tmp_path / "other.csv"
    table.write_text("Subject,Age\nEGD-0001,60\n")
    settings["cohorts"][1]["table"] = str(table)
    with pytest.raises(UserError, match="no column IDH; it has Subject, Age"):
        glioma.find(GliomaSettings(**settings))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"test_cohorts": ["TCGAA"]}, "there is no cohort TCGAA"),
        ({"test_cohorts": ["UCSF", "EGD", "TCGA"]}, "none is left for training"),
        ({"sequences": ["t2", "flair"]}, "registration.centre is t1"),
        ({"sequences": ["t1", "t1"]}, "names one twice"),
        ({"sequencs": ["t1"]}, 'Did you mean "sequences"'),
        ({"preprocessing": {"strip": {"method": "hdbet"}}}, 'Did you mean "hd_bet"'),
    ],
)
def test_wrong_settings_are_refused_in_words(tmp_path, change, message):
    with pytest.raises(UserError, match=message):
        validate(GliomaSettings, glioma_trees.settings(tmp_path) | change, "test")


def test_the_published_table_of_ucsf_pdgm(clinical_data):
    markers = ucsf_pdgm.markers(clinical_data / "UCSF-PDGM-metadata_v5.csv")
    assert len(markers) == 501
    first = markers[~markers.index.str.contains("_FU")]
    assert len(first) == 495 and first.index.is_unique
    assert (first["idh"] == "wildtype").sum() == 392
    assert (first["codeletion"] == "codeleted").sum() == 15
    classes = Counter(tumour_class(*row)[0] for row in first.itertuples(index=False))
    assert classes == {"glioblastoma": 392, "astrocytoma": 84, "oligodendroglioma": 15, "": 4}


def test_the_published_table_of_tcga(clinical_data):
    markers = tcga.markers(clinical_data / "tcga_subtypes_ceccarelli2016.csv")
    assert len(markers) == 1122 and markers.index.is_unique
    classes = Counter(tumour_class(*row)[0] for row in markers.itertuples(index=False))
    assert classes == {"glioblastoma": 538, "astrocytoma": 283, "oligodendroglioma": 171, "": 130}


def test_every_patient_of_the_ucsf_table_is_found_in_the_published_layout(clinical_data, tmp_path):
    table = clinical_data / "UCSF-PDGM-metadata_v5.csv"
    for name in ucsf_pdgm.markers(table).index:
        glioma_trees.ucsf_patient(tmp_path / "UCSF-PDGM-v5", name, bias=False)
    cohort = {"adapter": "ucsf_pdgm", "path": str(tmp_path), "table": str(table)}
    facts = glioma.find(GliomaSettings(adapter="glioma", cohorts=[cohort]))
    counts = facts[facts["excluded"] == ""]["class"].value_counts()
    assert [counts[name] for name in CLASSES] == [392, 84, 15]
    assert (facts["excluded"] == "follow-up scan").sum() == 6
    assert len(facts) == 501


def test_numbers_that_a_spreadsheet_made_decimal(tmp_path):
    table = tmp_path / "labels.csv"
    table.write_text("Subject,IDH,1p19q\nEGD-0001,1.0,0\nEGD-0002,-1,\n")
    assert egd.markers(table).to_numpy().tolist() == [["mutant", "intact"], ["unknown", "unknown"]]
