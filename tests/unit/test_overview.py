"""The parts of `plan` and `status`: text for 80 columns, benchmark files, logs, states of runs, a timed step."""

import subprocess
import sys
import tomllib
from argparse import Namespace
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest
import torch
import training_cases
from hypothesis import given
from hypothesis import strategies as st

from imbalance_aware.__main__ import COMMANDS, main
from imbalance_aware.errors import UserError
from imbalance_aware.models.make import InputSpec, make_model
from imbalance_aware.overview.durations import Measured, hours_on, measured
from imbalance_aware.overview.job_kinds import Kind
from imbalance_aware.overview.known_samples import known_dataset
from imbalance_aware.overview.logs import epochs, failure
from imbalance_aware.overview.plan import Cost, jobs_table, memory_table
from imbalance_aware.overview.run_states import (
    DONE,
    FAILED,
    INTERRUPTED,
    MISSING,
    OUTDATED,
    RUNNING,
    run_states,
)
from imbalance_aware.overview.space import finished_model_bytes, network_bytes
from imbalance_aware.overview.status import status
from imbalance_aware.overview.terminal import WIDTH, cut, duration, paragraph, size, table
from imbalance_aware.overview.timed_step import read_settings, time_step
from imbalance_aware.overview.workflow import AFTER_OTHERS, Job, Planned, plan_jobs
from imbalance_aware.runs.lock import locked

TEXT = st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), max_size=60)


@given(st.lists(st.tuples(TEXT, TEXT, st.integers(0, 10**6).map(str)), max_size=5))
def test_a_table_fits_80_columns_and_keeps_its_numbers(rows):
    lines = table(["one", "two", ">number"], rows)
    assert max(map(len, lines)) <= WIDTH
    assert all(line.endswith(row[2]) for line, row in zip(lines[2:], rows, strict=True))


@given(TEXT, st.integers(3, 70))
def test_a_cut_text_keeps_its_ends(text, width):
    short = cut(text, width)
    assert len(short) <= width and (short == text or ("…" in short and text.startswith(short.partition("…")[0])))


def test_a_path_in_a_paragraph_is_not_broken():
    path = "results/" + "long-name/" * 12 + "seed-0.log"
    assert path in paragraph(f"the log is {path}")


def test_numbers_have_units():
    assert [duration(s) for s in (0.5, 34, 100, 1200, 7200, 1e6)] == [
        "0.5 s",
        "34 s",
        "1.7 min",
        "20 min",
        "2.0 h",
        "278 h",
    ]
    assert [size(n) for n in (2_000, 3.4e6, 16.6e9)] == ["2.0 kB", "3.4 MB", "16.6 GB"]


def test_benchmark_files_give_the_median_and_the_largest_memory(tmp_path):
    head = "s\th:m:s\tmax_rss\tmax_vms"
    for number, (seconds, memory) in enumerate([("1.5", "100"), ("2.5", "NA"), ("90", "300")]):
        (tmp_path / f"seed-{number}.tsv").write_text(f"{head}\n{seconds}\t0:00:01\t{memory}\t1\n")
    (tmp_path / "seed-9.tsv").write_text("")  # a job that was killed
    found = measured(str(tmp_path / "seed-*.tsv"))
    assert found.typical_s == 2.5 and found.memory_mib == (100, 300)
    assert measured(str(tmp_path / "fold-*.tsv")) is None


def test_hours_are_those_of_all_cores_but_no_less_than_the_longest_job():
    assert hours_on(4, [(8, 3600.0)]) == 2
    assert hours_on(100, [(8, 3600.0), (0, 1e9)]) == 1
    assert hours_on(4, []) == 0


def test_a_log_says_why_its_step_failed(tmp_path):
    log = tmp_path / "log"
    log.write_text("12:00:00 epoch 3/40  loss 1\nerror: images.npy: not there\n")
    assert failure(log) == "images.npy: not there" and epochs(log) == "epoch 3 of 40"
    log.write_text("12:00:00 continues after 7 epochs and 2 steps\n")
    assert failure(log) == "" and epochs(log) == "after epoch 7"
    log.write_text("x" * 50_000 + '\nTraceback (most recent call last):\n  File "x"\nValueError: odd\n')
    assert failure(log) == "ValueError: odd"
    assert failure(tmp_path / "none") == "" == epochs(tmp_path / "none")


def job(condition, needed, reasons=(), files=True):
    folder = Path("results/runs/small/moles", condition, "seed-0")
    outputs = tuple(folder / name for name in ("config.yaml", "predictions.csv"))
    folder.mkdir(parents=True)
    if files:
        for path in outputs:
            path.touch()
    log = Path("results/logs/train/small/moles", condition, "seed-0.log")
    log.parent.mkdir(parents=True)
    wildcards = {"study": "small", "dataset": "moles", "condition": condition, "seed": "0"}
    missing = () if files else outputs
    return Job("train", wildcards, 1, needed, reasons, True, outputs, missing, log, "", 4000, True, {})


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """One run of each state."""
    monkeypatch.chdir(tmp_path)
    missing = ("output files have to be generated", AFTER_OTHERS)
    jobs = {
        DONE: job("a-done", False),
        RUNNING: job("a-running", True, missing, files=False),
        FAILED: job("a-failed", True, missing, files=False),
        INTERRUPTED: job("an-interrupted", True, missing, files=False),
        OUTDATED: job("an-outdated", True, ("params have changed since last execution",)),
        MISSING: job("a-missing", True, missing, files=False),
    }
    jobs[RUNNING].log.write_text("12:00:00 epoch 12/40  loss 1\n")
    jobs[FAILED].log.write_text("error: the loss is not there\n")
    jobs[INTERRUPTED].log.write_text("12:00:00 epoch 5/40  loss 1\n")
    (jobs[INTERRUPTED].outputs[0].parent / "checkpoint-0123.pt").touch()
    with locked(jobs[RUNNING].outputs[0].parent):
        yield jobs


def test_each_run_has_its_state(runs):
    assert {run.state: run.job for run in run_states(runs.values())} == runs


def test_a_run_of_a_tuned_study_is_interrupted_where_its_network_is(runs):
    run = replace(runs[MISSING], rule="train_chosen")
    place = Path("results/trials/small/moles/a-missing/seed-0/learning_rate-0.1")
    place.mkdir(parents=True)
    assert [one.state for one in run_states([run])] == [MISSING] and run.models == 0
    (place / "checkpoint-0123.pt").touch()
    assert [one.state for one in run_states([run])] == [INTERRUPTED]
    models = (place / "model.pt",)
    assert [replace(run, rule=rule, outputs=models).models for rule in ("train", "trial", "train_chosen")] == [1, 1, 2]


def test_files_that_nobody_needs_any_more_do_not_count_as_done(runs):
    for path in runs[DONE].outputs:
        path.unlink()
    assert run_states([runs[DONE]])[0].state == MISSING


def test_a_lock_of_a_dead_process_is_no_running_run(runs):
    lock = runs[RUNNING].outputs[0].parent / "runs.lock"
    lock.write_text(lock.read_text().replace('"started": "', '"started": "another/'))
    assert run_states([runs[RUNNING]])[0].state == MISSING


def test_the_status_tells_each_state_with_its_reason_and_log_in_80_columns(runs):
    config = Namespace(datasets={})
    pages = status(Planned(config, {}, tuple(runs.values()), True, (), False))
    text = "\n".join(pages)
    assert max(map(len, pages)) <= WIDTH
    assert "small/moles       1        1       1            1         1        1" in text
    assert "small/moles/a-running/seed-0: epoch 12 of 40, process" in text
    assert "train small/moles/a-failed/seed-0: the loss is not there" in text
    assert "\n    results/logs/train/small/moles/a-failed/seed-0.log\n" in text
    assert "small/moles/an-interrupted/seed-0: epoch 5 of 40" in text
    assert "A rerun would train 5 runs and run 0 other jobs." in text
    assert "training: 4, because files are missing" in text
    assert "training: 1, because settings or code changed" in text


def test_jobs_of_patients_who_are_not_listed_yet_are_said_to_be_missing(runs):
    config = Namespace(datasets={})
    lines = jobs_table(Planned(config, {}, tuple(runs.values()), False, (), False), [])
    assert "Not counted: the jobs of each patient of a cohort that is not listed yet." in " ".join(lines)


def test_memory_is_told_in_one_unit(runs):
    """Snakemake measures MiB and asks for MB."""
    kind = Kind("train small/moles", (runs[DONE],), Measured((1.0,), (200.0, 300.0)))
    assert memory_table([Cost(kind, 1.0, "")])[-1].split() == ["train", "small/moles", "315", "MB", "4.0", "GB"]


def test_without_anything_to_do_the_status_says_so(runs):
    config = Namespace(datasets={})
    assert "would do nothing" in status(Planned(config, {}, (runs[DONE],), True, (), False))[-1]


DATASET = Namespace(
    kind="images", classes=None, training_shape=(16, 16), max_value=None, channels="grey", cross_validation=lambda: None
)


def test_a_few_real_steps_give_the_time_of_a_run(tmp_path):
    training_cases.write_dataset(tmp_path / "datasets/moles", channels=1)
    known = known_dataset("moles", DATASET, tmp_path)
    assert (known.samples, known.train, known.classes) == (53, 42, ("a", "b", "c"))
    assert known.test.images == {"a": 6, "b": 3, "c": 2} and known.shape == (1, 16, 16)
    settings = read_settings(training_cases.settings())
    step = time_step(settings, known)
    assert 0 < step.seconds < 10 and step.device == "cpu"
    assert step.of_run(42, 3) == pytest.approx(6 * 3 * step.seconds), "42 samples are 6 batches of 8"


def test_nothing_is_known_of_a_dataset_that_is_not_listed(tmp_path):
    known = known_dataset("moles", DATASET, tmp_path)
    assert known.table is None and known.samples == 0 == known.train


def test_the_size_of_a_model_is_that_of_its_weights(tmp_path):
    training_cases.write_dataset(tmp_path / "datasets/moles", channels=1)
    known, settings = known_dataset("moles", DATASET, tmp_path), read_settings(training_cases.settings())
    model = make_model(settings.model.model_dump(), InputSpec(1, (16, 16), "uint8", None, known.classes), 0)
    weights = sum(value.numel() for value in model.state_dict().values())
    assert network_bytes(settings, known) == 4 * weights
    assert finished_model_bytes(tmp_path / "runs/small/moles") is None
    run = tmp_path / "runs/small/moles/ce-uniform/seed-0"
    run.mkdir(parents=True)
    torch.save(model.state_dict(), run / "model.pt")
    assert finished_model_bytes(tmp_path / "runs/small/moles") == (run / "model.pt").stat().st_size


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["plan", "--configfile", "none.yaml"], "none.yaml: no such configuration file"),
        (["status", "--configfile", "none.yaml"], "none.yaml: no such configuration file"),
        (["plan", "--cores", "0"], "--cores: at least 1"),
        (["plan", "--gpus", "-1"], "--gpus: at least 0"),
    ],
)
def test_bad_arguments_are_refused(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    assert message in capsys.readouterr().err


def test_a_wrong_key_is_the_message_of_the_workflow(tmp_path, monkeypatch, checkout):
    monkeypatch.chdir(tmp_path)
    for name in ("Snakefile", "workflow", "config", "envs", "src", "resources"):
        (tmp_path / name).symlink_to(checkout / name)
    (tmp_path / "my.yaml").write_text("trainig: {epochs: 3}\n")
    with pytest.raises(UserError, match=r"my\.yaml, line 1: .*trainig"):
        plan_jobs(Namespace(configfile=[Path("my.yaml")], config=[]))


def test_the_installed_script_is_the_command_line(checkout):
    scripts = tomllib.loads((checkout / "pyproject.toml").read_text())["project"]["scripts"]
    module, _, function = scripts["imbalance-aware"].partition(":")
    assert getattr(import_module(module), function) is main
    code = f"import sys; sys.argv[0] = '/bin/imbalance-aware'; from {module} import {function}; sys.exit({function}())"
    shown = subprocess.run([sys.executable, "-c", code, "--help"], capture_output=True, text=True, check=True).stdout
    assert shown.startswith("usage: imbalance-aware ") and all(name in shown for name in COMMANDS)
