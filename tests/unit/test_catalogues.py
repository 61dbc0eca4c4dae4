"""The catalogues of figures and tables: no row without its module or caption, no module or caption without its row."""

import string

import pytest

from imbalance_aware.__main__ import STEPS
from imbalance_aware.provenance import ROOT, closure, code_digest
from imbalance_aware.reporting.figure_catalogue import FIGURES
from imbalance_aware.reporting.table_catalogue import ORDER

REPORTING = ROOT / "reporting"


def modules_that_draw() -> set[str]:
    """Those that take the arguments of every figure."""
    sources = {path.stem: path.read_text(encoding="utf-8") for path in REPORTING.glob("*.py")}
    return {name for name, source in sources.items() if "style.add_arguments(parser)" in source}


def test_every_module_that_draws_is_a_row_and_every_row_a_module():
    steps = [figure.step for figure in FIGURES]
    assert sorted(steps) == sorted(modules_that_draw())
    assert len({figure.name for figure in FIGURES}) == len(FIGURES)
    assert {STEPS[step][0] for step in steps} == {f"reporting.{step}" for step in steps}


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.step)
def test_a_row_is_whole(figure):
    assert figure.summary and figure.label and figure.caption.startswith("**")
    fields = {name for _, name, _, _ in string.Formatter().parse(figure.caption) if name}
    assert fields <= ({"study", "dataset"} if figure.scope == "dataset" else {"study"})
    assert figure.options or figure.files, "a figure of nothing would never be drawn again"


def test_a_caption_is_no_code_of_a_figure():
    """So that another wording redraws nothing; and a figure's code is its own."""
    for figure in FIGURES:
        assert "reporting.figure_catalogue" not in closure([f"reporting.{figure.step}"])
    digests = [code_digest([f"reporting.{figure.step}"]) for figure in FIGURES]
    assert len({*digests}) == len(FIGURES)


def test_every_table_has_a_caption_and_every_caption_a_place(checkout):
    captions = {path.stem for path in (checkout / "workflow" / "report").glob("*.rst")}
    rules = "".join(path.read_text() for path in (checkout / "workflow" / "rules").glob("*.smk"))
    named = {name for name in captions if f'caption="../report/{name}.rst"' in rules}
    assert "figure" in named
    assert 'report: "report/workflow.rst"' in (checkout / "workflow" / "Snakefile").read_text().splitlines()
    named.add("workflow")
    assert captions - named == {*ORDER}
