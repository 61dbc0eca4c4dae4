"""Tables: means over seeds, what is bold, the paper beside ours, and the three printed formats to the letter."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from condition_rows import conditions

from imbalance_aware.__main__ import main
from imbalance_aware.errors import UserError
from imbalance_aware.evaluation.references import MAJORITY_CLASS, PRIOR_RANDOM
from imbalance_aware.reporting import comparison_table, formats, labels
from imbalance_aware.reporting.grid import Cell, Grid, Panel, Row, number, without_repeats
from imbalance_aware.reporting.labels import REFERENCES as references_in_print
from imbalance_aware.reporting.reference_rows import read_references
from imbalance_aware.reporting.summary import read_published, summarise
from imbalance_aware.reporting.table_catalogue import TABLES
from imbalance_aware.reporting.tables import make_table
from imbalance_aware.tables.comparisons import COMPARISONS
from imbalance_aware.tables.values import VALUES

CONDITIONS = [
    *conditions("ce-uniform", "ce_f1-weighted", "mcc-oversampling"),
    {"condition": "tail_bender-uniform", "loss": "tail_bender", "sampling": "uniform", "weighted": False},
]


def tidy(*runs, batch_size=50, metric="balanced_accuracy") -> pd.DataFrame:
    """A metrics.csv from (dataset, condition, seed, value[, status[, metric]])."""
    by_name = {row["condition"]: row for row in CONDITIONS}
    rows = []
    for dataset, condition, seed, value, *rest in runs:
        status, name = [*rest, *("ok", metric)[len(rest) :]]
        rows.append(
            {"study": "s", "dataset": dataset, **by_name[condition], "batch_size": batch_size, "seed": seed}
            | {"repeat": 0, "metric": name, "value": value, "status": status}
        )
    return pd.DataFrame(rows)


@pytest.fixture
def published(checkout):
    return read_published(checkout / "resources" / "published_results.csv")


def test_mean_and_sample_standard_deviation():
    values = [0.5, 0.6, 0.9]
    row = summarise(
        tidy(*(("glioma", "ce-uniform", seed, value) for seed, value in enumerate(values))), ["balanced_accuracy"]
    ).iloc[0]
    assert row["mean"] == pytest.approx(sum(values) / 3)
    assert row["std"] == pytest.approx((sum((value - 2 / 3) ** 2 for value in values) / 2) ** 0.5)
    assert row["n_seeds"] == row["n_runs"] == 3


def repeated(*values, dataset="x", condition="ce-uniform"):
    """A metrics.csv from one list of seeds' values for each repeat."""
    parts = [
        tidy(*((dataset, condition, seed, value) for seed, value in enumerate(seeds))).assign(repeat=repeat)
        for repeat, seeds in enumerate(values)
    ]
    return pd.concat(parts, ignore_index=True)


def test_where_a_dataset_is_cross_validated_several_times_the_repeat_is_the_replicate():
    """Seeds of one repeat share their training sets: they are averaged before the spread is taken."""
    row = summarise(repeated([0.5, 0.7], [0.8, 0.8], [0.3, None]), ["balanced_accuracy"]).iloc[0]
    assert row["mean"] == pytest.approx((0.6 + 0.8 + 0.3) / 3)
    assert row["std"] == pytest.approx(np.std([0.6, 0.8, 0.3], ddof=1))
    assert (row["n_repeats"], row["n_seeds"], row["n_runs"]) == (3, 5, 6)
    once = summarise(repeated([0.5, 0.7]), ["balanced_accuracy"]).iloc[0]
    assert once["std"] == pytest.approx(np.std([0.5, 0.7], ddof=1)) and once["n_repeats"] == 1


def test_notes_say_what_the_spread_is_over():
    metrics = pd.concat(
        [repeated([0.5, 0.7], [0.8, 0.9]), tidy(("y", "ce-uniform", 0, 0.4), ("y", "ce-uniform", 1, 0.5))]
    )
    grid, _ = make_table("table1_balanced_accuracy", metrics)
    assert grid.notes[0].startswith(
        "Mean ± sample standard deviation (n − 1) over 2 seeds; over 2 repeats of the cross-validation, the seeds of "
        "each averaged first. Bold"
    )


def test_notes_say_how_a_dataset_was_cross_validated_and_which_folds_collapsed():
    counts = [("x", "ce-uniform", seed, value, "ok", name) for seed in (0, 1) for name, value in (("folds", 5),)]
    counts += [("x", "ce-uniform", 0, 2, "ok", "collapsed_folds"), ("x", "ce-uniform", 1, 0, "ok", "collapsed_folds")]
    metrics = pd.concat(
        [tidy(("x", "ce-uniform", 0, 0.5), ("x", "ce-uniform", 1, 0.6), ("y", "ce-uniform", 0, 0.5)), tidy(*counts)]
    )
    notes = make_table("table1_balanced_accuracy", metrics)[0].notes
    (line,) = [note for note in notes if "cross-validated" in note]
    assert line.startswith("X: cross-validated once in 5 folds. The predictions of all folds are pooled; AUROC")
    assert "2 of 10 training runs collapsed" in line
    assert make_table("table2_f1_by_class", pd.concat([metrics, tidy(("x", "ce-uniform", 0, 0.5, "ok", "f1_a"))]))[0]


def test_one_seed_has_no_standard_deviation():
    grid, summary = make_table("table1_balanced_accuracy", tidy(("x", "ce-uniform", 0, 0.5)))
    assert summary["std"].isna().all()
    assert grid.panels[0].rows[0].cells == (Cell("0.50"),), "the best of one is no news"
    assert grid.notes[0].startswith("One seed, hence no standard deviation.")


def test_ties_at_the_printed_precision_are_all_bold():
    metrics = tidy(
        ("x", "ce-uniform", 0, 0.614), ("x", "ce_f1-weighted", 0, 0.606), ("x", "mcc-oversampling", 0, 0.604)
    )
    assert summarise(metrics, ["balanced_accuracy"])["best"].tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("values", "best"),
    [
        ([(0.0, "collapsed"), (0.0, "ok")], [False, False]),
        ([(0.33, "collapsed"), (0.30, "ok")], [False, False]),
        ([(0.0, "ok"), (-0.1, "ok")], [False, False]),
        ([(0.4, "ok"), (0.4, "ok")], [False, False]),
        ([(0.4, "ok"), (0.33, "collapsed")], [True, False]),
    ],
)
def test_nothing_is_best_without_a_worse_one_at_chance_or_of_collapsed_runs(values, best):
    (first, status), (second, other) = values
    metrics = tidy(("x", "ce-uniform", 0, first, status), ("x", "mcc-oversampling", 0, second, other), metric="mcc")
    assert summarise(metrics, ["mcc"])["best"].tolist() == best


@pytest.mark.parametrize(("subjects", "bold"), [(4, False), (5, True)])
def test_nothing_is_bold_where_a_class_has_fewer_than_five_test_subjects(subjects, bold):
    runs = [("x", "ce-uniform", 0, 0.5), ("x", "mcc-oversampling", 0, 0.7), ("y", "ce-uniform", 0, 0.5)]
    runs += [("y", "mcc-oversampling", 0, 0.7)]
    counts = [("x", "ce-uniform", 0, subjects, "ok", "test_subjects_rare_thing")]
    counts += [
        ("x", "ce-uniform", 0, 50, "ok", "test_subjects_no"),
        ("y", "ce-uniform", 0, 9, "ok", "test_subjects_no"),
    ]
    metrics = pd.concat([tidy(*runs, *counts), tidy(*((*run, "ok", "f1_rare_thing") for run in runs))])
    metrics = pd.concat([metrics, tidy(*((*run, "ok", "f1_no") for run in runs))])
    best = summarise(metrics, ["balanced_accuracy", "f1_rare_thing", "f1_no"]).query("mean == 0.7")
    best = best.set_index(["dataset", "metric"])["best"]
    assert (best["x", "balanced_accuracy"], best["x", "f1_rare_thing"]) == (bold, bold)
    assert best["x", "f1_no"] and best["y"].all(), "values that depend on no small class stay bold"
    notes = make_table("table1_balanced_accuracy", metrics)[0].notes
    assert any("Fewer than 5 test subjects: X: Rare thing (4)" in note for note in notes) != bold


def test_lowest_is_best_where_less_is_better():
    metrics = tidy(("x", "ce-uniform", 0, 0.3), ("x", "mcc-oversampling", 0, 0.9), metric="brier")
    assert summarise(metrics, ["brier"])["best"].tolist() == [True, False]


def test_collapsed_runs_count_in_the_mean_and_diverged_do_not():
    metrics = tidy(
        ("x", "mcc-oversampling", 0, 0.6),
        ("x", "mcc-oversampling", 1, 0.36, "collapsed"),
        ("x", "mcc-oversampling", 2, None, "diverged"),
        ("x", "ce-uniform", 0, None, "diverged"),
    )
    grid, summary = make_table("table1_balanced_accuracy", metrics)
    row = summary.set_index("condition").loc["mcc-oversampling"]
    assert (row["mean"], row["n_seeds"], row["n_runs"]) == (pytest.approx(0.48), 2, 3)
    cells = {row.labels[-1]: [cell.plain for cell in row.cells] for row in grid.panels[0].rows}
    assert cells == {"Uniform": ["– ‡1", "–"], "Oversampling": ["–", "0.48 ± 0.17 †1 ‡1"]}
    assert "1 of 4 runs in this table" in grid.notes[1] and "2 of 4 runs in this table" in grid.notes[2]


def test_every_published_value_finds_its_place(published):
    names = {metric for metric in published["metric"]}
    assert len(published) == 222 and not published.duplicated(["dataset", "condition", "batch_size", "metric"]).any()
    assert names == {
        *("balanced_accuracy", "f1_macro", "auroc_macro", "mcc"),
        *("f1_no", "f1_early", "f1_advanced", "f1_glioblastoma", "f1_astrocytoma", "f1_oligodendroglioma"),
    }


def test_errata_of_tables_2_and_3_hold_for_the_shipped_values(published):
    """The mean of Table 2's class-wise F1 is Table 3, but for glaucoma's CE family, where two rows are swapped."""
    values = published.assign(f1=published["metric"].str.startswith("f1_") & (published["metric"] != "f1_macro"))
    means = values[values["f1"]].groupby(["dataset", "condition"])["reference_mean"].mean()
    printed = values[values["reference"] == "Table 3"].set_index(["dataset", "condition"])["reference_mean"]
    swap = {"uniform": "weighted", "weighted": "uniform"}
    for (dataset, condition), mean in means.items():
        loss, sampling = condition.split("-")
        swapped = dataset == "glaucoma" and loss.startswith("ce")
        other = f"{loss}-{swap.get(sampling, sampling)}" if swapped else condition
        # Three rounded values and a rounded mean: each off by at most 0.005.
        assert printed[dataset, other] == pytest.approx(mean, abs=0.0101)
    assert abs(printed["glaucoma", "ce-uniform"] - means["glaucoma", "ce-uniform"]) > 0.02


def test_paper_is_compared_only_where_dataset_condition_and_batch_size_match(published):
    metrics = pd.concat(
        [
            tidy(("glioma", "ce-uniform", 0, 0.58), ("glioma_phantoms", "ce-uniform", 0, 0.58)),
            tidy(("glioma", "mcc-oversampling", 0, 0.60), batch_size=10),
            tidy(("glaucoma", "tail_bender-uniform", 0, 0.7)),
        ]
    )
    summary = summarise(metrics, ["balanced_accuracy"], published)
    found = {(row.dataset, row.condition): row.reference_mean for row in summary.itertuples()}
    assert found == pytest.approx(
        {
            ("glioma", "ce-uniform"): 0.55,
            ("glioma", "mcc-oversampling"): 0.51,
            ("glaucoma", "tail_bender-uniform"): float("nan"),
            ("glioma_phantoms", "ce-uniform"): float("nan"),
        },
        nan_ok=True,
    )
    difference = summary.set_index(["dataset", "condition"])["difference"]
    assert difference["glioma", "ce-uniform"] == pytest.approx(0.03)


def test_paper_lines_and_errata_are_shown_only_where_compared(published):
    real = tidy(("glaucoma", "ce-uniform", 0, 0.7), ("glaucoma", "tail_bender-uniform", 0, 0.6), metric="f1_macro")
    phantom = real.assign(dataset="fundus_phantoms")
    grid, _ = make_table("table3_f1_macro", real, published)
    assert [row.labels[-1] for row in grid.panels[0].rows] == ["obtained", "paper", "difference"]
    assert [row.cells[0].plain for row in grid.panels[0].rows] == ["0.70", "0.71", "−0.01"]
    assert any("one of the two tables has them swapped" in note for note in grid.notes)
    for grid in (make_table("table3_f1_macro", phantom, published)[0], make_table("table3_f1_macro", real)[0]):
        assert all(len(row.labels) == 2 for row in grid.panels[0].rows)
        assert not any("Paper" in note for note in grid.notes)


def test_the_papers_losses_samplings_and_datasets_come_first():
    runs = [
        (dataset, row["condition"], 0, 0.5)
        for dataset in ("mri_phantoms", "glaucoma", "glioma")
        for row in CONDITIONS[::-1]
    ]
    panel = make_table("table1_balanced_accuracy", tidy(*runs))[0].panels[0]
    assert panel.columns == ("CE", "CE + F1", "MCC", "Tail bender")
    assert [row.labels for row in panel.rows] == [
        (dataset if sampling == "Uniform" else "", sampling)
        for dataset in ("Glioma", "Glaucoma", "MRI phantoms")
        for sampling in ("Uniform", "+ Weights", "Oversampling")
    ]


def test_wide_tables_are_cut_into_panels_without_empty_rows():
    rows = [{**CONDITIONS[0], "condition": f"new_{index}-uniform", "loss": f"new_{index}"} for index in range(8)]
    frame = pd.concat([tidy(("x", "ce-uniform", 0, 0.5)).assign(**row) for row in [*rows, CONDITIONS[2]]])
    panels = make_table("table1_balanced_accuracy", frame)[0].panels
    assert [panel.columns[0] for panel in panels] == ["MCC", "New 5"]
    assert [len(panel.rows) for panel in panels] == [2, 1]


def test_class_columns_are_grouped_by_dataset():
    metrics = tidy(
        ("glaucoma", "ce-uniform", 0, 0.8, "ok", "f1_no"),
        ("glaucoma", "ce-uniform", 0, 0.4, "ok", "f1_early"),
        ("glaucoma", "ce-uniform", 0, 0.6, "ok", "f1_macro"),
        ("mine", "ce-uniform", 0, 0.6, "ok", "f1_rare_thing"),
    )
    panel = make_table("table2_f1_by_class", metrics)[0].panels[0]
    assert panel.groups == (("Glaucoma", 2), ("Mine", 1))
    assert panel.columns == ("No", "Early", "Rare thing")
    assert [cell.text for cell in panel.rows[0].cells] == ["0.80", "0.40", "0.60"]


def test_posthoc_values_are_beside_those_before():
    metrics = tidy(
        ("x", "ce-uniform", 0, 0.50),
        ("x", "ce-uniform", 0, 0.58, "ok", "posthoc_balanced_accuracy"),
        ("x", "ce-uniform", 0, 0.40, "ok", "posthoc_mcc"),
        ("x", "ce-uniform", 0, 0.41, "ok", "mcc"),
    )
    panel = make_table("posthoc_logit_adjustment", metrics)[0].panels[0]
    assert panel.columns == ("Balanced accuracy", "MCC")
    assert [row.labels[-1] for row in panel.rows] == ["after", "before", "difference"]
    assert [[cell.text for cell in row.cells] for row in panel.rows] == [
        ["0.58", "0.40"],
        ["0.50", "0.41"],
        ["+0.08", "−0.01"],
    ]


def test_temperature_scaling_is_beside_what_was_before():
    metrics = tidy(
        *(
            ("x", "ce-uniform", 0, value, "ok", name)
            for name, value in (("brier", 0.5), ("ece", 0.2), ("log_loss", 1.5))
        ),
        *(("x", "ce-uniform", 0, 0.3, "ok", f"temperature_{name}") for name in ("brier", "ece", "log_loss")),
    )
    grid = make_table("temperature_scaling", metrics)[0]
    assert "lower is better" in grid.title
    assert [[cell.text for cell in row.cells] for row in grid.panels[0].rows] == [
        ["0.30"] * 3,
        ["1.50", "0.50", "0.20"],
        ["−1.20", "−0.20", "+0.10"],
    ]


def test_small_batches_name_their_size_and_the_papers_table(published):
    metrics = tidy(("glioma", "mcc-oversampling", 0, 0.5), batch_size=10)
    grid, _ = make_table("table6_small_batches", metrics, published)
    assert grid.title == "Small batches (batch size 10)"
    assert any(note.startswith("Paper: Table 6 of Scholz et al.") for note in grid.notes)


def test_html_table_shows_a_csv_as_it_is(tmp_path):
    table, page = tmp_path / "flow.csv", tmp_path / "flow.html"
    table.write_text("cohort,class,subjects\nUCSF-PDGM,a<b,012\n")
    assert main(["html_table", "--table", str(table), "--title", "Flow", "--out", str(page)]) == 0
    assert "<th>Cohort</th><th>Class</th><th>Subjects</th>" in page.read_text()
    assert "<td>UCSF-PDGM</td><td>a&lt;b</td><td>012</td>" in page.read_text()
    table.write_text("cohort,class\n")
    assert main(["html_table", "--table", str(table), "--title", "Flow", "--out", str(page)]) == 0
    assert "<p>None.</p>" in page.read_text()


def test_table_of_a_metric_that_nobody_has_is_a_user_error():
    with pytest.raises(UserError, match="no run has the metric f1_<class>"):
        make_table("table2_f1_by_class", tidy(("x", "ce-uniform", 0, 0.5)))


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


def test_classes_that_would_print_alike_keep_their_names():
    metrics = tidy(*(("x", "ce-uniform", 0, 0.8, "ok", f"f1_{name}") for name in ("a_b", "a b", "rare_thing")))
    assert make_table("table2_f1_by_class", metrics)[0].panels[0].columns == ("a_b", "a b", "Rare thing")


def write_run(folder, dataset, condition, seed, **metrics):
    path = folder / "runs" / "s" / dataset / condition / f"seed-{seed}" / "metrics.json"
    path.parent.mkdir(parents=True)
    report = {"n": 9, "classes": ["no", "yes"], "status": "ok", **metrics, "confusion_matrix": [[1, 2], [3, 3]]}
    report["posthoc_logit_adjustment"] = {"tau": 1.0, "status": "collapsed", "mcc": 0.0}
    path.write_text(json.dumps(report))
    return str(path)


def test_collect_then_tables_from_the_command_line(tmp_path):
    runs = [
        write_run(tmp_path, "toy", "mcc-oversampling", 10, mcc=0.1234567890123456, balanced_accuracy=0.6),
        write_run(tmp_path, "toy", "mcc-oversampling", 9, mcc=None, balanced_accuracy=0.5),
        write_run(tmp_path, "toy", "ce-uniform", 9, mcc=0.2, balanced_accuracy=0.7),
    ]
    table = tmp_path / "metrics.csv"
    collect = ["collect", "--study", "s", "--conditions", json.dumps(CONDITIONS), "--batch-size", "5"]
    assert main([*collect, "--out", str(table), *runs]) == 0
    lines = table.read_text().splitlines()
    assert lines[0] == "study,dataset,condition,loss,sampling,weighted,batch_size,seed,repeat,unit,metric,value,status"
    assert lines[1] == "s,toy,ce-uniform,ce,uniform,False,5,9,0,sample,mcc,0.2,ok"
    assert lines[4] == "s,toy,mcc-oversampling,soft_mcc,oversampling,False,5,9,0,sample,mcc,,ok"
    assert lines[7] == "s,toy,mcc-oversampling,soft_mcc,oversampling,False,5,10,0,sample,mcc,0.1234567890123456,ok"
    assert lines[9] == "s,toy,mcc-oversampling,soft_mcc,oversampling,False,5,10,0,sample,posthoc_mcc,0.0,collapsed"

    out = tmp_path / "tables"
    assert main(["tables", "--metrics", str(table), "--tables", "table5_mcc", "--out", str(out)]) == 0
    assert sorted(path.name for path in out.iterdir()) == [f"table5_mcc.{s}" for s in ("csv", "html", "md", "tex")]
    assert "| Toy | Uniform | **0.20** | – |" in (out / "table5_mcc.md").read_text()


def test_collect_reads_the_projects_table_of_conditions(tmp_path, checkout):
    run = write_run(tmp_path, "toy", "ce_f1-weighted", 0, mcc=0.5)
    table = checkout / "config" / "conditions.tsv"
    out = tmp_path / "metrics.csv"
    arguments = ["collect", "--study", "s", "--conditions", str(table), "--batch-size", "5", "--out", str(out), run]
    assert main(arguments) == 0
    assert out.read_text().splitlines()[1] == "s,toy,ce_f1-weighted,ce+soft_f1,uniform,True,5,0,0,sample,mcc,0.5,ok"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"study": "other"}, 'is of the study "s", not "other"'),
        ({"conditions": json.dumps(CONDITIONS[1:])}, 'condition "ce-uniform" is not among'),
        ({"conditions": '[{"condition": "ce-uniform"}]'}, "expected condition, loss, sampling and weighted"),
        ({"conditions": "nowhere.tsv"}, "nowhere.tsv: no such file"),
        ({"twice": True}, "given twice"),
        ({"path": "s/toy/ce-uniform/seed-0/fold-1/metrics.json"}, "is from one fold"),
        ({"text": "{"}, "not the metrics of a run"),
        ({"text": "[]"}, "not the metrics of a run"),
        ({"path": "elsewhere/metrics.json"}, "not a file of a run"),
    ],
)
def test_collect_explains_what_does_not_fit(tmp_path, capsys, changed, message):
    path = write_run(tmp_path, "toy", "ce-uniform", 0, mcc=0.5)
    if "text" in changed:
        (tmp_path / "runs/s/toy/ce-uniform/seed-0/metrics.json").write_text(changed["text"])
    runs = [changed.get("path", path)] * (2 if "twice" in changed else 1)
    conditions = changed.get("conditions", json.dumps(CONDITIONS))
    arguments = ["collect", "--study", changed.get("study", "s"), "--conditions", conditions, "--batch-size", "5"]
    assert main([*arguments, "--out", str(tmp_path / "m.csv"), *runs]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "m.csv").exists()


def test_a_study_of_one_condition_has_nothing_to_compare(tmp_path):
    (tmp_path / "comparisons.csv").write_text(",".join(COMPARISONS.columns) + "\n")
    grid, numbers = comparison_table.make_comparison(tmp_path / "comparisons.csv", pd.DataFrame())
    assert numbers.empty
    for convert in (formats.to_markdown, formats.to_latex, formats.to_html):
        assert "nothing to compare it with" in convert(grid)
        assert "Difference from the baseline" in convert(grid)


def reference(metric, value, name="majority_class", dataset="x"):
    """A row of values.csv of what needs no image."""
    row = {"dataset": dataset, "condition": name, "rule": "reference", "unit": "sample", "metric": metric}
    return row | {"value": value}


@pytest.mark.parametrize(
    ("name", "metric", "labels"),
    [
        (
            "table1_balanced_accuracy",
            "balanced_accuracy",
            [("X", "Majority class"), ("", "Prior-random"), ("", "Uniform")],
        ),
        ("calibration", "brier", [("Majority class", ""), ("Prior-random", ""), ("CE", "Uniform")]),
    ],
)
def test_what_needs_no_image_comes_first(tmp_path, name, metric, labels):
    rows = [reference(metric, 0.4), reference(metric, 0.3, "prior_random"), reference(metric, 0.9, dataset="y")]
    (tmp_path / "values.csv").write_text(VALUES.csv(pd.DataFrame(rows)))
    references = read_references(tmp_path / "values.csv", "group")
    metrics = tidy(("x", "ce-uniform", 0, 0.5), ("x", "ce-uniform", 1, 0.6), metric=metric)
    grid, numbers = make_table(name, metrics, references=references)
    (panel,) = grid.panels
    assert [row.labels for row in panel.rows] == labels
    assert [row.cells[0].plain for row in panel.rows][:2] == ["0.40", "0.30"]
    assert numbers["condition"].tolist() == ["majority_class", "prior_random", "ce-uniform"]
    assert grid.notes[0].startswith("Mean ± sample standard deviation (n − 1) over 2 seeds.")
    assert any(note.startswith("Majority class: the most frequent") for note in grid.notes)
    assert {*references_in_print} == {MAJORITY_CLASS, PRIOR_RANDOM}


def test_a_bold_value_is_no_conclusion_where_others_may_be_the_best():
    metrics = tidy(("toy", "ce-uniform", 0, 0.7), ("toy", "mcc-oversampling", 0, 0.8))
    ranks = pd.DataFrame(
        [
            {"dataset": "toy", "metric": "balanced_accuracy", "possible_best": possible}
            for possible in (True, True, False)
        ]
    )
    lines = make_table("table1_balanced_accuracy", metrics, ranks=ranks)[0].notes
    assert "not a conclusion" in lines[0] and lines[1].startswith("May be the best by balanced accuracy")
    assert lines[1].endswith(": Toy 2 of 3.")
    assert not any(
        "May be" in line
        for line in make_table("calibration", tidy(("toy", "ce-uniform", 0, 0.2), metric="brier"), ranks=ranks)[0].notes
    )


def test_the_head_of_a_table_counts_test_patients_and_marks_small_classes():
    runs = [("x", "ce-uniform", 0, 0.5)]
    counts = [("x", "ce-uniform", 0, n, "ok", f"test_groups_{name}") for name, n in (("no", 30), ("early", 29))]
    counts += [("x", "ce-uniform", 0, 90, "ok", "test_subjects_no")]
    grid, _ = make_table("table1_balanced_accuracy", tidy(*runs, *counts))
    assert grid.title == "Balanced accuracy. Test patients: X: No 30, Early 29* (* fewer than 30)"


def compared(**cells):
    """A comparisons.csv of one row, of ce_f1-weighted with ce-uniform."""
    row = {"dataset": "x", "unit": "sample", "metric": "balanced_accuracy", "role": "primary", "with_baseline": True}
    row |= {"a": "ce_f1-weighted", "b": "ce-uniform", "difference": 0.05, "n_replicates": 3}
    row |= {"models_low": 0.01, "models_high": 0.09, "procedure_low": 0.004, "procedure_high": 0.096}
    row |= {"p_procedure_holm": 0.03, "p_models_holm": 0.0004, "decision": "better", "decision_models": "worse"}
    return pd.DataFrame([row | cells])


@pytest.mark.parametrize(
    ("cells", "shown"),
    [
        ({}, ["+0.050 †1", "[0.010, 0.090]", "[0.004, 0.096]", "0.030", "better"]),
        ({"relevant": True}, ["+0.050 †1", "[0.010, 0.090]", "[0.004, 0.096]", "0.030", "better by a relevant amount"]),
        (
            {"n_replicates": 1, "procedure_low": np.nan, "procedure_high": np.nan},
            ["+0.050 †1", "[0.010, 0.090]", "[–]", "< 0.001", "worse"],
        ),
        (
            {"models_low": np.nan, "procedure_low": np.nan, "p_procedure_holm": np.nan, "decision": "undecided"}
            | {"note": "not estimable: no patient changes the value"},
            ["+0.050 †1", "[–]", "[–]", "–", "not estimable"],
        ),
    ],
)
def test_the_comparison_shows_both_intervals_the_adjusted_p_and_a_word(tmp_path, cells, shown):
    path = tmp_path / "comparisons.csv"
    path.write_text(COMPARISONS.csv(compared(**cells)))
    metrics = tidy(("x", "ce-uniform", 0, 0.5), ("x", "ce_f1-weighted", 0, 0.3, "collapsed"))
    grid, numbers = comparison_table.make_comparison(path, metrics)
    (row,) = grid.panels[0].rows
    assert [cell.plain for cell in row.cells] == shown
    assert row.cells[-1].bold == shown[-1].startswith(("better", "worse"))
    assert grid.title == "Difference from CE, Uniform" and row.labels == ("CE + F1", "+ Weights")
    assert grid.panels[0].title == "X: Balanced accuracy (primary)"
    assert any("One seed: the intervals" in note for note in grid.notes) == (cells.get("n_replicates") == 1)
    assert any("1 of 1 runs" in note for note in grid.notes)
    assert any("X: not estimable: no patient changes the value." in note for note in grid.notes) == ("note" in cells)
    assert numbers["decision"].tolist() == [cells.get("decision", "better")]


def test_all_but_the_primary_metric_is_headed_exploratory(tmp_path):
    path = tmp_path / "comparisons.csv"
    rows = [compared(), compared(metric="mcc", role="exploratory"), compared(a="ce-uniform@prior")]
    path.write_text(COMPARISONS.csv(pd.concat(rows)))
    metrics = tidy(("x", "ce-uniform", 0, 0.5), ("x", "ce_f1-weighted", 0, 0.3))
    grid, _ = comparison_table.make_comparison(path, metrics)
    first, second = grid.panels
    assert [row.labels for row in first.rows] == [("CE", "Uniform, prior shift"), ("CE + F1", "+ Weights")]
    assert second.title == "X: exploratory, [this procedure]" and second.columns == ("MCC",)
    assert second.rows[0].cells[0].plain == "+0.050 [0.004, 0.096]"
    path.write_text(COMPARISONS.csv(compared(a="mcc-uniform")))
    with pytest.raises(UserError, match="has no condition mcc-uniform"):
        comparison_table.make_comparison(path, metrics)
    path.write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match=r"comparisons\.csv: lacks the column dataset"):
        comparison_table.make_comparison(path, metrics)
    path.write_text(COMPARISONS.csv(compared(difference="much")))
    with pytest.raises(UserError, match="difference is not a number"):
        comparison_table.make_comparison(path, metrics)


def test_ensembles_are_beside_their_single_runs(tmp_path):
    """From metrics.json of runs and of the ensemble to the table."""
    names = ("balanced_accuracy", "f1_macro", "auroc_macro", "mcc")
    runs = [
        write_run(tmp_path, "toy", condition, seed, **dict.fromkeys(names, value))
        for condition, values in {"ce-uniform": (0.5, 0.7), "mcc-oversampling": (0.4, 0.8)}.items()
        for seed, value in enumerate(values)
    ]
    ensembles = []
    for condition, value in {"ce-uniform": 0.65, "mcc-oversampling": 0.9}.items():
        path = write_run(tmp_path, "toy", condition, 9, **dict.fromkeys(names, value))
        folder = tmp_path / f"runs/s/toy/{condition}"
        (folder / "seed-9").rename(folder / "ensemble")
        ensembles.append(path.replace("seed-9", "ensemble"))
    collect = ["collect", "--study", "s", "--conditions", json.dumps(CONDITIONS), "--batch-size", "5", "--out"]
    assert main([*collect, str(tmp_path / "metrics.csv"), *runs]) == 0
    assert main([*collect, str(tmp_path / "ensemble_metrics.csv"), *ensembles]) == 0
    assert ",5,,0,sample,balanced_accuracy,0.65,ok" in (tmp_path / "ensemble_metrics.csv").read_text()
    tables = ["tables", "--metrics", str(tmp_path / "metrics.csv"), "--out", str(tmp_path / "tables"), "--tables"]
    assert main([*tables, "--ensembles", str(tmp_path / "ensemble_metrics.csv")]) == 0
    numbers = pd.read_csv(tmp_path / "tables/ensembles.csv")
    assert sorted(path.name for path in (tmp_path / "tables").iterdir()) == [
        f"ensembles.{suffix}" for suffix in ("csv", "html", "md", "tex")
    ]
    chosen = numbers[numbers["metric"] == "mcc"].set_index("condition")
    assert chosen["mean"].to_dict() == {"ce-uniform": 0.65, "mcc-oversampling": 0.9}
    assert chosen["reference_mean"].to_dict() == pytest.approx({"ce-uniform": 0.6, "mcc-oversampling": 0.6})
    assert chosen["difference"].to_dict() == pytest.approx({"ce-uniform": 0.05, "mcc-oversampling": 0.3})
    text = (tmp_path / "tables/ensembles.md").read_text()
    for cell in ("| ensemble | 0.65 |", "| single runs | 0.60 ± 0.14 |", "| difference | +0.05 |", "**0.90**"):
        assert cell in text, text
