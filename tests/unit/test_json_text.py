"""JSON from arguments and files: what is not as expected is named with the argument or the file."""

import pytest

from imbalance_aware.errors import UserError
from imbalance_aware.json_text import read_argument, read_object_argument, read_object_file
from imbalance_aware.tables.verdict import read_verdict


def test_json_is_read(tmp_path):
    path = tmp_path / "x.json"
    path.write_text('{"é": [1, null]}', encoding="utf-8")
    assert read_object_file(path, "numbers") == read_object_argument('{"é": [1, null]}', "--x") == {"é": [1, None]}
    assert read_argument("[1]", "--x") == [1]


@pytest.mark.parametrize(("text", "message"), [("{", "--x: not valid JSON"), ("[1]", r"--x: expected keys .*\[1\]")])
def test_an_argument_is_named(text, message):
    with pytest.raises(UserError, match=message):
        read_object_argument(text, "--x")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file .* It is the verdict of a study, which the step `verdict` writes"),
        (b"{", "not the verdict of a study, .*: Expecting property name"),
        (b"[]", "not the verdict of a study, .*: it contains a list"),
        (b"\xff", "line 1: byte 0xff is not UTF-8"),
        (b"{}", "not the verdict of a study, .*: it has no datasets"),
        (b'{"datasets": []}', "not the verdict of a study, .*: it has no datasets"),
    ],
)
def test_a_file_that_is_no_verdict_is_named(tmp_path, content, message):
    path = tmp_path / "verdict.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=rf"verdict\.json.*{message}"):
        read_verdict(path)
