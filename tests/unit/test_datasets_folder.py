"""Anyone's own images: what a table may say, what it may not, and every kind of bad input."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from imbalance_aware.__main__ import main
from imbalance_aware.cohort.list_subjects import find
from imbalance_aware.errors import UserError
from imbalance_aware.schema import validate
from imbalance_aware.sources.folder import Settings as FolderSettings
from imbalance_aware.sources.folder import subject_names
from imbalance_aware.sources.lookup import fingerprint


def pixels(seed: int, shape=(12, 10, 3), dtype=np.uint8) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype=dtype)


def save(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Eight images each of mild and severe, listed in table.csv."""
    rows = ["path,class"]
    for number in range(16):
        save(tmp_path / "scans" / f"{number}.png", pixels(number))
        rows.append(f"scans/{number}.png,{'mild' if number < 8 else 'severe'}")
    (tmp_path / "table.csv").write_text("\n".join(rows) + "\n")
    return tmp_path


def edit(folder: Path, change) -> None:
    """Rewrite the table after ``change`` of its data frame."""
    table = pd.read_csv(folder / "table.csv", dtype=str, keep_default_na=False)
    (change(table) if callable(change) else table).to_csv(folder / "table.csv", index=False)


def settings_of(folder: Path, **options) -> FolderSettings:
    content = {"adapter": "folder", "table": str(folder / "table.csv"), **options}
    return validate(FolderSettings, content, "test")


def subjects_of(folder: Path, **options) -> pd.DataFrame:
    subjects, _ = find(settings_of(folder, **options).model_dump_json())
    return subjects.set_index("subject")


def cohort(folder: Path, **options) -> int:
    """Run the step as a user does."""
    settings = settings_of(folder, **options)
    tables = [
        argument for name in ("out", "duplicates", "flow") for argument in (f"--{name}", str(folder / f"{name}.csv"))
    ]
    return main(["cohort", "--settings", settings.model_dump_json(), *tables])


def test_path_and_class_are_enough(folder):
    assert cohort(folder) == 0
    table = pd.read_csv(folder / "out.csv", dtype=str, keep_default_na=False)
    assert table.columns[:6].tolist() == ["subject", "group", "cohort", "class", "split", "excluded"]
    assert (table["excluded"] == "").all()
    assert table.groupby(["class", "split"]).size().to_dict() == {
        ("mild", "test"): 2,
        ("mild", "train"): 6,
        ("severe", "test"): 2,
        ("severe", "train"): 6,
    }
    assert table["subject"][0] == "scans-0"
    assert set(table["cohort"]) == {"table"}
    assert pd.read_csv(folder / "duplicates.csv").empty


def test_the_same_input_gives_the_same_bytes(folder):
    assert cohort(folder) == 0
    first = (folder / "out.csv").read_bytes()
    assert cohort(folder) == 0
    assert (folder / "out.csv").read_bytes() == first


def test_columns_may_have_other_names_and_root_another_place(folder):
    (folder / "table.csv").rename(folder / "scans" / "table.csv")
    table = folder / "scans" / "table.csv"
    table.write_text(table.read_text().replace("path,class", "file,stage"))
    subjects = subjects_of(folder / "scans", root=str(folder), columns={"path": "file", "class": "stage"})
    assert (subjects["excluded"] == "").all()


def test_a_split_in_the_table_is_used(folder):
    edit(folder, lambda table: table.assign(split=["test", "train"] * 8))
    subjects = subjects_of(folder)
    assert subjects["split"].tolist() == ["test", "train"] * 8
    assert (subjects_of(folder, split="random")["split"] == "").all()


def test_rows_without_a_side_of_the_split_are_out(folder):
    edit(folder, lambda table: table.assign(split=["val", "", *["Test", "train"] * 7]))
    subjects = subjects_of(folder)
    assert subjects.at["scans-0", "excluded"] == 'no split: "val" is neither train, validation nor test'
    assert subjects.at["scans-1", "excluded"] == 'no split: "" is neither train, validation nor test'
    assert subjects.at["scans-2", "split"] == "test"


def test_a_grouped_split_keeps_patients_together(folder):
    edit(folder, lambda table: table.assign(group=[f"p{number // 2}" for number in range(16)]))
    assert cohort(folder) == 0
    table = pd.read_csv(folder / "out.csv")
    assert (table.groupby("group")["split"].nunique() == 1).all()
    assert (table["split"] == "test").sum() == 4


@pytest.mark.parametrize(("column", "sides"), [("split", ["test", "train"]), ("fold", ["2", "10"])])
def test_a_table_that_splits_a_patient_is_warned_of_or_refused(folder, capsys, caplog, column, sides):
    """Patients are on both sides of a table's split, and of a table's folds."""
    edit(folder, lambda table: table.assign(group="p" + (table.index // 2).astype(str), **{column: sides * 8}))
    told = '8 groups (patients) are in several parts of the given split, such as "p0" with scans-0'
    assert cohort(folder) == 0
    (line,) = [line for line in caplog.messages if "leakage" in line]
    assert told in line and line.endswith("duplicates.csv names them") and "\n" not in line
    twins = pd.read_csv(folder / "duplicates.csv", dtype=str, keep_default_na=False)
    assert set(twins["kind"]) == {"group on several sides"} and len(twins) == 16 and twins["set"].nunique() == 8
    assert set(twins["across_split"]) == {"True"} and not twins["image"].any()
    assert set(twins["split"]) == (set(sides) if column == "split" else {"fold 0", "fold 1"})
    assert cohort(folder, leakage="refuse") == 2
    error = capsys.readouterr().err
    assert "`leakage: refuse`: " + told in error and "duplicates_refused.csv" in error


def test_the_same_pixels_of_two_patients_are_warned_of_or_refused(folder, capsys, caplog):
    Image.open(folder / "scans" / "2.png").save(folder / "scans" / "0.png")
    assert cohort(folder, leakage="refuse") == 0, "without patients, equal images are duplicates and no more"
    assert not [line for line in caplog.messages if "leakage" in line]
    edit(folder, lambda table: table.assign(group=["a", "b", "c", *["d"] * 5, *(f"p{n}" for n in range(8))]))
    told = '1 groups of equal images belong to several groups (patients), such as scans-0 ("a") and scans-2 ("c")'
    assert cohort(folder) == 0
    assert len([line for line in caplog.messages if told in line]) == 1
    twins = pd.read_csv(folder / "duplicates.csv")
    assert twins["subject"].tolist() == ["scans-0", "scans-2"] and twins["across_groups"].all()
    assert not twins["across_split"].any(), "they are kept together by the random split"
    assert cohort(folder, leakage="refuse") == 2
    assert told in capsys.readouterr().err


def test_cohorts_are_named_by_the_table(folder):
    edit(folder, lambda table: table.assign(cohort=["London", "", *["Paris"] * 14]))
    assert subjects_of(folder)["cohort"].tolist() == ["London", "unknown", *["Paris"] * 14]


@pytest.mark.parametrize("empty", ["", "nan", "NaN", " "])
def test_nan_in_the_class_column_is_a_reason_not_a_class(folder, empty):
    edit(folder, lambda table: table.assign(**{"class": [empty, *table["class"][1:]]}))
    assert subjects_of(folder).at["scans-0", "excluded"] == "no class: empty in line 2 of the table"
    assert cohort(folder) == 0
    assert set(pd.read_csv(folder / "out.csv")["class"].dropna()) == {"mild", "severe"}


@pytest.mark.parametrize("word", ["NA", "N/A", "null", "None"])
def test_a_class_called_na_is_refused_unless_the_settings_name_it(folder, capsys, word):
    edit(folder, lambda table: table.assign(**{"class": table["class"].replace("mild", word)}))
    assert cohort(folder) == 2
    assert f'table.csv, line 2: the class is "{word}", which may be an empty cell or a class' in capsys.readouterr().err
    subjects = subjects_of(folder, classes=[word, "severe"])
    assert subjects.at["scans-0", "class"] == word and not subjects["excluded"].any()


@pytest.mark.parametrize("empty", ["NA", "N/A", "nan", "null", "None"])
def test_empty_cells_may_be_written_as_words(folder, empty):
    table = pd.read_csv(folder / "table.csv").assign(group="p", cohort="x", split="train")
    for row, column in enumerate(("path", "group", "cohort", "split")):
        table.loc[row, column] = empty
    edit(folder, lambda _: table)
    subjects = subjects_of(folder).reset_index()
    assert subjects["excluded"][0] == "no path: empty in line 2 of the table"
    assert subjects["excluded"][1] == "no group: empty in line 3 of the table"
    assert subjects["cohort"][2] == "unknown"
    assert subjects["excluded"][3] == 'no split: "" is neither train, validation nor test'


def test_a_row_without_path_or_patient_is_out(folder):
    edit(folder, lambda table: table.assign(path=["", *table["path"][1:]], group=["p0", "", *["p"] * 14]))
    subjects = subjects_of(folder).reset_index()
    assert subjects["excluded"][0] == "no path: empty in line 2 of the table"
    assert subjects["excluded"][1] == "no group: empty in line 3 of the table"


def test_classes_that_are_not_listed_are_out(folder):
    edit(folder, lambda table: table.assign(**{"class": ["other", *table["class"][1:]]}))
    subjects = subjects_of(folder, classes=["severe", "mild"])
    assert subjects.at["scans-0", "excluded"] == 'other class: "other" is not among `classes`'


def test_a_file_listed_twice_counts_once_and_under_two_classes_not_at_all(folder):
    edit(folder, lambda table: pd.concat([table, table.iloc[[0, 1]].assign(**{"class": ["mild", "severe"]})]))
    subjects = subjects_of(folder)
    assert subjects.at["scans-0", "excluded"] == ""
    assert subjects.at["scans-0-2", "excluded"] == "listed twice: lines 2, 18 of the table"
    for subject in ("scans-1", "scans-1-2"):
        assert subjects.at[subject, "excluded"] == "listed under several classes: lines 3, 19 of the table"


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda path: path.unlink(), "missing: no such file"),
        (lambda path: path.write_bytes(path.read_bytes()[:200]), "unreadable: "),
        (lambda path: path.write_text("hello"), "unreadable: not an image file"),
        (lambda path: save(path, pixels(1, (12, 10))), "greyscale image: in a colour dataset, `channels: grey`"),
        (lambda path: save(path, pixels(1, (12, 10), np.uint16)), "greyscale image"),
        (lambda path: save(path, pixels(1, (12, 10, 4))), "transparency: flatten"),
        (lambda path: save(path, np.zeros((12, 10, 3), np.uint8)), "blank: all pixels are equal"),
        (lambda path: save(path, np.full((12, 10, 3), (200, 90, 30), np.uint8)), "blank: all pixels are equal"),
    ],
    ids=["missing", "truncated", "text", "greyscale", "16-bit", "transparent", "blank", "one colour"],
)
def test_a_bad_image_is_a_reason_and_the_others_go_on(folder, damage, reason):
    damage(folder / "scans" / "3.png")
    assert cohort(folder) == 0
    table = pd.read_csv(folder / "out.csv", dtype=str, keep_default_na=False).set_index("subject")
    assert reason in table.at["scans-3", "excluded"]
    assert table.at["scans-3", "split"] == ""
    assert (table["excluded"] != "").sum() == 1


def test_opaque_alpha_is_admitted_and_is_a_twin_of_the_same_colours(folder):
    image = np.asarray(Image.open(folder / "scans" / "4.png"))
    save(folder / "scans" / "3.png", np.dstack([image, np.full(image.shape[:2], 255, np.uint8)]))
    assert cohort(folder) == 0
    assert pd.read_csv(folder / "duplicates.csv")["subject"].tolist() == ["scans-3", "scans-4"]


def test_a_wholly_grey_folder_is_told_of_the_setting(folder, capsys):
    for number in range(16):
        save(folder / "scans" / f"{number}.png", pixels(number, (12, 10)))
    assert cohort(folder) == 2
    message = capsys.readouterr().err
    assert 'class "mild" has no sample in the train set: 8 found, 0 usable' in message
    assert "8 × greyscale image: in a colour dataset, `channels: grey` would admit greyscale images" in message
    assert not (folder / "out.csv").exists()
    assert cohort(folder, channels="grey") == 0


def test_a_16_bit_folder_needs_the_value_that_becomes_one(folder, capsys):
    for number in range(16):
        save(folder / "scans" / f"{number}.png", pixels(number, (12, 10), np.uint16) // 16)
    assert cohort(folder, channels="grey") == 2
    assert "`max_value` (such as 4095 or 65535) would admit it" in capsys.readouterr().err
    assert cohort(folder, channels="grey", max_value=4095) == 0


def one_rare(table):
    return table.assign(**{"class": ["rare", *["mild"] * 7, *["severe"] * 8]})


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (lambda table: table.assign(**{"class": "mild"}), {}, "at least two classes; found: mild"),
        (one_rare, {}, 'class "rare" has 1 usable sample'),
        (lambda table: table, {"classes": ["mild", "severe", "none"]}, 'class "none" has no sample in the train set'),
        (
            lambda table: table.assign(split=["train"] * 8 + ["test", "train"] * 4),
            {},
            'class "mild" has no sample in the test set',
        ),
        (lambda table: table.iloc[:0], {}, "the table has no rows"),
        (lambda table: table.drop(columns="class"), {}, 'there is no column "class"'),
        (lambda table: table.rename(columns={"class": "clas"}), {}, 'Did you mean "clas"?'),
        (lambda table: table, {"split": "table"}, "`split: table` needs a column"),
        (lambda table: table, {"columns": {"group": "patient"}}, 'there is no column "patient"'),
    ],
)
def test_what_cannot_be_trained_on_is_one_clear_message(folder, capsys, change, options, message):
    edit(folder, change)
    assert cohort(folder, **options) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_tables_that_cannot_be_read_are_clear_errors(folder, capsys):
    table = folder / "table.csv"
    table.write_text("path,class\nscans/1.png,mild,extra\n")
    assert cohort(folder) == 2
    assert "line 2: 3 cells under 2 columns" in capsys.readouterr().err
    table.write_bytes(b"PK\x03\x04\xff\xfe\x00\x00")
    assert cohort(folder) == 2
    assert "line 1: byte 0xff is not UTF-8" in capsys.readouterr().err
    table.unlink()
    assert cohort(folder) == 2
    assert f"looked in {folder}" in capsys.readouterr().err


def test_unknown_keys_and_columns_are_refused_with_the_nearest(folder):
    with pytest.raises(UserError, match=r'unknown key "chanels".*Did you mean "channels"'):
        settings_of(folder, chanels="grey")
    with pytest.raises(UserError, match="patient"):
        settings_of(folder, columns={"patient": "id"})
    with pytest.raises(UserError, match="quotation marks"):
        settings_of(folder, classes=[False, "early"])
    with pytest.raises(UserError, match="twice"):
        settings_of(folder, classes=["a", "a"])
    assert settings_of(folder, classes=[0, 1, 2]).classes == ("0", "1", "2")


def test_fingerprint_follows_the_table_and_the_images(folder):
    first = fingerprint(settings_of(folder))
    (folder / "scans" / "1.png").unlink()
    without = fingerprint(settings_of(folder))
    edit(folder, lambda table: table.assign(**{"class": table["class"][::-1].tolist()}))
    assert len({first, without, fingerprint(settings_of(folder))}) == 3
    (folder / "table.csv").unlink()
    with pytest.raises(UserError, match="no such file"):
        fingerprint(settings_of(folder))


def test_subject_names_are_safe_for_files_and_unique():
    names = subject_names(["a/b c.png", "a-b_c.png", "../x.tar.png", "A/B_C.png", "", "", "眼.jpg", "d" * 300 + ".png"])
    assert names[:4] == ["a-b_c", "a-b_c-2", "x.tar", "A-B_C-3"]
    assert len({name.lower() for name in names}) == len(names)
    assert all(name and "/" not in name and len(name) <= 160 for name in names)


@pytest.mark.parametrize("grouped", [False, True])
def test_identical_photographs_are_on_one_side_of_a_random_split(folder, grouped):
    """Six pairs of one class; with patients, the two photographs of a pair belong to different ones."""
    pairs = [(0, 2), (4, 6), (8, 10), (1, 3), (5, 7), (9, 11)]
    for one, other in pairs:
        Image.open(folder / "scans" / f"{one}.png").save(folder / "scans" / f"{other}.png", compress_level=1)
    if grouped:
        table = pd.read_csv(folder / "table.csv")
        table.assign(group=[f"p{number // 2}" for number in range(len(table))]).to_csv(
            folder / "table.csv", index=False
        )
    for seed in range(5):
        assert cohort(folder, split={"method": "random", "seed": seed}) == 0
        twins = pd.read_csv(folder / "duplicates.csv")
        assert twins["set"].nunique() == len(pairs) and not twins["across_split"].any()
        subjects = pd.read_csv(folder / "out.csv", dtype=str).set_index("subject")
        for one, other in pairs:
            assert subjects.at[f"scans-{one}", "split"] == subjects.at[f"scans-{other}", "split"]
        if grouped:
            assert (subjects.groupby("group")["split"].nunique() == 1).all()


def test_identical_photographs_on_both_sides_of_a_given_split_are_named_and_warned_of(folder, caplog):
    Image.open(folder / "scans" / "2.png").save(folder / "scans" / "0.png")
    table = pd.read_csv(folder / "table.csv")
    table.assign(split=["test" if number in (0, 8) else "train" for number in range(len(table))]).to_csv(
        folder / "table.csv", index=False
    )
    assert cohort(folder) == 0
    twins = pd.read_csv(folder / "duplicates.csv")
    assert twins["subject"].tolist() == ["scans-0", "scans-2"] and twins["across_split"].all()
    warned = [line for line in caplog.messages if "several parts" in line]
    assert len(warned) == 1 and "scans-0 (test) and scans-2 (train)" in warned[0]
