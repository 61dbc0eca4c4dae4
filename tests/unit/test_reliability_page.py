"""The tables of faults and attacks in docs/reliability.md: every row names a test, and every test exists."""

import ast
import re

NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


def rows(checkout):
    lines = (checkout / "docs/reliability.md").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.startswith("|") and not re.match(r"\|(---|.*\| test \|$)", line)]


def test_every_row_names_a_test(checkout):
    found = rows(checkout)
    assert len(found) > 40
    assert not [row for row in found if not re.search(r"::\w+` \|$", row)]


def test_every_test_that_the_page_names_exists(checkout):
    text = (checkout / "docs/reliability.md").read_text(encoding="utf-8")
    defined: dict[str, set[str]] = {}
    for file, test in NAMED.findall(text):
        path = checkout / file
        assert path.is_file(), file
        if file not in defined:
            tree = ast.parse(path.read_text(encoding="utf-8"))
            defined[file] = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert not test or (test.startswith("test_") and test in defined[file]), f"{file}::{test}"
    assert len(defined) > 15
