"""The section of the report on computing times."""

import re

import pytest
import yaml
from report_cases import rendered, study_of, subjects, write_dataset
from report_pages import cells, shown_as_text

from imbalance_aware.errors import UserError
from imbalance_aware.files import write_text
from imbalance_aware.report.compute import STEPS
from imbalance_aware.report.sections import compute
from imbalance_aware.runs.run_config import PARTS
from imbalance_aware.tables.benchmarks import read_benchmark
from imbalance_aware.tables.history import history_csv
from imbalance_aware.training.epoch import Epoch

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
