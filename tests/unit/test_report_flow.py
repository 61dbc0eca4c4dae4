"""The flow diagram of the report: numbers of samples, and boxes that hold their text."""

from hypothesis import given, settings
from hypothesis import strategies as st
from report_cases import AMPERSAND, HEBREW, SCRIPT, rendered, study_of, subjects, write_dataset, write_twins
from report_pages import plainly, shown_as_text

from imbalance_aware.report import flow_diagram
from imbalance_aware.report.flow_diagram import Stage, breadth, lay_out, wrap
from imbalance_aware.report.sections import flow


def test_the_flow_of_photographs(tmp_path):
    twins = write_twins(tmp_path / "datasets/d")
    found, excluded, included, train, test = flow.stages(twins)
    plain = [plainly(text) for text in (*found.lines, *excluded.lines)]
    assert found.title == "Found: 7 images" and excluded.title == "Excluded: 2 images" and excluded.side
    assert plain[0] == f"by class: {SCRIPT} 5, {AMPERSAND} 1, {HEBREW} 1"
    assert sorted(plain[1].removeprefix("by cohort: ").split(", ")) == sorted(["ü 6", f"{HEBREW} 1"])
    assert plain[2:] == ["missing: 1", "size: 1"] or plain[2:] == ["size: 1", "missing: 1"]
    assert (included.title, train.title, test.title) == ("Included: 5 images", "Training: 3 images", "Test: 2 images")
    html = rendered("flow", study_of(tmp_path, twins), flow.gather(study_of(tmp_path, twins)))
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
