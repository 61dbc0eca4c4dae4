import json
from collections import Counter

import pandas as pd
import pytest

import glioma_trees
from imbalance_aware.__main__ import main
from imbalance_aware.cohort.inclusion import included
from imbalance_aware.cohort.subject_split import assign_split
from imbalance_aware.errors import UserError
from imbalance_aware.schema import validate
from imbalance_aware.sources import egd, glioma, tcga, ucsf_pdgm
from imbalance_aware.sources.glioma import Settings as GliomaSettings
from imbalance_aware.sources.lookup import fingerprint
from imbalance_aware.sources.who2021 import CLASSES, tumour_class


def _settings_of(root):
    """Settings of the three trees below ``root``, which are there already."""
    tables = {
        "ucsf_pdgm": ("UCSF-PDGM", "UCSF-PDGM-metadata.csv"),
        "egd": ("EGD", "EGD/METADATA/Genetic_and_Histological_labels.csv"),
        "tcga": ("TCGA", "tcga_subtypes.csv"),
    }
    cohorts = [
        {"adapter": adapter, "path": str(root / path), "table": str(root / table)}
        for adapter, (path, table) in tables.items()
    ]
    return GliomaSettings(adapter="glioma", cohorts=cohorts, split={"method": "cohorts", "test_cohorts": ["TCGA"]})


@pytest.fixture
def subjects(tmp_path):
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


def test_every_subject_of_the_three_layouts_is_in_or_out_for_a_stated_reason(subjects):
    assert subjects["excluded"].to_dict() == {
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


def test_classes_of_the_included(subjects):
    assert subjects.loc[subjects["excluded"] == "", "class"].to_dict() == {
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


def test_split_is_by_cohort_and_a_patient_is_one_group(subjects, tmp_path):
    assign_split(subjects, GliomaSettings(**glioma_trees.settings(tmp_path / "again")))
    assert subjects[included(subjects)].groupby("cohort")["split"].unique().map(list).to_dict() == {
        "EGD": ["train"],
        "TCGA": ["test"],
        "UCSF": ["train"],
    }
    assert subjects.loc["TCGA-02-0003_1997.01.15", "group"] == "TCGA-02-0003"
    assert subjects.loc["UCSF-PDGM-0429_FU003d", "group"] == "UCSF-PDGM-0429"


def test_paths_and_start_follow_each_layout(subjects):
    ucsf, egd_row, tcga_row = subjects.loc[["UCSF-PDGM-0004", "EGD-0002", "TCGA-02-0003"]].itertuples()
    assert ucsf.t1c.endswith("UCSF-PDGM-0004_nifti/UCSF-PDGM-0004_T1c.nii.gz")
    assert ucsf.mask.endswith("UCSF-PDGM-0004_tumor_segmentation.nii.gz")
    assert egd_row.t1c.endswith("SUBJECTS/EGD-0002/2_T1GD/NIFTI/T1GD.nii.gz")
    assert tcga_row.t1c.endswith("TCGA-02-0003_1996.06.08_t1Gd.nii.gz")
    assert tcga_row.mask.endswith("_GlistrBoost_ManuallyCorrected.nii.gz")
    assert subjects.loc["TCGA-CS-4938", "mask"].endswith("_GlistrBoost.nii.gz")
    assert (ucsf.start, egd_row.start, tcga_row.start) == ("stripped", "registered", "stripped")


def test_bias_corrected_scans_of_ucsf(tmp_path):
    settings = glioma_trees.settings(tmp_path)
    settings["cohorts"][0]["bias_corrected"] = True
    subjects = glioma.find(GliomaSettings(**settings)).set_index("subject")
    assert subjects.loc["UCSF-PDGM-0004", "t2"].endswith("UCSF-PDGM-0004_T2_bias.nii.gz")


def test_uncompressed_and_linked_files_count_and_hidden_ones_do_not(tmp_path, subjects):
    """Folders moved elsewhere and linked, all images renamed to .nii, with what macOS leaves beside them."""
    for path in list(tmp_path.rglob("*.nii.gz")):
        path.with_name(f"._{path.name}").touch()
        path.rename(path.with_suffix(""))
    store = tmp_path / "store"
    store.mkdir()
    patients = [*tmp_path.rglob("*_nifti"), *tmp_path.glob("EGD/SUBJECTS/*"), *tmp_path.glob("TCGA/*/TCGA-*")]
    for patient in patients:
        patient.rename(store / patient.name)
        patient.symlink_to(store / patient.name, target_is_directory=True)
    (tmp_path / "TCGA" / "loop").symlink_to(tmp_path / "TCGA", target_is_directory=True)
    linked = glioma.find(_settings_of(tmp_path)).set_index("subject")
    assert linked["excluded"].to_dict() == subjects["excluded"].to_dict()
    assert linked.loc["TCGA-02-0003", "t1"].endswith("TCGA-02-0003/TCGA-02-0003_1996.06.08_t1.nii")
    before = fingerprint(_settings_of(tmp_path))
    (store / "EGD-0001" / "T1" / "NIFTI" / "T1.nii").write_bytes(b"more")
    assert fingerprint(_settings_of(tmp_path)) != before


@pytest.mark.parametrize(("number", "pattern"), [(0, "UCSF-PDGM-0004_T1"), (1, "EGD-0001/T1"), (2, "1996.06.08_t1")])
def test_a_cohort_without_any_images_is_refused(tmp_path, number, pattern):
    settings = glioma_trees.settings(tmp_path)
    settings["cohorts"][number]["path"] = str(tmp_path / "empty")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=f"(?s)no images below .*empty.*set `path`.*{pattern}"):
        glioma.find(GliomaSettings(**settings))


def test_the_first_complete_session_of_a_patient_is_kept(tmp_path):
    folder, _ = glioma_trees.tcga(tmp_path)
    glioma_trees.tcga_patient(folder, "TCGA-CS-4938", date="1998.01.01", without=["t2"])
    glioma_trees.tcga_patient(folder, "TCGA-CS-4944", date="2003.01.01", without=["t1"])
    cohort = {"adapter": "tcga", "path": str(folder), "table": str(tmp_path / "tcga_subtypes.csv")}
    subjects = glioma.find(GliomaSettings(adapter="glioma", cohorts=[cohort])).set_index("subject")
    assert subjects.loc["TCGA-CS-4938", ["session", "excluded"]].tolist() == ["1999.10.22", ""]
    assert subjects.loc["TCGA-CS-4938_1998.01.01", "excluded"] == "second session; missing sequence: t2"
    assert subjects.loc["TCGA-CS-4944", ["session", "excluded"]].tolist() == ["2001.02.08", ""]


def test_copies_of_a_patients_folder_are_left_out_with_the_reason(tmp_path):
    settings = GliomaSettings(**glioma_trees.settings(tmp_path))
    glioma_trees.ucsf_patient(tmp_path / "UCSF-PDGM" / "copy", "UCSF-PDGM-0004")
    glioma_trees.egd_patient(tmp_path / "EGD", "EGD-001")
    excluded = glioma.find(settings).set_index("subject")["excluded"]
    assert excluded["UCSF-PDGM-0004"].startswith("several folders: ")
    assert excluded["EGD-0001"].startswith("several folders: ") and excluded["EGD-0001"].endswith("/EGD-001")


def test_a_mask_is_not_needed_when_it_is_segmented_here(tmp_path):
    settings = glioma_trees.settings(tmp_path) | {"preprocessing": {"mask": {"method": "brats"}}}
    subjects = glioma.find(GliomaSettings(**settings)).set_index("subject")
    assert subjects.loc["EGD-0004", "excluded"] == ""


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
        (
            {"split": {"method": "cohorts", "test_cohorts": ["TCGAA"]}},
            'there is no cohort "TCGAA". Did you mean "TCGA"',
        ),
        ({"split": {"method": "cohorts", "test_cohorts": ["UCSF", "EGD", "TCGA"]}}, "none is left for training"),
        (
            {"preprocessing": {"registration": {"reference_sequence": "t1ce"}}},
            "registration.reference_sequence: t1ce is not among the sequences t1, t1c, t2, flair",
        ),
        ({"preprocessing": {"mask": {"drawn_on": "t1ce"}}}, "mask.drawn_on: t1ce is neither"),
        ({"sequences": ["t1", "t1"]}, "sequences: one of them is listed twice"),
        ({"sequencs": ["t1"]}, 'Did you mean "sequences"'),
        ({"preprocessing": {"brain_extraction": {"method": "hdbet"}}}, 'Did you mean "hd_bet"'),
    ],
)
def test_wrong_settings_are_refused_in_words(tmp_path, change, message):
    with pytest.raises(UserError, match=message):
        validate(GliomaSettings, glioma_trees.settings(tmp_path) | change, "test")


def test_the_former_key_of_a_step_ends_in_a_sentence_with_the_new_one(tmp_path):
    former = {"strip": {"method": "deepbet"}, "scale": {"upper": 99.9}, "registration": {"centre": "t1c"}}
    with pytest.raises(UserError) as error:
        validate(GliomaSettings, glioma_trees.settings(tmp_path) | {"preprocessing": former}, "test")
    assert sorted(str(error.value).splitlines()) == [
        "test: preprocessing.registration.centre: this key is now called reference_sequence",
        "test: preprocessing.scale: this key is now called normalisation",
        "test: preprocessing.strip: this key is now called brain_extraction",
    ]


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
    subjects = glioma.find(GliomaSettings(adapter="glioma", cohorts=[cohort]))
    counts = subjects[subjects["excluded"] == ""]["class"].value_counts()
    assert [counts[name] for name in CLASSES] == [392, 84, 15]
    assert (subjects["excluded"] == "follow-up scan").sum() == 6
    assert len(subjects) == 501


def test_numbers_that_a_spreadsheet_made_decimal(tmp_path):
    table = tmp_path / "labels.csv"
    table.write_text("Subject,IDH,1p19q\nEGD-0001,1.0,0\nEGD-0002,-1,\n")
    assert egd.markers(table).to_numpy().tolist() == [["mutant", "intact"], ["unknown", "unknown"]]


def test_other_numbers_of_digits_name_the_same_patient_of_the_egd(tmp_path):
    folder, table = glioma_trees.egd(tmp_path)
    table.write_text(table.read_text().replace("EGD-0", "EGD-"))
    cohort = {"adapter": "egd", "path": str(folder), "table": str(table)}
    subjects = glioma.find(GliomaSettings(adapter="glioma", cohorts=[cohort]))
    assert subjects["subject"].tolist() == [f"EGD-000{number}" for number in range(1, 6)]
    assert (subjects["excluded"] == "").sum() == 3


TABLES = {
    ucsf_pdgm: ("ID,IDH,1p/19q", "UCSF-PDGM-004", "wildtype", "co-deletion"),
    egd: ("Subject,IDH,1p19q", "EGD-0001", "0", "1"),
    tcga: ("patient,idh_status,codeletion_1p19q", "TCGA-02-0003", "WT", "codel"),
}


@pytest.fixture(params=TABLES, ids=lambda adapter: adapter.__name__.rpartition(".")[2])
def read(request, tmp_path):
    """Write rows into a cohort's table and read it; `{id}`, `{idh}` and `{codel}` stand for its first patient."""

    def markers(*rows):
        header, name, idh, codeletion = TABLES[request.param]
        table = tmp_path / "table.csv"
        table.write_text("\n".join([header, *rows]).format(id=name, idh=idh, codel=codeletion) + "\n")
        return request.param.markers(table)

    return markers


def test_blank_rows_and_repeated_rows_count_once(read):
    markers = read("{id},{idh},{codel}", ",,", " ,{idh},", "{id}, {idh} ,{codel}")
    assert markers.to_numpy().tolist() == [["wildtype", "codeleted"]]


def test_rows_that_contradict_each_other_are_refused(read):
    with pytest.raises(UserError, match=r"table.csv: (UCSF-PDGM-0004|EGD-0001|TCGA-02-0003) is in several rows"):
        read("{id},{idh},{codel}", "{id},{idh},unknown")


def test_two_spellings_of_one_number_are_one_patient(tmp_path):
    table = tmp_path / "table.csv"
    table.write_text("ID,IDH,1p/19q\nUCSF-PDGM-004,wildtype,intact\nUCSF-PDGM-0004,wildtype,intact\n")
    assert ucsf_pdgm.markers(table).index.tolist() == ["UCSF-PDGM-0004"]
    table.write_text(
        table.read_text() + "UCSF-PDGM-0004_FU003d,IDH1 p.R132H,intact\nUCSF-PDGM-4,mutated (NOS),intact\n"
    )
    with pytest.raises(UserError, match="UCSF-PDGM-0004 is in several rows"):
        ucsf_pdgm.markers(table)


@pytest.mark.parametrize("cell", ["", "NA", "nan", "Unknown", "-1", "Indeterminate", " n/a "])
def test_markers_that_were_not_determined_are_unknown(read, cell):
    assert read("{id}," + cell + "," + cell).to_numpy().tolist() == [["unknown", "unknown"]]


@pytest.mark.parametrize(("row", "cell"), [("{id},wild typ,{codel}", "wild typ"), ("{id},{idh},deletd", "deletd")])
def test_a_spelling_that_no_table_uses_is_refused(read, row, cell):
    with pytest.raises(UserError, match=rf'table.csv: "{cell}" in the column (IDH|idh_status|1p/?19q|codel.*) \('):
        read(row)


def test_small_and_capital_letters_are_the_same(tmp_path):
    table = tmp_path / "table.csv"
    table.write_text("patient,idh_status,codeletion_1p19q\nTCGA-02-0003,wt,NON-CODEL\nTCGA-02-0004,MUTANT,Codel\n")
    assert tcga.markers(table).to_numpy().tolist() == [["wildtype", "intact"], ["mutant", "codeleted"]]
    table.write_text("ID,IDH,1p/19q\nUCSF-PDGM-001,Wildtype,Intact\nUCSF-PDGM-002,idh2 P.R172K,Co-Deletion\n")
    assert ucsf_pdgm.markers(table).to_numpy().tolist() == [["wildtype", "intact"], ["mutant", "codeleted"]]


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbfSubject;IDH;1p19q\r\nEGD-0001;1.0; 0\r\nEGD-0002;-1\r\n",
        b"sep=;\nSubject;IDH;1p19q\nEGD-0001;1.0;0\nEGD-0002;-1;;;\n",
        b"Subject\tIDH\t1p19q\nEGD-0001\t1.0\t0\nEGD-0002\t-1\t\n",
    ],
)
def test_a_clinical_table_is_read_however_a_spreadsheet_saved_it(tmp_path, data):
    table = tmp_path / "labels.csv"
    table.write_bytes(data)
    assert egd.markers(table).to_numpy().tolist() == [["mutant", "intact"], ["unknown", "unknown"]]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"Subject,IDH,1p19q\nEGD-0001,1,0\nEGD-0002,gr\xf6\xdfer,0\n", "line 3: byte 0xf6 is not UTF-8"),
        (b"Subject,IDH,IDH,1p19q\nEGD-0001,1,0,0\n", 'the column "IDH" occurs twice'),
        (None, "this is a folder, but a file is needed"),
    ],
)
def test_a_clinical_table_that_cannot_be_read_is_one_sentence(tmp_path, data, message):
    table = tmp_path / "labels.csv"
    table.mkdir() if data is None else table.write_bytes(data)
    with pytest.raises(UserError, match=message):
        egd.markers(table)
    settings = {"adapter": "glioma", "cohorts": [{"adapter": "egd", "path": str(tmp_path), "table": str(table)}]}
    if data is None:
        with pytest.raises(UserError, match="there is no file"):
            fingerprint(validate(GliomaSettings, settings, "test"))
