"""Reading YAML: keys given twice, numbers that YAML reads as others, and the line of every value."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from imbalance_aware.errors import UserError
from imbalance_aware.yaml_files import read_yaml


def read(tmp_path, text, name="a.yaml"):
    (tmp_path / name).write_text(text)
    return read_yaml(tmp_path / name)


def test_every_value_has_its_line(tmp_path):
    file = read(tmp_path, "# comment\na:\n  b: [1, 2]\n  c:\n  - x: 1\n  -\n    y: 2\n")
    assert file.content == {"a": {"b": [1, 2], "c": [{"x": 1}, {"y": 2}]}}
    assert file.lines[("a",)] == 2
    assert file.lines[("a", "b")] == file.lines[("a", "b", 1)] == 3
    assert file.lines[("a", "c", 1, "y")] == 7


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: 1\nb: 2\na: 3\n", ['line 3: the key "a" occurs twice, first in line 1']),
        ("a:\n  b: 1\n  b: 1\n", ['line 3: the key "a.b" occurs twice, first in line 2']),
        ("a:\n- {b: 1, b: 2}\n", ['line 2: the key "a.0.b"']),
        ("2024: 1\n2024: 2\n", ['"2024" occurs twice']),
        ("a: 010\n", ["line 1: YAML reads 010 as 8"]),
        ("a: [1, 1:30]\n", ["YAML reads 1:30 as 90"]),
        ("a: [1\n", ["not valid YAML", "line 2"]),
        ('{"a": 1,\n\t"a": 2}', ['the key "a" occurs twice']),
    ],
)
def test_what_yaml_would_pass_over_is_told_with_its_line(tmp_path, text, words):
    with pytest.raises(UserError) as error:
        read(tmp_path, text)
    for word in ["a.yaml", *words]:
        assert word in str(error.value)


def test_what_looks_like_a_repetition_and_is_none(tmp_path):
    text = 'base: &b {x: 1, y: 2}\nother: {<<: *b, x: 3}\nloop: &l [*l]\n"010": 1.5\nplain: [0, 10, -3, "010", 1e3]\n'
    assert read(tmp_path, text).content["other"] == {"x": 3, "y": 2}


def test_json_indented_by_tabs_is_read(tmp_path):
    assert read(tmp_path, '{\n\t"a": [1, 2]\n}').content == {"a": [1, 2]}


def test_an_empty_file_is_an_empty_mapping(tmp_path):
    assert read(tmp_path, "").content == read(tmp_path, "# nothing\n").content == {}


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(min_size=1, max_size=5), values, min_size=1, max_size=4))
def test_the_content_is_that_of_yaml_and_every_place_has_a_line(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("yaml") / "a.yaml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8", newline="")
    file = read_yaml(path)
    assert file.content == yaml.safe_load(path.read_text(encoding="utf-8"))

    def check(value, place):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            assert file.lines[*place, key] >= 1
            if isinstance(inner, dict | list):
                check(inner, (*place, key))

    check(file.content, ())
