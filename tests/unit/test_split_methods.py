"""Each method of splitting, from a table of tiny images to the parts of its samples: cohort, resize, pack, folds."""

import json

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from imbalance_aware.__main__ import main
from imbalance_aware.cohort.split_settings import CrossValidation
from imbalance_aware.config_merge import with_one_method
from imbalance_aware.config_sources import Sources
from imbalance_aware.errors import UserError
from imbalance_aware.schema import validate
from imbalance_aware.sources import folder, folder3d, glioma, mri_phantoms, user_table
from imbalance_aware.table_files import read_records
from imbalance_aware.tables.folds import read_folds

#: Eight patients of each class with one, two or three images, of two hospitals.
IMAGES = [(name, f"{name}{patient}", "north" if patient % 2 else "south") for name in ("mild", "severe")
          for patient in range(8) for _ in range(1 + patient % 3)]  # fmt: skip


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Tiny photographs and their table."""
    place = tmp_path_factory.mktemp("photographs")
    for number in range(len(IMAGES)):
        pixels = np.random.default_rng(number).integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(place / f"{number}.png")
    return place


def table_of(source, **columns) -> pd.DataFrame:
    table = pd.DataFrame(IMAGES, columns=["class", "group", "cohort"])
    table = table.assign(path=[f"{number}.png" for number in table.index], sex=["f", "m"] * (len(table) // 2))
    return table.assign(**columns)


def settings_of(source, table, **options):
    path = source / "table.csv"
    table.to_csv(path, index=False)
    return validate(folder.Settings, {"adapter": "folder", "table": str(path), "image_size": [8, 8]} | options, "test")


def steps(settings, out, repeats=1) -> pd.DataFrame:
    """What the rules run; samples, with a column of parts for every fold of every repeat."""
    files = {name: str(out / f"{name}.csv") for name in ("cohort", "duplicates", "flow", "samples")}
    tables = ["--out", files["cohort"], "--duplicates", files["duplicates"], "--flow", files["flow"]]
    assert main(["cohort", "--settings", json.dumps(settings.for_cohort()), *tables]) == 0
    resize = ["--cohort", files["cohort"], "--settings", json.dumps(settings.for_resize())]
    assert main(["resize", *resize, "--out", str(out / "preprocessed")]) == 0
    subgroups = ["--subgroups", *settings.subgroups] if settings.subgroups else []
    pack = ["--cohort", files["cohort"], "--preprocessed", str(out / "preprocessed"), *subgroups]
    assert main(["pack", *pack, "--images", str(out / "images.npy"), "--samples", files["samples"]]) == 0
    samples = pd.read_csv(files["samples"], dtype=str, keep_default_na=False)
    for repeat in range(repeats) if settings.cross_validation() else ():
        for number, parts in enumerate(run_folds(settings, out, repeat)):
            samples[f"{repeat}-{number}"] = samples["subject"].map(parts)
    return samples


def run_folds(settings, out, repeat) -> list[dict[str, str]]:
    files = [part for name in ("samples", "duplicates", "cohort") for part in (f"--{name}", str(out / f"{name}.csv"))]
    place = out / "folds" / f"repeat-{repeat}.csv"
    options = ["--settings", json.dumps(settings.for_folds()), "--repeat", str(repeat), "--out", str(place)]
    assert main(["folds", *files, *options]) == 0
    return read_folds(place)


def require_whole_patients(samples, column) -> None:
    used = samples[samples[column] != ""]
    assert (used.groupby("group")[column].nunique() == 1).all(), "no patient is on two sides"


@pytest.mark.parametrize("validation", [0, 0.3])
def test_a_random_test_set(source, tmp_path, validation):
    split = {"method": "random", "test_fraction": 0.25, "seed": 3, "validation": validation}
    settings = settings_of(source, table_of(source), split=split, subgroups=["sex"])
    samples = steps(settings, tmp_path)
    assert settings.cross_validation() is None and settings.has_validation() == bool(validation)
    require_whole_patients(samples, "split")
    present = pd.crosstab(samples["split"], samples["class"])
    assert (present > 0).all(axis=None) and len(present) == 2 + bool(validation)
    assert list(samples)[-1] == "sex" and samples["sex"].tolist() == table_of(source)["sex"].tolist()
    stages = pd.read_csv(tmp_path / "flow.csv").groupby("stage")["subjects"].sum()
    assert stages["included"] == sum(stages[side] for side in present.index)


def test_the_split_of_a_table_with_its_own_validation_rows(source, tmp_path):
    patient = table_of(source)["group"].str[-1].astype(int)
    sides = patient.map(lambda number: "test" if number < 2 else "Validation" if number == 2 else "train")
    samples = steps(settings := settings_of(source, table_of(source, split=sides)), tmp_path)
    assert samples["split"].tolist() == sides.str.lower().tolist()
    assert settings.has_validation() and settings.cross_validation() is None
    with pytest.raises(UserError, match=r"its column split has validation rows; remove `validation: 0.2`"):
        settings_of(source, table_of(source, split=sides), split={"method": "table", "validation": 0.2}).chosen_split()


@pytest.mark.parametrize("column", ["fold", "split"])
def test_validation_is_drawn_inside_what_a_table_trains_on(source, tmp_path, column):
    patient = table_of(source)["group"].str[-1].astype(int)
    sides = patient.map(lambda number: "test" if number < 3 else "train") if column == "split" else patient % 3 + 7
    split = {"method": "table", "validation": 0.3, "seed": 1}
    samples = steps(settings_of(source, table_of(source, **{column: sides}), split=split), tmp_path)
    for name in ["split"] if column == "split" else ["0-0", "0-1", "0-2"]:
        require_whole_patients(samples, name)
        assert (pd.crosstab(samples[name], samples["class"]) > 0).all(axis=None) and samples[name].nunique() == 3


def test_the_folds_of_a_table(source, tmp_path):
    folds = table_of(source)["group"].str[-1].astype(int).map(lambda number: (10, 9, 100)[number % 3])
    samples = steps(settings := settings_of(source, table_of(source, fold=folds)), tmp_path)
    assert settings.cross_validation() == CrossValidation(folds=3) and not samples["split"].any()
    for number, name in enumerate((9, 10, 100)):
        assert (samples[f"0-{number}"] == "test").tolist() == (folds == name).tolist(), "folds are in order of numbers"


def test_cohorts_as_the_test_set(source, tmp_path):
    split = {"method": "cohorts", "test_cohorts": ["north"], "validation": 0.25}
    samples = steps(settings_of(source, table_of(source), split=split), tmp_path)
    assert samples.groupby("cohort")["split"].unique().map(set).to_dict() == {
        "north": {"test"},
        "south": {"train", "validation"},
    }


def test_folds_and_further_repeats(source, tmp_path):
    table = table_of(source)
    settings = settings_of(source, table, split={"method": "folds", "folds": 4, "seed": 2, "validation": 0.2})
    samples = steps(settings, tmp_path)
    assert settings.cross_validation() == CrossValidation(folds=4) and not samples["split"].any()
    names = [f"0-{number}" for number in range(4)]
    assert ((samples[names] == "test").sum(axis=1) == 1).all()
    for name in names:
        require_whole_patients(samples, name)
        assert (pd.crosstab(samples[name], samples["class"]) > 0).all(axis=None)
    flow = pd.read_csv(tmp_path / "flow.csv")
    assert set(flow["stage"]) == {"found", "included"}

    more = settings_of(source, table, split={"method": "folds", "folds": 4, "seed": 2, "validation": 0.2, "repeats": 3})
    assert more.for_cohort() == settings.for_cohort() and more.for_folds() == settings.for_folds(), "nothing reruns"
    other = settings_of(source, table, split={"method": "folds", "folds": 4, "seed": 5})
    assert other.for_cohort() == settings.for_cohort(), "nor is an image packed again for another draw"
    assert run_folds(more, tmp_path, 1) != run_folds(more, tmp_path, 0)


def test_each_cohort_left_out_once(source, tmp_path):
    settings = settings_of(source, table_of(source), split="leave_one_cohort_out")
    samples = steps(settings, tmp_path)
    assert settings.cross_validation() == CrossValidation(folds=2)
    for number, name in enumerate(("north", "south")):
        assert (samples[f"0-{number}"] == "test").tolist() == (samples["cohort"] == name).tolist()
        require_whole_patients(samples, f"0-{number}")


def test_equal_images_stay_on_one_side_and_conflicting_ones_leave_training(source, tmp_path):
    table = table_of(source)
    first, other = table.index[table["class"] == "mild"][0], table.index[table["class"] == "severe"][0]
    Image.open(source / f"{first}.png").save(tmp_path / "copy.png")
    table.loc[other, "path"] = str(tmp_path / "copy.png")
    for conflicts in ("keep", "drop"):
        settings = settings_of(source, table, split={"method": "folds", "folds": 4}, conflicts=conflicts)
        samples = steps(settings, tmp_path, repeats=5)
        for repeat in range(5):
            parts = samples.loc[[first, other], [f"{repeat}-{number}" for number in range(4)]]
            assert (parts.nunique() == 1).all(), "the images are on one side in each fold"
            rest = {"keep": "train", "drop": ""}[conflicts]
            assert sorted(parts.iloc[0]) == sorted(["test", *[rest] * 3])


def test_what_cannot_be_cross_validated_is_refused_when_the_cohort_is_listed(source, tmp_path, capsys):
    settings = settings_of(source, table_of(source), split={"method": "folds", "folds": 9})
    tables = [part for name in ("out", "duplicates", "flow") for part in (f"--{name}", str(tmp_path / f"{name}.csv"))]
    assert main(["cohort", "--settings", json.dumps(settings.for_cohort()), *tables]) == 2
    error = capsys.readouterr().err
    assert 'class "mild" is in 8 groups; at most `folds: 8` is possible' in error and "out_refused.csv" in error


def test_a_cohort_without_usable_images_is_refused_and_so_is_a_validation_part_without_patients(
    source, tmp_path, capsys
):
    tables = [part for name in ("out", "duplicates", "flow") for part in (f"--{name}", str(tmp_path / f"{name}.csv"))]
    lost = table_of(source)
    lost.loc[lost["cohort"] == "south", "path"] = "nowhere.png"
    settings = settings_of(source, lost, split="leave_one_cohort_out")
    assert main(["cohort", "--settings", json.dumps(settings.for_cohort()), *tables]) == 2
    assert "tests 2 cohorts, but usable samples are only from north" in capsys.readouterr().err
    patient = table_of(source)["group"].str[-1].astype(int)
    few = table_of(source, split=patient.map(lambda number: "train" if number == 2 else "test"))
    settings = settings_of(source, few, split={"method": "table", "validation": 0.2})
    assert main(["cohort", "--settings", json.dumps(settings.for_cohort()), *tables]) == 2
    assert '`validation: 0.2`: class "mild" has 1 group for training, too few' in capsys.readouterr().err


def test_folds_of_a_dataset_with_a_fixed_split_are_refused(source, tmp_path, capsys):
    settings = settings_of(source, table_of(source), split="random")
    steps(settings, tmp_path)
    files = [
        part for name in ("samples", "duplicates", "cohort") for part in (f"--{name}", str(tmp_path / f"{name}.csv"))
    ]
    options = ["--settings", '{"split": "folds", "folds": 5}', "--repeat", "0", "--out", str(tmp_path / "folds.csv")]
    with pytest.raises(
        UserError, match="`split: random` gives one fixed split and therefore no folds; methods with folds"
    ):
        settings.for_folds()
    assert main(["folds", *files, *options]) == 2
    assert "samples.csv: has a fixed split and therefore no folds" in capsys.readouterr().err


def test_volumes_are_split_as_photographs_are(tmp_path):
    rows = []
    for number in range(12):
        values = np.random.default_rng(number).integers(0, 1000, (6, 6, 8)).astype(np.int16)
        nib.save(nib.Nifti1Image(values, np.eye(4)), tmp_path / f"{number}.nii")
        np.save(tmp_path / f"p{number}.npy", np.full((1, 4, 4, 4), number, np.uint8))
        rows.append(
            (f"p{number}", f"{number}.nii", "ab"[number % 2], ("x", "y")[number // 2 % 2], "m" if number < 5 else "")
        )
    pd.DataFrame(rows, columns=["subject", "t1", "class", "cohort", "sex"]).to_csv(tmp_path / "table.csv", index=False)
    for split, folds in (({"method": "folds", "folds": 3}, 3), ("leave_one_cohort_out", 2)):
        settings = folder3d.Settings(
            adapter="folder3d",
            table=tmp_path / "table.csv",
            sequences=["t1"],
            preprocessing={"mask": {"method": "provided"}},
            split=split,
            subgroups=["sex"],
        )
        table = pd.read_csv(tmp_path / "table.csv").assign(mask="0.nii")
        table.to_csv(tmp_path / "table.csv", index=False)
        files = {name: str(tmp_path / f"{name}.csv") for name in ("cohort", "duplicates", "flow", "samples")}
        tables = ["--out", files["cohort"], "--duplicates", files["duplicates"], "--flow", files["flow"]]
        assert main(["cohort", "--settings", json.dumps(settings.for_cohort()), *tables]) == 0
        pack = ["--cohort", files["cohort"], "--preprocessed", str(tmp_path), "--subgroups", "sex"]
        assert main(["pack", *pack, "--images", str(tmp_path / "images.npy"), "--samples", files["samples"]]) == 0
        samples = pd.read_csv(files["samples"], dtype=str, keep_default_na=False)
        assert samples["sex"].tolist() == ["m"] * 5 + ["unknown"] * 7 and not samples["split"].any()
        assert len(run_folds(settings, tmp_path, 0)) == folds == settings.cross_validation().folds


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "foldz"}, r'split: unknown method "foldz". Did you mean "folds"\?'),
        ({"split": "authors"}, 'split: unknown method "authors". Known: table, cohorts, random, folds, leave_one_coh'),
        ({"split": {"method": "folds", "folds": 3, "test_fraction": 0.2}}, 'unknown key "test_fraction" in split'),
        (
            {"split": {"method": "random", "folds": 3}},
            'unknown key "folds" in split. Known: method, seed, test_fraction',
        ),
        ({"split": {"method": "leave_one_cohort_out", "repeats": 3}}, 'unknown key "repeats" in split'),
        ({"split": {"method": "folds", "folds": 1}}, r"split.folds: input should be greater than or equal to 2"),
        ({"split": {"method": "table", "seed": 3}}, "split.seed: nothing is drawn by `method: table` without `valid"),
        ({"split": {"folds": 3}}, "split: the key method is missing"),
        ({"split": 5}, "split: expected a method, such as random"),
        ({"split": "cohorts"}, '"split.test_cohorts" is missing'),
        ({"split_seed": 3}, r"split_seed: is now a key of `split`: write `split: {method: random, seed: 3}`"),
        (
            {"split": "random", "split_seed": 3, "test_fraction": 0.2},
            r"split_seed: .* write `split: {method: random, seed: 3, test_fraction: 0.2}`",
        ),
        ({"test_cohorts": ["x", "y"]}, r"write `split: {method: cohorts, test_cohorts: \[x, y\]}`"),
        ({"split": "table", "split_seed": 3}, r"write `split: {method: table}`"),
        ({"leakage": "refus"}, 'leakage: "refus" is not known. Did you mean "refuse"'),
        ({"subgroups": ["cohort"]}, "subgroups: cohort names another column of the results"),
        ({"subgroups": ["prob_a"]}, "subgroups: prob_a names another column of the results"),
        ({"subgroups": ["sex", "sex"]}, "subgroups: one of them is listed twice"),
        ({"conflict": "drop"}, 'unknown key "conflict".* Did you mean "conflicts"'),
    ],
)
def test_keys_are_accepted_only_where_they_mean_something(source, options, message):
    with pytest.raises(UserError, match=message) as refusal:
        settings_of(source, table_of(source), **options)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("columns", "options", "message"),
    [
        ({"fold": 1, "split": "train"}, {}, "has both a column split and a column fold, but only one can be used"),
        ({}, {"split": "table"}, "`split: table` needs a column split with train or test, or a column fold"),
        ({"fold": 1}, {}, r"its column fold contains 1 fold\(s\); at least two are required"),
        ({"cohort": "x"}, {"split": "leave_one_cohort_out"}, "needs at least two cohorts; there is x"),
    ],
)
def test_tables_that_cannot_be_meant_are_refused_while_the_workflow_is_planned(source, columns, options, message):
    with pytest.raises(UserError, match=message):
        settings_of(source, table_of(source, **columns), **options).cross_validation()


def test_a_table_is_read_once_however_often_it_is_asked(source, monkeypatch):
    """Planning asks several times, in the process of each job too."""
    reads = []
    monkeypatch.setattr(user_table, "read_records", lambda *args: reads.append(args) or read_records(*args))
    settings = settings_of(source, table_of(source, split=["train", "test"] * (len(IMAGES) // 2)), split="table")
    for _ in range(2):
        settings.has_validation()
        settings.chosen_split()
        settings.cross_validation()
        settings.cohort_names()
        settings.listed_classes()
        folder.fingerprint(settings)
    assert len(reads) == 1


def test_a_subgroup_that_the_table_lacks_is_refused_with_the_nearest(source):
    with pytest.raises(UserError, match=r'no column "sec".*Did you mean "sex"\?.*`subgroups` names columns'):
        folder.find(settings_of(source, table_of(source), subgroups=["sec"]))


def test_every_source_says_how_many_folds_it_has():
    cohorts = [{"adapter": "tcga", "path": "a", "table": "b"}, {"adapter": "egd", "path": "a", "table": "b"}]
    gliomas = glioma.Settings(adapter="glioma", cohorts=cohorts, split="leave_one_cohort_out")
    assert gliomas.cross_validation() == CrossValidation(folds=2)
    heads = mri_phantoms.Settings(adapter="mri_phantoms", split="leave_one_cohort_out")
    assert heads.cross_validation() == CrossValidation(folds=3)
    assert mri_phantoms.Settings(adapter="mri_phantoms").cross_validation() is None
    with pytest.raises(UserError, match=r'split\.test_cohorts: there is no cohort "phantom-x"'):
        split = {"method": "cohorts", "test_cohorts": ["phantom-x"]}
        validate(mri_phantoms.Settings, {"adapter": "mri_phantoms", "split": split}, "test")


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (
            {"method": "cohorts", "test_cohorts": ["x"]},
            {"method": "folds", "folds": 3},
            {"method": "folds", "folds": 3},
        ),
        ({"method": "random", "seed": 1}, {"seed": 2}, {"method": "random", "seed": 2}),
        ({"method": "random", "seed": 1}, {"method": "random", "validation": 0.1}, "all"),
        ("random", {"seed": 2}, {"method": "random", "seed": 2}),
        ({"method": "random", "seed": 1}, "folds", "folds"),
    ],
)
def test_a_later_file_replaces_the_method_with_its_keys(tmp_path, first, second, expected):
    merged = {**first, **second} if isinstance(first, dict) and isinstance(second, dict) else second
    expected = merged if expected == "all" else expected
    for name, split in (("first", first), ("second", second)):
        (tmp_path / f"{name}.yaml").write_text(json.dumps({"datasets": {"d": {"split": split}}}))
    sources = Sources([tmp_path / "first.yaml", tmp_path / "second.yaml"])
    found = with_one_method({"datasets": {"d": {"adapter": "x", "split": merged}}}, sources)
    assert found["datasets"]["d"] == {"adapter": "x", "split": expected}
    elsewhere = {"datasets": {"d": {"split": {"method": "table"}}}}
    assert with_one_method(elsewhere, sources) == elsewhere, "what the files do not say is left alone"
