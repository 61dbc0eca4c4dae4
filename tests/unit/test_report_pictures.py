"""The sections of the report with pictures of samples: quality control and failures."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from report_cases import AMPERSAND, HEBREW, SCRIPT, rendered, study_of, subjects, write_dataset, write_twins
from report_pages import cells, pixels_of, shown_as_text

from imbalance_aware.errors import UserError
from imbalance_aware.files import write_text
from imbalance_aware.image_digests import image_digest, short
from imbalance_aware.report.sample_pictures import SamplePictures
from imbalance_aware.report.sections import failures, quality
from imbalance_aware.tables.failures import FAILURES
from imbalance_aware.tables.quality import quality_csv


def write_quality(folder, rows):
    table = [
        {"cohort": "c", "class": SCRIPT, "step": "", "reason": "", "warnings": "", "tumour_ml": ""} | row
        for row in rows
    ]
    write_text(folder / "qc.csv", quality_csv(pd.DataFrame(table)))
    for row in rows:
        place = folder / "subjects" / row["subject"]
        place.mkdir(parents=True)
        Image.fromarray(np.full((60, 90), 200, np.uint8)).save(place / "qc.png")


def test_quality_shows_those_that_failed_first(tmp_path):
    rows = [
        {"subject": "good", "passed": True, "tumour_ml": 3.14},
        {"subject": "look", "passed": True, "warnings": "tumour <1 ml & near", "tumour_ml": 0.5},
        {"subject": "bad", "passed": False, "step": "strip", "reason": f"brain: {HEBREW} <b>"},
        {"subject": "bare", "passed": False, "step": "register", "reason": "missing"},
    ]
    dataset = write_dataset(tmp_path / "d", subjects(rows[:1]), "volumes")
    write_quality(dataset.folder, rows)
    (dataset.folder / "subjects/bare/qc.png").unlink()
    study = study_of(tmp_path, dataset)
    (shown,) = quality.gather(study)["datasets"]
    assert [(row["subject"], row["state"]) for row in shown["subjects"]] == [
        ("bad", "failed"),
        ("bare", "failed"),
        ("look", "marked"),
        ("good", "passed"),
    ]
    assert shown["counts"] == {"failed": 2, "marked": 1, "passed": 1}
    assert [row["picture"] is None for row in shown["subjects"]] == [False, True, False, False]
    assert [row[-1] for row in cells(shown["measures"])] == ["–", "–", "0.5", "3.1"]
    html = rendered("quality", study, quality.gather(study))
    page = shown_as_text(html, "bad", "tumour <1 ml & near", "no picture", "2 failed and are excluded")
    assert f"<bdi>{HEBREW}</bdi>" in html
    assert [given["alt"] for tag, given in page.tags if tag == "img"] == ["bad", "look", "good"]


def test_pictures_of_quality_are_made_smaller_until_all_fit(tmp_path, monkeypatch):
    """Ten pictures of noise: of each budget, the largest side that keeps to it."""
    monkeypatch.setattr(quality, "SIDES_PX", (90, 60, 30))
    noise = np.random.default_rng(0).integers(0, 256, (80, 90), np.uint8)
    paths = [tmp_path / f"{number}.png" for number in range(10)]
    for path in paths:
        Image.fromarray(noise).save(path)
    sizes = {side: 10 * len(quality.data_uri(paths[0], side, quality.QUALITY)) for side in quality.SIDES_PX}
    assert [quality.longest_side(paths, size) for size in sizes.values()] == [90, 60, 30]
    assert [quality.longest_side(paths, size - 1) for size in sizes.values()] == [60, 30, 30]
    assert quality.longest_side([]) == 90


def test_1174_patients_keep_to_the_budget(tmp_path, monkeypatch):
    """Tenfold smaller pictures with a hundredth of the budget; a few of them are much larger than the others."""
    budget = quality.BUDGET // 100
    monkeypatch.setattr(quality, "SIDES_PX", tuple(side // 10 for side in quality.SIDES_PX))
    monkeypatch.setattr(quality.longest_side, "__defaults__", (budget,))
    rows = [{"subject": f"s{number}", "passed": number % 9 > 0} for number in range(1174)]
    dataset = write_dataset(tmp_path / "d", subjects([{"subject": "a"}]), "volumes")
    write_quality(dataset.folder, rows)
    rng = np.random.default_rng(0)
    for number in range(0, 1174, 3):
        noise = rng.integers(0, 256, (60, 90), np.uint8)
        Image.fromarray(noise).save(dataset.folder / f"subjects/s{number}/qc.png", compress_level=1)
    (shown,) = quality.gather(study_of(tmp_path, dataset))["datasets"]
    pictures = [row["picture"] for row in shown["subjects"]]
    assert len(pictures) == 1174 and None not in pictures
    assert sum(map(len, pictures)) < 1.2 * budget


def test_samples_are_shown_as_training_reads_them(tmp_path):
    rows = [{"subject": name} for name in ("a", "b", "c")]
    photographs = SamplePictures(write_dataset(tmp_path / "photographs", subjects(rows)))
    picture = photographs.pixels("c")
    assert picture.shape == (8, 8, 3)
    assert (picture[0, 0].tolist(), picture[-1, -1].tolist()) == ([20, 20, 20], [20, 20, 255])
    assert photographs.pixels("nobody") is None
    volumes = write_dataset(tmp_path / "volumes", subjects(rows), "volumes")
    images = np.load(volumes.folder / "images.npy")
    picture = SamplePictures(volumes).pixels("c")
    # Two sequences of 6 x 8 voxels, x to the right and y down, with a gap of two columns; 20 is the brightest value.
    assert picture.shape == (8, 2 * 6 + 2) and picture[:, 6:8].max() == 0
    assert images[2, 0, :, :, 2].max() == 20 and (picture[:, :6] == 255).all()
    np.save(volumes.folder / "images.npy", images[::-1])
    with pytest.raises(UserError, match=r"line 2 \(a\) does not describe image 0"):
        SamplePictures(volumes).pixels("a")
    np.save(volumes.folder / "images.npy", images[:2])
    with pytest.raises(UserError, match=r"holds 2 images and .* 3 rows"):
        SamplePictures(volumes).pixels("a")


def test_photographs_of_16_bits_and_of_one_channel(tmp_path):
    dataset = write_dataset(tmp_path / "d", subjects([{"subject": "a"}]))
    image = np.linspace(0, 1, 64, dtype=np.float16).reshape(1, 1, 8, 8)
    np.save(dataset.folder / "images.npy", image)
    table = (dataset.folder / "samples.csv").read_text()
    before = table.splitlines()[1].split(",")[-1]
    (dataset.folder / "samples.csv").write_text(table.replace(before, short(image_digest(image[0]))))
    picture = SamplePictures(dataset).pixels("a")
    assert picture.shape == (8, 8) and picture.dtype == np.uint8 and (picture[0, 0], picture[-1, -1]) == (0, 255)


def failure(subject, **cells):
    return {
        **{"dataset": "d", "subject": subject, "group": subject, "cohort": "ü", "class": SCRIPT, "n_conditions": 2},
        **{"n_wrong": 2, "n_runs": 4, "n_runs_wrong": 3, "predicted": HEBREW, "probability": 0.666},
        **{"probability_of_class": 0.2, "confident_condition": "ce<b>", "confident_predicted": AMPERSAND},
        **{"confident_probability": 0.8},
        **cells,
    }


def test_the_gallery_has_those_that_all_miss_and_the_most_certain_errors(tmp_path, monkeypatch):
    twins = write_twins(tmp_path / "datasets/d")
    monkeypatch.setattr(failures, "MOST_MISSED", 1)
    monkeypatch.setattr(failures, "MOST_CERTAIN", 2)
    rows = [
        failure("one", **{"class": AMPERSAND}),
        failure("<b>", confident_probability=0.7),
        failure("first", n_wrong=1, confident_probability=0.95),
    ]
    write_text(tmp_path / "tables/study/failures.csv", FAILURES.csv(pd.DataFrame(rows)))
    study = study_of(tmp_path, twins)
    (shown,) = failures.gather(study)["datasets"]
    assert (shown["n_wrong"], shown["n_missed"], shown["further"], shown["n_runs"]) == (3, 2, 1, 4)
    assert [one["subject"] for one in shown["missed"]] == ["one"]
    assert [one["subject"] for one in shown["certain"]] == ["first", "one"]
    one = shown["missed"][0]
    assert (one["probability"], one["n_runs_wrong"], pixels_of(one["picture"]).shape) == ("0.67", 3, (8, 8))
    assert sorted(twin["subject"] for twin in one["twins"]) == ["out", "two"], "equal pixels under another class"
    assert shown["certain"][0]["twins"] == [], "its duplicate has the same class"
    assert len(shown["table"].rows) == 3 and "Patient" not in shown["table"].columns
    html = rendered("failures", study, failures.gather(study))
    page = shown_as_text(html, SCRIPT, AMPERSAND, HEBREW, "ce<b>", "all 2 conditions", "same image as")
    assert [given["alt"] for tag, given in page.tags if tag == "img"] == ["one", "first", "one"]


def test_the_gallery_of_volumes_names_its_sequences_and_one_without_failures_says_so(tmp_path):
    rows = [{"subject": "a", "group": "p"}, {"subject": "b"}]
    volumes = write_dataset(tmp_path / "datasets/d", subjects(rows), "volumes")
    good = write_dataset(tmp_path / "datasets/good", subjects(rows))
    write_text(tmp_path / "tables/study/failures.csv", FAILURES.csv(pd.DataFrame([failure("a", group="p")])))
    study = study_of(tmp_path, volumes, good)
    page = shown_as_text(rendered("failures", study, failures.gather(study)), "t1, <b>", "p")
    assert "No condition misclassifies a test image" in page.text
    assert [given["alt"] for tag, given in page.tags if tag == "img"] == ["a", "a"]
