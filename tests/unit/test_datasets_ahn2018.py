"""The glaucoma set: every published file accounted for, every deviation with its reason, and the real set's numbers."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from imbalance_aware.__main__ import main
from imbalance_aware.cohort.audit import drop_conflicts, duplicates
from imbalance_aware.cohort.inclusion import included
from imbalance_aware.cohort.subject_split import assign_split
from imbalance_aware.errors import UserError
from imbalance_aware.files import digest
from imbalance_aware.sources.ahn2018 import FOLDERS, PUBLISHED, find
from imbalance_aware.sources.ahn2018 import Settings as Ahn2018Settings
from imbalance_aware.sources.lookup import fingerprint

RESOURCES = Path(__file__).resolve().parents[2] / "resources"


def photograph(path: Path, seed: int, size: tuple[int, int] = (240, 240)) -> None:
    row = np.random.default_rng(seed).integers(0, 256, (1, size[1], 3), dtype=np.uint8)
    Image.fromarray(np.repeat(row, size[0], axis=0)).save(path)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Four photographs per class folder, and in resources/ the list of them."""
    lines = ["folder,file,split,sha256"]
    for label, folder in enumerate(FOLDERS):
        (tmp_path / "set" / folder).mkdir(parents=True)
        for number in range(1, 5):
            path = tmp_path / "set" / folder / f"{number}.png"
            photograph(path, seed=10 * label + number)
            lines.append(f"{folder},{number}.png,{'test' if number == 4 else 'train'},{digest(path)}")
    (tmp_path / "resources").mkdir()
    (tmp_path / "resources" / PUBLISHED).write_text("\n".join(lines) + "\n")
    return tmp_path / "set"


def subjects_of(source: Path, **options) -> pd.DataFrame:
    settings = Ahn2018Settings(adapter="ahn2018", path=source, **options)
    return find(settings, source.parent / "resources").set_index("subject")


def test_an_intact_set_is_included_in_the_authors_split(source):
    subjects = subjects_of(source)
    assert len(subjects) == 12
    assert (subjects["excluded"] == "").all()
    assert subjects["class"].value_counts().to_dict() == {"no": 4, "early": 4, "advanced": 4}
    assert subjects["split"].value_counts().to_dict() == {"train": 9, "test": 3}
    assert subjects.index[0] == "normal_control-1"


def test_the_authors_split_reaches_the_samples_through_every_step(source, tmp_path):
    settings = Ahn2018Settings(adapter="ahn2018", path=source, image_size=(8, 8))
    files = {name: str(tmp_path / f"{name}.csv") for name in ("cohort", "duplicates", "flow", "samples")}
    tables = ["--out", files["cohort"], "--duplicates", files["duplicates"], "--flow", files["flow"]]
    cohort = ["--settings", json.dumps(settings.for_cohort()), "--resources", str(tmp_path / "resources")]
    resize = ["--cohort", files["cohort"], "--settings", json.dumps(settings.for_resize())]
    pack = ["--cohort", files["cohort"], "--preprocessed", str(tmp_path / "small")]
    assert main(["cohort", *cohort, *tables]) == 0
    assert main(["resize", *resize, "--out", str(tmp_path / "small")]) == 0
    assert main(["pack", *pack, "--images", str(tmp_path / "images.npy"), "--samples", files["samples"]]) == 0
    samples = pd.read_csv(files["samples"], dtype=str)
    assert (samples["group"] == samples["subject"]).all(), "the set names no patients"
    assert (samples["split"] == "test").tolist() == samples["subject"].str.endswith("-4").tolist()


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda path: path.unlink(), "missing: no such file"),
        (
            lambda path: path.write_bytes(b""),
            "checksum: differs from the published file; unreadable: not an image file",
        ),
        (lambda path: path.write_text("hello"), "checksum: differs from the published file; unreadable: not an image"),
        (lambda path: path.write_bytes(path.read_bytes()[:-200]), "unreadable"),
        (lambda path: photograph(path, 99), "checksum: differs from the published file"),
        (lambda path: photograph(path, 99, (227, 240)), "size: 240x227 pixels instead of 240x240"),
        (lambda path: Image.open(path).convert("L").save(path), "greyscale image"),
        (lambda path: Image.open(path).convert("RGBA").save(path), "checksum"),
    ],
    ids=["missing", "empty", "text", "truncated", "altered", "size", "greyscale", "alpha"],
)
def test_a_damaged_file_gets_a_row_with_its_reason_and_the_others_go_on(source, damage, reason):
    damage(source / "early_glaucoma" / "2.png")
    subjects = subjects_of(source)
    assert reason in subjects.at["early_glaucoma-2", "excluded"]
    assert subjects["excluded"].drop("early_glaucoma-2").eq("").all()
    assert len(subjects) == 12


def test_extra_files_get_a_row_and_are_out_under_any_split(source):
    photograph(source / "normal_control" / "900.png", seed=900)
    (source / "normal_control" / "Thumbs.db").write_bytes(b"x")
    (source / "normal_control" / "nested").mkdir()
    for split in ("authors", "random"):
        subjects = subjects_of(source, split=split)
        assert subjects.at["normal_control-900", "excluded"] == "not a published file"
        assert subjects.at["normal_control-Thumbs.db", "excluded"].startswith("not a published file; unreadable")
        assert subjects.at["normal_control-nested", "excluded"] == "not a published file; unreadable: Is a directory"
        assert len(subjects) == 15


def test_a_missing_folder_says_where_it_looked_and_how_to_get_the_set(tmp_path, source):
    for action in (lambda s: fingerprint(s), lambda s: find(s, source.parent / "resources")):
        with pytest.raises(UserError, match=r"doi:10\.7910/DVN/1YRRAC") as error:
            action(Ahn2018Settings(adapter="ahn2018", path=tmp_path / "nowhere"))
        assert str(tmp_path / "nowhere") in str(error.value)


def test_a_missing_class_folder_is_named(source):
    (source / "early_glaucoma").rename(source / "early")
    with pytest.raises(UserError, match=r"lacks the class folder\(s\) early_glaucoma"):
        subjects_of(source)


def test_an_empty_class_folder_is_one_clear_message(source, tmp_path, capsys):
    for path in (source / "early_glaucoma").iterdir():
        path.unlink()
    settings = Ahn2018Settings(adapter="ahn2018", path=source).model_dump_json()
    tables = [part for name in ("out", "duplicates", "flow") for part in (f"--{name}", str(tmp_path / f"{name}.csv"))]
    assert main(["cohort", "--settings", settings, "--resources", str(tmp_path / "resources"), *tables]) == 2
    assert (
        'class "early" has no sample in the train set: 4 found, 0 usable; excluded: 4 × missing: no such file'
        in capsys.readouterr().err
    )


def test_a_missing_list_of_published_files_is_a_clear_error(source, tmp_path):
    with pytest.raises(UserError, match="list of published files"):
        find(Ahn2018Settings(adapter="ahn2018", path=source), tmp_path)


def test_fingerprint_follows_names_and_sizes_only(source):
    settings = Ahn2018Settings(adapter="ahn2018", path=source)
    first = fingerprint(settings)
    path = source / "early_glaucoma" / "2.png"
    path.touch()
    assert fingerprint(settings) == first
    path.write_bytes(path.read_bytes() + b"x")
    assert fingerprint(settings) != first


@pytest.fixture(scope="module")
def real(glaucoma_data) -> pd.DataFrame:
    subjects = find(Ahn2018Settings(adapter="ahn2018", path=glaucoma_data), RESOURCES)
    return subjects.assign(group=subjects["subject"])  # the set tells of no patients


def test_the_real_set_has_the_papers_counts(real):
    inside = real[included(real)]
    assert len(real) == 1544
    assert inside["class"].value_counts().to_dict() == {"no": 786, "advanced": 467, "early": 289}
    assert inside["split"].value_counts().to_dict() == {"train": 1156, "test": 386}
    out = real[~included(real)].set_index("subject")["excluded"].to_dict()
    assert out == {
        "normal_control-584": "not in the authors' split; size: 237x240 pixels instead of 240x240",
        "normal_control-732": "not in the authors' split; size: 227x240 pixels instead of 240x240",
    }


def test_the_audit_finds_the_real_sets_conflicting_pairs(real):
    twins = duplicates(real)
    pairs = twins.groupby("set")["subject"].agg(lambda pair: tuple(sorted(pair)))
    assert sorted(pairs) == [
        ("early_glaucoma-193", "normal_control-706"),
        ("early_glaucoma-194", "normal_control-707"),
        ("early_glaucoma-271", "normal_control-781"),
        ("early_glaucoma-272", "normal_control-782"),
    ]
    assert twins["conflicting_label"].all()
    crossing = twins[twins["across_split"]]["subject"]
    assert set(crossing) == {"early_glaucoma-194", "normal_control-707", "early_glaucoma-271", "normal_control-781"}


def test_dropping_conflicts_of_the_real_set_leaves_the_test_set_alone(real):
    subjects = real.copy()
    drop_conflicts(subjects)
    newly_out = subjects[~included(subjects) & included(real)]
    assert len(newly_out) == 6
    assert (real.loc[newly_out.index, "split"] == "train").all()
    assert not duplicates(subjects)["across_split"].any()


def test_a_random_split_of_the_real_set_has_the_same_shares(real, glaucoma_data):
    settings = Ahn2018Settings(adapter="ahn2018", path=glaucoma_data, split="random")
    subjects = real.assign(split="")
    assign_split(subjects, settings)
    test = subjects[subjects["split"] == "test"]
    assert test["class"].value_counts().to_dict() == {"no": 197, "advanced": 117, "early": 72}
    assert not subjects["split"].equals(real["split"])
