"""Volumes that are the same to the last voxel: found whatever their files look like, and kept on one side."""

import gzip
import shutil

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from imbalance_aware.__main__ import main
from imbalance_aware.cohort.volume_checks import voxel_sha256
from imbalance_aware.sources.folder3d import Settings as Folder3DSettings
from imbalance_aware.sources.folder3d import find

AFFINE = np.diag([2.0, 2.0, 4.0, 1.0])
SEQUENCES = ("t1", "t2")


def values(seed: int, shape=(8, 7, 12)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 1000, shape).astype(np.int16)


def save(path, array, affine=AFFINE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(array, affine), path)


@pytest.fixture
def source(tmp_path):
    """Twelve subjects of two classes, two sequences each, no two files alike, and their table."""
    rows = [(f"s{number}", "low" if number % 2 else "high") for number in range(12)]
    for number, (subject, _) in enumerate(rows):
        for place, sequence in enumerate(SEQUENCES):
            save(tmp_path / f"{subject}_{sequence}.nii.gz", values(10 * number + place))
    table = pd.DataFrame(rows, columns=["subject", "class"])
    for sequence in SEQUENCES:
        table[sequence] = table["subject"] + f"_{sequence}.nii.gz"
    table.to_csv(tmp_path / "table.csv", index=False)
    return tmp_path


def listed(source, **options) -> Folder3DSettings:
    """Settings with a mask column that names a file for every subject."""
    table = pd.read_csv(source / "table.csv", dtype=str, keep_default_na=False)
    (source / "mask.nii").touch()
    table.assign(mask="mask.nii").to_csv(source / "table.csv", index=False)
    return Folder3DSettings(adapter="folder3d", table=source / "table.csv", sequences=SEQUENCES, **options)


def cohort(source, **options) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Run the step as a user does; cohort by subject, and duplicates."""
    out = {name: source / f"{name}.csv" for name in ("out", "duplicates", "flow")}
    arguments = [part for name, path in out.items() for part in (f"--{name}", str(path))]
    assert main(["cohort", "--settings", listed(source, **options).model_dump_json(), *arguments]) == 0
    read = {name: pd.read_csv(out[name], dtype=str, keep_default_na=False) for name in ("out", "duplicates")}
    return read["out"].set_index("subject"), read["duplicates"]


def edit(source, **columns) -> None:
    """Replace cells of the table: ``t1={"s0": "other.nii.gz"}``."""
    table = pd.read_csv(source / "table.csv", dtype=str, keep_default_na=False).set_index("subject")
    for column, cells in columns.items():
        for subject, cell in cells.items():
            table.loc[subject, column] = cell
    table.fillna("").to_csv(source / "table.csv")


def test_different_volumes_are_no_duplicates(source):
    table, twins = cohort(source)
    assert twins.empty and not table["excluded"].any()
    assert not table[["pixel_sha256_t1", "pixel_sha256_t2"]].any(axis=None)


def test_subjects_with_the_same_files_are_listed_and_stay_on_one_side(source):
    for copy in ("s1", "s2", "s3"):  # two of each class
        for sequence in SEQUENCES:
            shutil.copy(source / f"s0_{sequence}.nii.gz", source / f"{copy}_{sequence}.nii.gz")
    for seed in range(4):
        table, twins = cohort(source, split={"method": "random", "seed": seed})
        assert sorted(twins["subject"].unique()) == ["s0", "s1", "s2", "s3"] and len(twins) == 8
        assert (twins.groupby("set")["image"].nunique() == 4).all() and twins["set"].nunique() == 2
        assert set(twins["conflicting_label"]) == {"True"} and set(twins["across_split"]) == {"False"}
        assert table.loc[["s0", "s1", "s2", "s3"], "split"].nunique() == 1


def test_one_sequence_as_another_of_somebody_else_is_a_duplicate_too(source):
    shutil.copy(source / "s0_t1.nii.gz", source / "s4_t2.nii.gz")
    table, twins = cohort(source)
    assert twins["image"].tolist() == [f"{source.as_posix()}/{name}.nii.gz" for name in ("s0_t1", "s4_t2")]
    assert table.at["s0", "split"] == table.at["s4", "split"]


def test_copies_across_a_given_split_are_named_and_warned_of(source, caplog):
    shutil.copy(source / "s0_t1.nii.gz", source / "s2_t1.nii.gz")
    shutil.copy(source / "s1_t1.nii.gz", source / "s4_t1.nii.gz")
    sides = {f"s{number}": "test" if number in (0, 1) else "train" for number in range(12)}
    edit(source, split=sides)
    table, twins = cohort(source)
    assert table["split"].to_dict() == sides
    assert twins["across_split"].tolist() == ["True"] * 4
    lines = [line for line in caplog.messages if "several parts" in line]
    assert len(lines) == 1 and "2 groups of identical images" in lines[0] and "s0 (test) and s2 (train)" in lines[0]

    table, _ = cohort(source, conflicts="drop")
    assert table.at["s4", "excluded"] == "conflicting label: same pixels under another class"
    assert table["excluded"].astype(bool).sum() == 1, "the test set stays, and so do copies of one class"


def test_one_volume_as_two_sequences_excludes_the_subject_and_names_both_files(source):
    edit(source, t2={"s3": "s3_t1.nii.gz"})
    image = nib.load(source / "s5_t1.nii.gz")
    save(source / "s5_t2.nii.gz", np.asanyarray(image.dataobj).astype(np.float32), np.diag([1.0, 2, 3, 1]))
    table, twins = cohort(source)
    assert table.loc["s3", "excluded"] == f"same voxels: t1 ({source}/s3_t1.nii.gz) and t2 ({source}/s3_t1.nii.gz)"
    assert table.loc["s5", "excluded"] == f"same voxels: t1 ({source}/s5_t1.nii.gz) and t2 ({source}/s5_t2.nii.gz)"
    assert table["excluded"].astype(bool).sum() == 2
    assert twins["subject"].tolist() == ["s3", "s3", "s5", "s5"]
    assert "low,excluded,same voxels,2" in (source / "flow.csv").read_text()


def test_a_file_named_twice_counts_as_the_same_even_if_it_cannot_be_read(source):
    (source / "s3_t1.nii.gz").write_bytes(b"")
    edit(source, t2={"s3": "s3_t1.nii.gz"})
    assert find(listed(source))["excluded"][3].startswith("same voxels: t1 (")


def test_an_empty_cell_is_a_missing_sequence_and_not_a_duplicate(source):
    edit(source, t2={"s3": "", "s4": "", "s5": "absent.nii.gz"})
    table, twins = cohort(source)
    assert table["excluded"][["s3", "s4", "s5"]].tolist() == [*["missing sequence: t2"] * 2, "no such file: t2"]
    assert twins.empty


def test_unreadable_files_are_left_to_the_step_that_prepares_them(source):
    """They are equal, but not as images."""
    for number, content in enumerate((b"", b"", b"no volume", b"no volume")):
        (source / f"s{number}_t1.nii.gz").write_bytes(content)
    blank = np.zeros((8, 7, 12), np.int16)
    for number in (4, 5):
        save(source / f"s{number}_t1.nii.gz", blank)
    cut = gzip.compress((source / "s6_t1.nii.gz").read_bytes())[:-40]
    for number in (6, 7):
        (source / f"s{number}_t1.nii.gz").write_bytes(cut)
    table, twins = cohort(source)
    assert twins.empty and not table["excluded"].any()


def test_volumes_that_differ_in_the_last_slice_only_are_no_duplicates(source):
    array = values(0)
    array[0, 0, -1] += 1
    save(source / "s2_t1.nii.gz", array)
    assert cohort(source)[1].empty


@settings(max_examples=25, deadline=None)
@given(
    array=arrays.arrays(np.int16, arrays.array_shapes(min_dims=3, max_dims=3, min_side=2, max_side=4)),
    dtype=st.sampled_from([np.int16, np.int32, np.float32, np.float64, np.dtype(">i2"), np.dtype(">f4")]),
    packed=st.booleans(),
    kind=st.sampled_from([nib.Nifti1Image, nib.Nifti2Image]),
    more=st.sampled_from([(), (1,), (1, 1)]),
    slices=st.sampled_from([1, 2, 100]),
)
def test_only_values_count(tmp_path_factory, array, dtype, packed, kind, more, slices):
    folder = tmp_path_factory.mktemp("volumes")
    array.flat[0], array.flat[1] = 0, 1  # not constant
    save(folder / "plain.nii.gz", array)
    header = kind.header_class(endianness=">" if np.dtype(dtype).byteorder == ">" else "<")
    header["descrip"] = b"another header"
    other = folder / ("other.nii.gz" if packed else "other.nii")
    nib.save(kind(array.astype(dtype).reshape(array.shape + more), np.eye(4), header), other)
    with pytest.MonkeyPatch.context() as patch:
        plain = voxel_sha256(folder / "plain.nii.gz")
        patch.setattr("imbalance_aware.cohort.volume_checks.VOXELS_AT_A_TIME", slices * 4)
        assert len(plain) == 64 and voxel_sha256(other) == plain
    changed = array.copy()
    changed.flat[-1] ^= 1
    save(folder / "changed.nii.gz", changed)
    assert voxel_sha256(folder / "changed.nii.gz") != plain
    if array.shape[0] != array.shape[1]:
        save(folder / "turned.nii.gz", array.reshape(array.shape[1], array.shape[0], -1, order="F"))
        assert voxel_sha256(folder / "turned.nii.gz") != plain


def test_scaled_values_are_compared_as_decoded(tmp_path):
    image = nib.Nifti1Image(values(0), AFFINE)
    image.header.set_slope_inter(0.5, 1)
    nib.save(image, tmp_path / "scaled.nii")
    save(tmp_path / "plain.nii", np.asanyarray(nib.load(tmp_path / "scaled.nii").dataobj).astype(np.float32))
    assert voxel_sha256(tmp_path / "scaled.nii") == voxel_sha256(tmp_path / "plain.nii") != ""


def test_a_header_that_announces_too_much_is_not_followed(tmp_path):
    image = nib.Nifti1Image(np.zeros((4, 4, 4), np.uint8), AFFINE)
    header = image.header.copy()
    header.set_data_shape((32000, 32000, 32000))
    (tmp_path / "large.nii").write_bytes(header.binaryblock + bytes(2**20))
    assert voxel_sha256(tmp_path / "large.nii", 0.25) == ""


@pytest.mark.parametrize(
    "array", [np.zeros((3, 3, 3, 2), np.int16), np.zeros((3, 3), np.int16), np.eye(3, dtype=complex)]
)
def test_what_is_no_volume_has_no_digest(tmp_path, array):
    save(tmp_path / "other.nii", array)
    assert voxel_sha256(tmp_path / "other.nii", 0.25) == ""


def test_the_real_cohort_with_its_missing_sequences_replaced_by_flair(lgg_data, tmp_path):
    """As the cohort was published first: a patient without T1 or T1c had FLAIR in its place."""
    sequences = ("t1", "t1c", "flair")
    table = pd.read_csv(lgg_data / "scans.csv", dtype=str, keep_default_na=False)
    as_it_is, replaced = tmp_path / "scans.csv", tmp_path / "replaced.csv"
    table.to_csv(as_it_is, index=False)
    lacking = (table[list(sequences)] == "").any(axis=1)
    assert lacking.sum() == 10
    for sequence in ("t1", "t1c"):
        table[sequence] = table[sequence].where(table[sequence] != "", table["flair"])
    table.to_csv(replaced, index=False)
    found = [
        find(Folder3DSettings(adapter="folder3d", table=path, root=lgg_data, sequences=sequences))["excluded"]
        for path in (as_it_is, replaced)
    ]
    assert found[0][lacking].str.startswith("missing sequence: ").all()
    assert found[1][lacking].str.startswith("same voxels: ").all()
    assert found[0][~lacking].equals(found[1][~lacking]) and (found[0][~lacking] == "no class").sum() == 1
    assert (found[0][~lacking] == "").sum() == 75
