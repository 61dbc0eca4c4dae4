"""Tables in print: Markdown, LaTeX and HTML to the letter, numbers and labels."""

import re

import pytest
from table_cases import CONDITIONS, tidy

from imbalance_aware.reporting import formats, labels
from imbalance_aware.reporting.grid import Cell, Grid, Panel, Row, number, without_repeats
from imbalance_aware.reporting.table_catalogue import TABLES
from imbalance_aware.reporting.tables import make_table

GRID = Grid(
    name="my_table",
    title="Score_1 & more",
    panels=(
        Panel(
            stubs=("Set", "Kind"),
            columns=("A_1", "B"),
            groups=(("50 %", 2),),
            rows=(
                Row(("x_y", "one"), (Cell("0.57", " ± 0.03", bold=True), Cell("–"))),
                Row(("", "two"), (Cell("−0.01"), Cell("0.30", marks="†2")), rule=True, muted=True),
            ),
        ),
    ),
    notes=("†k: a < b.",),
)

MARKDOWN = r"""**Score\_1 \& more**

| Set | Kind | 50 % A\_1 | 50 % B |
| --- | --- | --- | --- |
| x\_y | one | **0.57** ± 0.03 | – |
|  | two | −0.01 | 0.30 †2 |

†k: a \< b.
"""

LATEX = r"""% Needs \usepackage{booktabs,graphicx}.
\begin{table}[tb]
\centering\small
\caption{Score\_1 \& more}
\label{tab:my-table}
\resizebox{\ifdim\width>\textwidth\textwidth\else\width\fi}{!}{%
\begin{tabular}{llll}
\toprule
 &  & \multicolumn{2}{c}{50 \%} \\
\cmidrule(lr){3-4}
Set & Kind & A\_1 & B \\
\midrule
x\_y & one & \textbf{0.57} $\pm$ 0.03 & -- \\
\midrule
 & two & $-$0.01 & 0.30 $^{\dagger}$2 \\
\bottomrule
\end{tabular}
}\par\medskip
{\footnotesize $^{\dagger}$k: a \textless{} b.\par}
\end{table}
"""


def test_markdown_to_the_letter():
    assert formats.to_markdown(GRID) == MARKDOWN


def test_latex_to_the_letter():
    assert formats.to_latex(GRID) == LATEX


def test_html_holds_the_same_and_escapes():
    page = formats.to_html(GRID)
    assert "<td><strong>0.57</strong> ± 0.03</td><td>–</td>" in page
    assert '<tr class="rule muted"><th></th><th>two</th><td>−0.01</td><td>0.30 †2</td></tr>' in page
    assert "Score_1 &amp; more" in page and "a &lt; b" in page
    assert '<th class="group" colspan="2">50 %</th>' in page


def test_latex_is_ascii_balanced_and_as_wide_as_it_says(published):
    runs = [
        (d, row["condition"], s, 0.4 + s / 9) for d in ("glioma", "odd_set&%") for row in CONDITIONS for s in (0, 1)
    ]
    for name in ("table1_balanced_accuracy", "table2_f1_by_class"):
        metrics = tidy(*runs, metric=TABLES[name].metrics[0].replace("<class>", "no"))
        text = formats.to_latex(make_table(name, metrics, published)[0])
        assert text.isascii()
        assert text.count("{") - text.count(r"\{") == text.count("}") - text.count(r"\}")
        assert re.findall(r"\\begin\{(\w+)\}", text) == re.findall(r"\\end\{(\w+)\}", text)[::-1]
        assert not re.search(r"(?<!\\)[%#_](?!$)", text.split("\n", 1)[1], flags=re.MULTILINE)
        width = len(re.search(r"\\begin\{tabular\}\{(l+)\}", text)[1])
        for line in text.splitlines():
            if line.endswith(r"\\"):
                spans = sum(int(span) - 1 for span in re.findall(r"\\multicolumn\{(\d+)\}", line))
                assert len(re.findall(r"(?<!\\)&", line)) + 1 + spans == width


@pytest.mark.parametrize(
    ("value", "signed", "text"),
    [
        (0.5, False, "0.50"),
        (-0.051, False, "−0.05"),
        (0.05, True, "+0.05"),
        (-0.004, True, "0.00"),
        (0.0, True, "0.00"),
    ],
)
def test_numbers(value, signed, text):
    assert number(value, 2, signed) == text


def test_repeated_labels_are_blank_only_under_the_same_left_part():
    rows = [("a", "x", "1"), ("a", "x", "2"), ("a", "y", "2"), ("b", "y", "2"), ("b", "y", "2")]
    assert without_repeats(rows) == [("a", "x", "1"), ("", "", "2"), ("", "y", "2"), ("b", "y", "2"), ("", "", "2")]


def test_labels():
    assert labels.loss_label("ce+soft_mcc") == "CE + MCC"
    assert labels.loss_label("ce+0.5*soft_f1") == "CE + 0.5 F1"
    assert labels.loss_label("balanced_softmax") == "Balanced softmax"
    assert labels.sampling_label("uniform", True) == "+ Weights"
    assert labels.sampling_label("square_root", True) == "Square root + weights"
    assert labels.readable("fundus_phantoms") == "Fundus phantoms"
    assert labels.readable("mri_phantoms") == "MRI phantoms"


def test_one_loss_with_two_arguments_gets_two_labels():
    assert labels.loss_labels([("focal", "focal"), ("focal_gamma5", "focal"), ("mine", "ce")]) == {
        "focal": "Focal",
        "focal_gamma5": "Focal gamma5",
        "mine": "CE",
    }
