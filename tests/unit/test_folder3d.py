import pytest
from pydantic import ValidationError

from imbalance_aware.cohort.subject_split import assign_split
from imbalance_aware.errors import UserError
from imbalance_aware.sources import folder3d
from imbalance_aware.sources.folder3d import Settings as Folder3DSettings
from imbalance_aware.sources.lookup import fingerprint

HEADER = ["subject", "class", "t1", "t2", "mask"]


@pytest.fixture
def make(tmp_path):
    """Write a table and empty files for all that it names (but what is called absent), and list it."""

    def find(rows, header=HEADER, **settings):
        table = tmp_path / "table.csv"
        table.write_text("\n".join(",".join(row) for row in [header, *rows]) + "\n")
        for row in rows:
            for name in row:
                if name.endswith(".nii") and "absent" not in name:
                    (tmp_path / name).touch()
        return folder3d.find(_settings(table, **settings))

    return find


def _settings(table, **settings):
    chosen = {"adapter": "folder3d", "table": table, "sequences": ["t1", "t2"]} | settings
    return Folder3DSettings(**chosen)


ROWS = [["p1", "low", "1a.nii", "1b.nii", "1m.nii"], ["p2", "high", "2a.nii", "2b.nii", "2m.nii"]]


def test_a_table_of_volumes_is_listed(make, tmp_path):
    subjects = make(ROWS)
    assert subjects["subject"].tolist() == ["p1", "p2"]
    assert subjects["class"].tolist() == ["low", "high"]
    assert not subjects["excluded"].any() and not subjects["split"].any()
    assert subjects["start"].tolist() == ["raw", "raw"]
    assert subjects["group"].tolist() == ["p1", "p2"]
    assert subjects["t2"].tolist() == [(tmp_path / f"{number}b.nii").as_posix() for number in (1, 2)]


def test_optional_columns_are_taken_over(make):
    header = [*HEADER, "cohort", "group", "split", "start"]
    rows = [[*ROWS[0], "a", "x", "Train", "stripped"], [*ROWS[1], "", "y", "test", ""]]
    subjects = make(rows, header, start="registered")
    assert subjects["cohort"].tolist() == ["a", "table"]
    assert subjects["group"].tolist() == ["x", "y"]
    assert subjects["split"].tolist() == ["train", "test"]
    assert subjects["start"].tolist() == ["stripped", "registered"]


def test_what_cannot_be_used_is_left_out_with_the_reason(make):
    rows = [
        *ROWS,
        ["p3", "", "3a.nii", "3b.nii", "3m.nii"],
        ["p4", "low", "4a.nii", "absent.nii", "4m.nii"],
        ["p5", "low", "5a.nii", "", "5m.nii"],
        ["p6", "high", "6a.nii", "6b.nii", ""],
        ["p7", "other", "7a.nii", "7b.nii", "7m.nii"],
    ]
    subjects = make(rows, classes=["low", "high"])
    assert subjects["excluded"].tolist() == [
        "",
        "",
        "no class",
        "no such file: t2",
        "missing sequence: t2",
        "missing mask",
        'other class: "other" is not among `classes`',
    ]


@pytest.mark.parametrize("name", ["scan{x}.nii", "{subject}.nii", "a}b.nii", "{x}/scan.nii"])
def test_a_path_that_snakemake_would_read_as_a_wildcard_costs_its_subject_alone(make, tmp_path, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    subjects = make([ROWS[0], ["p2", "high", "2a.nii", name, "2m.nii"], ["p3", "high", "3a.nii", "3b.nii", name]])
    reason = "braces in a path: {} (to Snakemake {{x}} is a wildcard, rename it)"
    assert subjects["excluded"].tolist() == ["", reason.format("t2"), reason.format("mask")]


def test_an_atlas_that_snakemake_would_read_as_a_wildcard_is_refused(tmp_path):
    with pytest.raises(ValidationError, match=r"to Snakemake \{x\} is a wildcard"):
        _settings(tmp_path / "table.csv", preprocessing={"atlas": "data/{x}.whl"})


@pytest.mark.parametrize(
    ("sequences", "chosen", "reference"),
    [
        (["t2", "t1"], {}, "t1"),
        (["t2", "flair"], {}, "t2"),
        (["t2", "t1"], {"reference_sequence": "t2"}, "t2"),
        (["b0"], {}, "b0"),
    ],
)
def test_any_list_of_sequences_has_a_reference(tmp_path, sequences, chosen, reference):
    settings = _settings(tmp_path / "table.csv", sequences=sequences, preprocessing={"registration": chosen})
    assert settings.reference_sequence == settings.for_register()["reference_sequence"] == reference
    assert settings.for_cohort()["preprocessing"]["registration"] == {"reference_sequence": reference}
    with pytest.raises(ValidationError, match=f"dwi is not among the sequences {', '.join(sequences)}"):
        _settings(
            tmp_path / "table.csv", sequences=sequences, preprocessing={"registration": {"reference_sequence": "dwi"}}
        )


@pytest.mark.parametrize("empty", ["NA", "N/A", "nan", "null", "None", " "])
def test_empty_cells_may_be_written_as_words(make, empty):
    header = [*HEADER, "cohort", "group", "start"]
    subjects = make([[*ROWS[0], empty, empty, empty], ["p2", "high", "2a.nii", empty, empty, "a", "g", "raw"]], header)
    assert subjects[["cohort", "group", "start"]].iloc[0].tolist() == ["table", "p1", "raw"]
    assert subjects["excluded"].tolist() == ["", "missing sequence: t2; missing mask"]


def test_a_class_may_be_called_na_if_the_settings_say_so(make):
    rows = [["p1", "NA", *ROWS[0][2:]], ROWS[1]]
    subjects = make(rows, classes=["NA", "high"])
    assert subjects["class"].tolist() == ["NA", "high"] and not subjects["excluded"].any()
    assert make(rows, classes=["low", "high"])["excluded"][0] == 'other class: "NA" is not among `classes`'


@pytest.mark.parametrize("name", ["mask", "start", "group", "split", "cohort", "class", "subject"])
def test_a_sequence_cannot_be_called_as_another_column(tmp_path, name):
    with pytest.raises(ValidationError, match=f"{name} names another column"):
        _settings(tmp_path / "table.csv", sequences=["t1", name])


def test_masks_are_not_asked_for_when_they_are_segmented_here(make):
    settings = {"sequences": ["t1", "t1c", "t2", "flair"], "preprocessing": {"mask": {"method": "brats"}}}
    row = ["p1", "low", *(f"{number}.nii" for number in range(4))]
    assert not make([row], ["subject", "class", "t1", "t1c", "t2", "flair"], **settings)["excluded"].any()


def test_test_cohorts_are_the_test_set(make, tmp_path):
    rows = [[*ROWS[0], "a"], [*ROWS[1], "b"]]
    subjects = make(rows, [*HEADER, "cohort"])
    unknown, known = (
        _settings(tmp_path / "table.csv", split={"method": "cohorts", "test_cohorts": [name]}) for name in "cb"
    )
    with pytest.raises(UserError, match="names c, which no row has; the cohorts are a, b"):
        assign_split(subjects, unknown)
    assign_split(subjects, known)
    assert subjects["split"].tolist() == ["train", "test"]


@pytest.mark.parametrize(
    ("rows", "header", "settings", "message"),
    [
        (ROWS, ["subject", "klass", "t1", "t2", "mask"], {}, 'no column "class". Did you mean "klass"?'),
        (ROWS, ["subject", "class", "t1", "t2w", "mask"], {}, 'no column "t2". Did you mean "t2w"?'),
        ([row[:4] for row in ROWS], HEADER[:4], {}, 'no column "mask"'),
        ([ROWS[0], ROWS[0]], HEADER, {}, 'subject "p1" is listed 2 times'),
        ([[*row, "x.nii"] for row in ROWS], [*HEADER, "t2"], {}, 'the column "t2" occurs twice'),
        ([["p1", "NA", *ROWS[0][2:]]], HEADER, {}, 'line 2: the class is "NA", which may be an empty cell or a class'),
        ([["p/1", *ROWS[0][1:]]], HEADER, {}, "cannot name a file"),
        ([[*ROWS[0], "done"]], [*HEADER, "start"], {}, 'start is "done"; expected raw, registered, stripped'),
    ],
)
def test_a_table_that_cannot_be_meant_is_refused(make, rows, header, settings, message):
    with pytest.raises(UserError) as caught:
        make(rows, header, **settings)
    assert message in str(caught.value)


def test_an_absent_table_says_what_it_should_be(tmp_path):
    with pytest.raises(UserError, match="a row per subject and the columns subject, class and one per sequence"):
        folder3d.find(_settings(tmp_path / "none.csv"))


def test_a_changed_file_changes_the_fingerprint(make, tmp_path):
    make(ROWS)
    settings = _settings(tmp_path / "table.csv")
    before = fingerprint(settings)
    (tmp_path / "2b.nii").write_bytes(b"more")
    assert fingerprint(settings) != before
