"""The sections of the report with data and pictures: what they show, by hand, of small made-up studies."""

import base64
import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from report_cases import AMPERSAND, HEBREW, SCRIPT, rendered, study_of, subjects, write_dataset

from imbalance_aware.errors import UserError
from imbalance_aware.files import write_text
from imbalance_aware.image_digests import image_digest, short
from imbalance_aware.report import flow_diagram
from imbalance_aware.report.compute import STEPS
from imbalance_aware.report.flow_diagram import Stage, breadth, lay_out, wrap
from imbalance_aware.report.sample_pictures import SamplePictures
from imbalance_aware.report.sections import audit, characteristics, compute, failures, flow, licences, quality
from imbalance_aware.runs.run_config import PARTS
from imbalance_aware.tables.benchmarks import read_benchmark
from imbalance_aware.tables.failures import FAILURES
from imbalance_aware.tables.history import history_csv
from imbalance_aware.tables.quality import quality_csv
from imbalance_aware.training.epoch import Epoch

#: All that the templates use.
TAGS = {
    *("p", "h3", "h4", "ul", "li", "strong", "b", "br", "em", "span", "bdi", "div", "figure", "figcaption", "img"),
    *("svg", "path", "rect", "text", "details", "summary"),
    *("table", "caption", "thead", "tbody", "tr", "th", "td"),
}


class Page(HTMLParser):
    """Text and tags of a piece of HTML."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


def shown_as_text(html: str, *names: str) -> Page:
    """Check that names are text and no markup, and that every tag is one that the templates have."""
    page = Page(html)
    assert {tag for tag, _ in page.tags} <= TAGS
    assert not [attribute for _, given in page.tags for attribute in given if attribute.startswith("on")]
    for name in names:
        assert name in plainly(page.text)
    return page


def plainly(text: str) -> str:
    """Without the signs that keep names apart, and keep them on one line with their numbers."""
    return text.replace("\u2068", "").replace("\u2069", "").replace(flow_diagram.NO_BREAK, " ")


def pixels_of(uri: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))).convert("L"))


def cells(panel) -> list[list[str]]:
    return [[*row.labels, *(cell.plain for cell in row.cells)] for row in panel.rows]


@pytest.fixture
def pair(tmp_path):
    """Photographs: a pair of one label; then one of two labels across the split, with a third that is left out."""
    rows = [
        {"subject": "first", "pixel_sha256": "other"},
        {"subject": "second", "pixel_sha256": "other"},
        {"subject": "one", "class": AMPERSAND, "split": "test", "pixel_sha256": "same"},
        {"subject": "two", "class": HEBREW, "pixel_sha256": "same"},
        {"subject": "out", "class": SCRIPT, "split": "", "excluded": "size: 3x3; blank", "pixel_sha256": "same"},
        {"subject": "<b>", "split": "test", "cohort": HEBREW},
        {"subject": "odd", "excluded": "missing: no such file", "pixel_sha256": ""},
    ]
    return write_dataset(tmp_path / "datasets/d", subjects(rows))


SECTIONS = {"audit": audit, "characteristics": characteristics, "flow": flow, "failures": failures, "quality": quality}


@pytest.mark.parametrize("name", [*SECTIONS, "compute", "licences"])
def test_a_study_with_nothing_to_show_has_no_such_section(tmp_path, name):
    module = {**SECTIONS, "compute": compute, "licences": licences}[name]
    assert module.gather(study_of(tmp_path)) is None


def test_the_flow_of_photographs(tmp_path, pair):
    found, excluded, included, train, test = flow.stages(pair)
    plain = [plainly(text) for text in (*found.lines, *excluded.lines)]
    assert found.title == "Found: 7 images" and excluded.title == "Excluded: 2 images" and excluded.side
    assert plain[0] == f"by class: {SCRIPT} 5, {AMPERSAND} 1, {HEBREW} 1"
    assert sorted(plain[1].removeprefix("by cohort: ").split(", ")) == sorted(["ü 6", f"{HEBREW} 1"])
    assert plain[2:] == ["missing: 1", "size: 1"] or plain[2:] == ["size: 1", "missing: 1"]
    assert (included.title, train.title, test.title) == ("Included: 5 images", "Training: 3 images", "Test: 2 images")
    html = rendered("flow", study_of(tmp_path, pair), flow.gather(study_of(tmp_path, pair)))
    page = shown_as_text(html, HEBREW, "Found: 7 images")
    assert [tag for tag, _ in page.tags].count("rect") == 5


def test_the_flow_of_volumes_tells_listing_from_preprocessing_and_patients_from_scans(tmp_path):
    rows = [{"subject": f"s{n}", "group": f"p{n // 2}", "split": ""} for n in range(6)]
    rows[0] |= {"excluded": "no class"}
    dataset = write_dataset(
        tmp_path / "d",
        subjects(rows),
        "volumes",
        folds=[["test", "", "train", "train"], ["train", "train", "test", "test"]],
        repeats=2,
        later={"s1": "brain: 3 ml"},
    )
    titles = [stage.title for stage in flow.stages(dataset)]
    assert titles == [
        "Found: 6 subjects",
        "Excluded: 1 subject",
        "Preprocessed: 5 subjects",
        "Excluded in preprocessing: 1 subject",
        "Included: 4 subjects of 2 patients",
        "Cross-validation: 2 folds, 2 repeats",
    ]
    assert [plainly(line) for line in flow.stages(dataset)[3].lines] == ["brain: 1"]
    lines = flow.stages(dataset)[5].lines
    assert lines[0] == "each subject is tested once in each repeat, by a network that did not see it"
    assert lines[1].startswith("Fold 0: 1 tested (") and lines[1].endswith("; 1 in no part")
    assert lines[2].startswith("Fold 1: 2 tested (") and "no part" not in lines[2]


def test_many_folds_are_summed_up(tmp_path):
    number = flow.MOST_FOLDS + 1
    parts = [["test" if row == fold else "train" for row in range(number + 1)] for fold in range(number)]
    parts[0][number] = "test"
    rows = [{"subject": f"s{n}", "split": ""} for n in range(number + 1)]
    dataset = write_dataset(tmp_path / "d", subjects(rows), folds=parts)
    assert flow.stages(dataset)[-1].lines[1:] == ("each fold tests 1 to 2",)


WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=120)


@settings(max_examples=60, deadline=None)
@given(WORDS, st.lists(st.builds(Stage, WORDS, st.lists(WORDS, max_size=3).map(tuple), st.booleans()), max_size=7))
def test_boxes_of_a_diagram_do_not_overlap_and_hold_their_text(title, others):
    stages = [Stage(title), *others]
    diagram = lay_out(stages)
    bottom = 0
    for box, stage in zip(diagram.boxes, stages, strict=True):
        assert bottom < box.y and box.x + box.width < diagram.width
        bottom = box.y + box.height
        assert all(box.y < text.y < bottom for text in box.texts)
        assert all(breadth(text.words) <= box.width - 2 * flow_diagram.PADDING for text in box.texts)
        words = "".join("".join((stage.title, *stage.lines)).split())
        assert "".join("".join(text.words for text in box.texts).split()) == words
    assert bottom < diagram.height
    assert len(diagram.branches) == sum(stage.side for stage in stages)


def test_long_and_wide_words_are_broken():
    assert wrap(f"a bb{flow_diagram.NO_BREAK}1", 5 * flow_diagram.CHARACTER) == ["a", f"bb{flow_diagram.NO_BREAK}1"]
    assert wrap("aaaa bb cc", 5 * flow_diagram.CHARACTER) == ["aaaa", "bb cc"]
    assert wrap("a" * 7, 3 * flow_diagram.CHARACTER) == ["aaa", "aaa", "a"]
    assert wrap("肿瘤肿瘤", 2 * flow_diagram.WIDE) == ["肿瘤", "肿瘤"]
    assert breadth("\u2068a\u2069\u0301") == flow_diagram.CHARACTER


def test_characteristics_count_images_and_patients(tmp_path):
    """Four images of two patients in training, one in the test; a class and a value of a subgroup called All."""
    rows = [
        {"subject": "a", "group": "p", "class": "All", "sex": "f"},
        {"subject": "b", "group": "p", "class": "All", "sex": "f"},
        {"subject": "c", "group": "p", "class": HEBREW, "sex": "f"},
        {"subject": "d", "group": "q", "class": HEBREW, "sex": "All"},
        {"subject": "e", "group": "r", "class": HEBREW, "sex": "All", "split": "test", "cohort": "x"},
    ]
    dataset = write_dataset(tmp_path / "d", subjects(rows), subgroups=["sex"], classes=("All", HEBREW))
    (shown,) = characteristics.gather(study_of(tmp_path, dataset))["datasets"]
    assert shown["has_patients"] and shown["folds"] == 0
    assert shown["classes"].groups == (("All", 3), ("Training", 3), ("Test", 3))
    assert cells(shown["classes"]) == [
        ["All", *("2", "40.0", "1"), *("2", "50.0", "1"), *("0", "0.0", "0")],
        [HEBREW, *("3", "60.0", "3"), *("2", "50.0", "2"), *("1", "100.0", "1")],
        ["All", *("5", "100.0", "3"), *("4", "100.0", "2"), *("1", "100.0", "1")],
    ]
    subsets = cells(shown["subsets"])
    assert [row[:3] for row in subsets if row[1] == "x"] == [["Cohort", "x", name] for name in ("All", "All", HEBREW)]
    assert ["Sex", "All", "All", "2", "2", "1", "1", "1", "1"] in subsets
    assert ["Sex", "f", "All", "2", "1", "2", "1", "0", "0"] in subsets
    assert ["Sex", "f", "All", "3", "1", "3", "1", "0", "0"] in subsets
    study = study_of(tmp_path, dataset)
    shown_as_text(rendered("characteristics", study, characteristics.gather(study)), HEBREW)


def test_characteristics_of_folds_are_of_those_tested(tmp_path):
    rows = [{"subject": name, "class": AMPERSAND, "split": ""} for name in "abc"]
    dataset = write_dataset(
        tmp_path / "d",
        subjects([*rows, {"subject": "d", "split": ""}]),
        folds=[["test", "train", "train", "test"], ["train", "test", "test", "train"]],
        repeats=3,
        classes=(SCRIPT, AMPERSAND),
    )
    study = study_of(tmp_path, dataset)
    (shown,) = characteristics.gather(study)["datasets"]
    assert not shown["has_patients"] and shown["subsets"] is None and (shown["folds"], shown["repeats"]) == (2, 3)
    assert [row[1::2] for row in cells(shown["classes"])] == [["1", "1", "0"], ["3", "1", "2"], ["4", "2", "2"]]
    page = shown_as_text(rendered("characteristics", study, characteristics.gather(study)), SCRIPT, AMPERSAND)
    assert "in the first of 3 repeats" in page.text


def test_the_audit_shows_pairs_with_labels_sides_and_pictures(tmp_path, pair):
    study = study_of(tmp_path, pair)
    (shown,) = audit.gather(study)["datasets"]
    assert shown["counts"] == {"equal": 2, "conflicting": 1, "across_split": 1, "across_groups": 0, "divided": 0}
    first, second = shown["sets"]
    assert first["flags"] == ["on several sides of the split", "labels differ"] and second["flags"] == []
    assert [(one["subject"], one["class"], one["side"]) for one in first["members"]] == [
        ("one", AMPERSAND, "test"),
        ("two", HEBREW, "training"),
        ("out", SCRIPT, ""),
    ]
    # The third is not packed: its pixels are those of the first.
    pictures = [one["picture"] for one in first["members"]]
    assert pictures[2] == pictures[0] and [one["of_twin"] for one in first["members"]] == [False, False, True]
    assert abs(int(pixels_of(pictures[1])[0, 0]) - 30) <= 4
    assert [row[0] for row in cells(shown["excluded"])] == ["out", "odd"]
    html = rendered("audit", study, audit.gather(study))
    page = shown_as_text(html, AMPERSAND, HEBREW, SCRIPT, "size: 3x3; blank", "picture of its duplicate")
    images = [given for tag, given in page.tags if tag == "img"]
    assert len(images) == 5 and all(one["loading"] == "lazy" and "enlarges" in one["class"] for one in images)
    assert "from several patients" not in page.text, "where none are known"


def test_the_audit_of_patients_on_several_sides_and_of_volumes(tmp_path):
    rows = [
        {"subject": "s1", "group": "<i>p", "split": "test"},
        {"subject": "s2", "group": "<i>p"},
        {"subject": "s3", "group": "q"},
    ]
    dataset = write_dataset(tmp_path / "d", subjects(rows), "volumes")
    study = study_of(tmp_path, dataset)
    (shown,) = audit.gather(study)["datasets"]
    assert shown["counts"]["divided"] == 1 and shown["counts"]["equal"] == 0
    (divided,) = shown["sets"]
    assert not divided["equal"] and divided["group"] == "<i>p" and not divided["members"][0]["of_twin"]
    page = shown_as_text(rendered("audit", study, audit.gather(study)), "patient <i>p", "No exclusions")
    assert "No two volumes have identical voxels" in page.text


def test_of_folds_the_audit_says_who_is_tested_where(tmp_path):
    rows = [{"subject": name, "split": "", "pixel_sha256": "same"} for name in "ab"]
    dataset = write_dataset(tmp_path / "d", subjects(rows), folds=[["test", "train"], ["train", "test"]])
    (shown,) = audit.gather(study_of(tmp_path, dataset))["datasets"]
    assert [one["side"] for one in shown["sets"][0]["members"]] == ["tested in fold 0", "tested in fold 1"]


def test_no_more_pictures_of_duplicates_than_a_page_can_hold(tmp_path, monkeypatch):
    monkeypatch.setattr(audit, "MOST_SETS", 2)
    monkeypatch.setattr(audit, "MOST_MEMBERS", 3)
    rows = [{"subject": f"s{n}", "pixel_sha256": f"{n % 4}"} for n in range(20)]
    dataset = write_dataset(tmp_path / "d", subjects(rows))
    (shown,) = audit.gather(study_of(tmp_path, dataset))["datasets"]
    assert len(shown["sets"]) == 2 and shown["further"] == 2 and len(shown["duplicates"].rows) == 20
    assert [(len(one["members"]), one["further"]) for one in shown["sets"]] == [(3, 2), (3, 2)]


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


def test_the_gallery_has_those_that_all_miss_and_the_most_certain_errors(tmp_path, pair, monkeypatch):
    monkeypatch.setattr(failures, "MOST_MISSED", 1)
    monkeypatch.setattr(failures, "MOST_CERTAIN", 2)
    rows = [
        failure("one", **{"class": AMPERSAND}),
        failure("<b>", confident_probability=0.7),
        failure("first", n_wrong=1, confident_probability=0.95),
    ]
    write_text(tmp_path / "tables/study/failures.csv", FAILURES.csv(pd.DataFrame(rows)))
    study = study_of(tmp_path, pair)
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


BENCHMARK = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"


def write_benchmark(path, seconds, memory, cpu):
    write_text(path, f"{BENCHMARK}{seconds}\t0:00:01\t{memory}\t1\t1\t1\t0\t0\t9\t{cpu}")


def write_training(study, dataset, condition, device, seconds):
    folder = study.runs / dataset / condition / "seed-0"
    write_text(folder / "config.yaml", yaml.safe_dump({key: {} for key in PARTS} | {"recorded": {"device": device}}))
    write_text(
        folder / "history.csv", history_csv([Epoch(1, 0.1, 0.1, 0.1, seconds), Epoch(2, 0.1, 0.1, 0.1, seconds)])
    )


def test_times_of_every_step_and_in_all(tmp_path):
    """One training on the CPU, one on a GPU that was interrupted, one on another machine; others do not count."""
    dataset = write_dataset(tmp_path / "datasets/d", subjects([{"subject": "a"}]))
    study = study_of(tmp_path, dataset, conditions=["cpu", "gpu", "elsewhere"])
    for condition, device, seconds in (("cpu", "cpu", 900), ("gpu", "cuda:0", 3600), ("elsewhere", "cuda", 1800)):
        write_training(study, "d", condition, device, seconds)
    folder = study.benchmarks
    write_benchmark(folder / "train/study/d/cpu/seed-0.tsv", 3600, 1024, 1800)
    write_benchmark(folder / "train/study/d/gpu/seed-0.tsv", 3600, 2048, 720)
    write_benchmark(folder / "train/other/d/cpu/seed-0.tsv", 9e9, 9e9, 9e9)
    write_benchmark(folder / "train/d/d/cpu/seed-0.tsv", 9e9, 9e9, 9e9)
    write_benchmark(folder / "register/d/s1.tsv", 180, 512, 90)
    write_benchmark(folder / "register/d/s2.tsv", 180, "NA", "NA")
    write_benchmark(folder / "cohort/d.tsv", 36, "-", "-")
    write_benchmark(folder / "statistics/study.tsv", 36, 512, 36)
    write_benchmark(folder / "statistics/d.tsv", 9e9, 9e9, 9e9)
    shown = compute.gather(study)
    assert cells(shown["panel"]) == [
        ["cohort", "d", "1", "0.010", "–", "0.000", "0.60", "–"],
        ["register", "d", "2", "0.100", "0.025", "0.000", "3.00", "0.50"],
        # 3600 s; 7200 s of two epochs, of which the last attempt is 3600; 3600 s of epochs.
        ["train", "d", "3", "4.000", "0.700", "3.000", "120.00", "2.00"],
        ["statistics", "", "1", "0.010", "0.010", "0.000", "0.60", "0.50"],
        ["All steps", "", "7", "4.120", "0.735", "3.000", "120.00", "2.00"],
    ]
    assert shown["unmeasured"] == 3 and shown["totals"] == {"wall": "4.12", "cpu": "0.73", "gpu": "3.00"}
    shown_as_text(rendered("compute", study, shown), "0.73 CPU-hours and 3.00 GPU-hours", "The CPU time of 3 jobs")


def test_every_benchmark_file_of_the_workflow_is_counted(checkout):
    rules = "\n".join(path.read_text() for path in (checkout / "workflow/rules").glob("*.smk"))
    named = set(re.findall(r'benchmark:\s+"results/benchmarks/(\w+)/\{(\w+)\}', rules))
    assert named == set(STEPS.items())


def test_a_file_that_is_no_benchmark_is_named(tmp_path):
    (tmp_path / "x.tsv").write_text("a\tb\n1\t2\n")
    with pytest.raises(UserError, match=r"x\.tsv: not a benchmark file of Snakemake"):
        read_benchmark(tmp_path / "x.tsv")


def test_licences_are_shown_as_they_are_stated(tmp_path):
    dataset = write_dataset(tmp_path / "d", subjects([{"subject": "a"}]))
    study = study_of(tmp_path, replace(dataset, licence="<i>CC BY</i> & so on"), replace(dataset, name=HEBREW))
    page = shown_as_text(rendered("licences", study, licences.gather(study)), "<i>CC BY</i> & so on", "not stated")
    assert ("bdi", {}) in page.tags
    assert HEBREW in page.text
