"""The page of a finished study: what it shows, and what it says where there are no results."""

import subprocess
import sys

import make_page
import pandas as pd
import pytest

CONFIG = """\
model: {widths: [4, 8]}
training: {epochs: 2}
augmentation: {}
recorded: {versions: {torch: "2.13.0"}, device: cpu}
"""


@pytest.fixture
def results(tmp_path):
    """Results of a study of one run, one table and one figure."""
    folder = tmp_path / "results"
    files = {
        "tables/tiny/table1_mcc.md": "| condition | MCC |\n|---|---|\n| ce | 0.5 |\n",
        "tables/tiny/verdict.md": "# Verdict: tiny",
        "tables/tiny/verdict.json": "{}",
        "tables/tiny/metrics.csv": "condition,value\nce,0.5\n",
        "datasets/phantoms/flow.csv": "cohort,class,stage,criterion,subjects\n"
        "drawn,healthy,found,,3\ndrawn,healthy,included,,2\n",
        "runs/tiny/phantoms/ce/seed-0/config.yaml": CONFIG,
        "benchmarks/train/tiny/phantoms/ce/seed-0.tsv": "s\tcpu_time\tmax_rss\n120\t90\t400\n",
        "figures/tiny/phantoms/learning_curves.png": "picture",
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


def page(results, out, *more):
    command = [sys.executable, make_page.__file__, "--study", "tiny", "--command", "snakemake --cores 2"]
    command += ["--results", str(results), "--out", str(out)]
    return subprocess.run([*command, *more], capture_output=True, text=True, check=False)


def test_a_page_holds_tables_counts_settings_costs_and_figures(results, tmp_path):
    done = page(results, tmp_path / "page")
    assert done.returncode == 0, done.stderr
    written = (tmp_path / "page/README.md").read_text()
    assert "python docs/results/make_page.py --study tiny --command 'snakemake --cores 2'" in written
    for line in ("| ce | 0.5 |", "| healthy | 3 | 2 |", "| training | epochs | 2 |", "| training jobs | 1 |"):
        assert line in written
    assert "## Table 1: MCC" in written
    assert "[verdict](verdict.md)" in written and "Verdict: tiny" not in written
    assert "(phantoms-learning_curves.png)" in written
    assert {path.name for path in (tmp_path / "page").iterdir()} == {
        "README.md",
        "verdict.md",
        "verdict.json",
        "metrics.csv",
        "phantoms-learning_curves.png",
    }


def test_a_study_that_has_not_run(tmp_path):
    done = page(tmp_path, tmp_path / "page")
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "run the study first: snakemake --cores 2" in done.stderr


def test_names_are_escaped():
    table = pd.DataFrame([("a|b", "<script>$x$")], columns=["class", "value"])
    assert make_page._markdown(table).splitlines()[2] == r"| a\|b | \<script\>\$x\$ |"


def test_a_page_shows_the_figures_that_are_asked_for(results, tmp_path):
    (results / "figures/tiny/phantoms/ranks.png").write_text("picture")
    done = page(results, tmp_path / "page", "--figures", "ranks")
    assert done.returncode == 0, done.stderr
    assert [path.name for path in (tmp_path / "page").glob("*.png")] == ["phantoms-ranks.png"]
    assert "--figures ranks" in (tmp_path / "page/README.md").read_text()
    done = page(results, tmp_path / "page", "--figures", "rank")
    assert done.returncode != 0 and "no rank.png" in done.stderr


def test_a_page_without_metrics(results, tmp_path):
    done = page(results, tmp_path / "page", "--without-metrics")
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "page/metrics.csv").exists()
    assert "--without-metrics" in (tmp_path / "page/README.md").read_text()
