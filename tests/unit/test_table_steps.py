"""The steps `collect`, `tables` and `html_table` from the command line."""

import json

import pandas as pd
import pytest
from table_cases import CONDITIONS

from imbalance_aware.__main__ import main


def test_html_table_shows_a_csv_as_it_is(tmp_path):
    table, page = tmp_path / "flow.csv", tmp_path / "flow.html"
    table.write_text("cohort,class,subjects\nUCSF-PDGM,a<b,012\n")
    assert main(["html_table", "--table", str(table), "--title", "Flow", "--out", str(page)]) == 0
    assert "<th>Cohort</th><th>Class</th><th>Subjects</th>" in page.read_text()
    assert "<td>UCSF-PDGM</td><td>a&lt;b</td><td>012</td>" in page.read_text()
    table.write_text("cohort,class\n")
    assert main(["html_table", "--table", str(table), "--title", "Flow", "--out", str(page)]) == 0
    assert "<p>None.</p>" in page.read_text()


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
