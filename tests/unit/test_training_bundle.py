"""Bundles: what they hold, that the images come back bit for bit, and what is said about damaged or foreign ones."""

import bz2
import errno
import functools
import json
import logging
import os
import signal
import subprocess
import sys
import tarfile
from argparse import ArgumentParser

import numpy as np
import pandas as pd
import pytest
import training_cases
import yaml
from training_cases import settings, write_dataset

from imbalance_aware.errors import UserError
from imbalance_aware.runs import bundle, train, train_bundle
from imbalance_aware.runs.model_file import load_model

CODE = "0" * 16
CONDITIONS = {"ce-uniform": {"ce": 1}, "ce_mcc-uniform": {"ce": 1, "soft_mcc": 1}}


def make(dataset, out, seeds=(0, 1), folds=(), **training):
    """A bundle of two conditions; returns the archive."""
    options = {
        name: {"settings": settings(condition={"loss": loss}, training=training), "code": CODE}
        for name, loss in CONDITIONS.items()
    }
    parser = ArgumentParser()
    bundle.add_arguments(parser)
    files = ["--images", str(dataset / "images.npy"), "--samples", str(dataset / "samples.csv"), "--out", str(out)]
    names = ["--study", "tiny", "--dataset", "phantoms", "--seeds", *map(str, seeds)]
    names += ["--folds", *map(str, folds)] if folds else []
    bundle.run(parser.parse_args([*files, *names, "--settings", json.dumps({"conditions": options})]))
    return out


@pytest.fixture(scope="module")
def archive(dataset, tmp_path_factory):
    return make(dataset, tmp_path_factory.mktemp("bundle") / "phantoms.tar")


@pytest.fixture
def unpacked(archive, tmp_path):
    with tarfile.open(archive) as content:
        content.extractall(tmp_path, filter="data")
    return tmp_path / "tiny-phantoms"


def test_the_same_bundle_is_the_same_bytes(archive, dataset, tmp_path):
    assert make(dataset, tmp_path / "again.tar").read_bytes() == archive.read_bytes()


def test_images_come_back_bit_for_bit(unpacked, dataset):
    train_bundle._require_images(unpacked, train_bundle._manifest(unpacked / "bundle.json"))
    assert (unpacked / "images.npy").read_bytes() == (dataset / "images.npy").read_bytes()


def test_images_are_of_a_format_that_other_programs_read(unpacked, dataset):
    assert bz2.decompress((unpacked / "images.npy.bz2").read_bytes()) == (dataset / "images.npy").read_bytes()


@pytest.mark.parametrize("damage", [lambda content: content[: len(content) // 2], lambda content: b"hello" + content])
def test_damaged_images(unpacked, damage):
    path = unpacked / "images.npy.bz2"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(UserError, match="damaged or truncated"):
        train_bundle.run(arguments(unpacked))
    assert not (unpacked / "images.npy").exists()


def test_a_full_disk_is_no_damage_of_the_bundle(unpacked, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(train_bundle.shutil, "copyfileobj", full)
    with pytest.raises(OSError, match="No space left") as failure:
        train_bundle.run(arguments(unpacked))
    assert failure.value.filename == str(unpacked / "images.npy")


@pytest.mark.slow
def test_a_bundle_holds_the_code_it_needs_and_no_more(unpacked):
    package = unpacked / "imbalance_aware"
    names = {str(path.relative_to(package)) for path in package.rglob("*.py")}
    assert {"losses/ce.py", "losses/soft_mcc.py", "losses/combined.py", "runs/train.py", "__main__.py"} <= names
    assert not {"losses/focal.py", "config.py", "prediction/predict.py", "runs/bundle.py"} & names
    tell = (
        "import sys, imbalance_aware.runs.train, imbalance_aware.runs.train_bundle;"
        "from imbalance_aware.losses import SoftMCCLoss, CombinedLoss;"
        "print(*(m.__file__ for n, m in sys.modules.items() if n.startswith('imbalance_aware')), sep='\\n')"
    )
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", tell], cwd=unpacked, env=environment, capture_output=True, text=True, check=True
    )
    assert all(line.startswith(str(unpacked)) for line in done.stdout.splitlines())


def arguments(unpacked, *more):
    parser = ArgumentParser()
    train_bundle.add_arguments(parser)
    return parser.parse_args(["--bundle", str(unpacked), "--out", str(unpacked.parent / "results"), *more])


def edit(unpacked, condition, key, value):
    """Change the settings of a condition."""
    content = json.loads((unpacked / "bundle.json").read_text())
    content["conditions"][condition]["settings"][key] = value
    (unpacked / "bundle.json").write_text(json.dumps(content))


def test_no_time_at_all(unpacked, caplog):
    with pytest.raises(SystemExit) as stop:
        train_bundle.run(arguments(unpacked, "--time-limit-s", "0"))
    assert stop.value.code == train_bundle.UNFINISHED
    assert "stopped with 4 unfinished runs" in caplog.text


@pytest.mark.slow
def test_runs_that_fail_are_named_and_the_others_go_on(unpacked, caplog):
    caplog.set_level(logging.INFO)
    edit(unpacked, "ce_mcc-uniform", "condition", {"loss": {"ce": 1}, "kwargs": {"ce": {"nonsense": 1}}})
    with pytest.raises(UserError, match="1 of 2 runs failed") as failure:
        train_bundle.run(arguments(unpacked, "--seeds", "1"))
    place = unpacked.parent / "results/logs/train/tiny/phantoms/ce_mcc-uniform/seed-1.log"
    assert str(place) in str(failure.value)
    assert 'has no argument "nonsense"' in place.read_text()
    assert (unpacked.parent / "results/runs/tiny/phantoms/ce-uniform/seed-1/model.pt").exists()
    caplog.clear()
    train_bundle.run(arguments(unpacked, "--seeds", "1", "--conditions", "ce-uniform"))
    assert "1 of 1 runs are done" in caplog.text


@pytest.mark.slow
def test_a_run_of_other_settings_is_not_taken_for_done(unpacked, caplog):
    chosen = ["--seeds", "0", "--conditions", "ce-uniform"]
    train_bundle.run(arguments(unpacked, *chosen))
    edit(unpacked, "ce-uniform", "training", {"epochs": 1, "device": "cpu"})
    train_bundle.run(arguments(unpacked, *chosen))
    assert "holds a run with different code, settings or data" in caplog.text
    history = unpacked.parent / "results/runs/tiny/phantoms/ce-uniform/seed-0/history.csv"
    assert len(history.read_text().splitlines()) == 2


@pytest.mark.slow
def test_a_run_killed_over_one_of_other_settings_is_trained_to_its_end(unpacked, dataset, monkeypatch):
    place = unpacked.parent / "results/runs/tiny/phantoms/ce-uniform/seed-0"
    start = functools.partial(start_run, dataset, place)
    start(settings(training={"epochs": 1}))

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(train, "save_model", killed)
        start(settings())
    train_bundle.run(arguments(unpacked, "--seeds", "0", "--conditions", "ce-uniform"))
    assert load_model(place / "model.pt")[2]["training"]["epochs"] == 3
    assert len((place / "history.csv").read_text().splitlines()) == 1 + 3


def start_run(dataset, place, options):
    """What the bundle does for a run of ``ce-uniform``."""
    train.run(training_cases.arguments(dataset, place, json.dumps(options), 0, "--code", CODE))


@pytest.mark.slow
def test_a_run_that_lost_its_config_is_trained_again(unpacked, dataset, caplog):
    caplog.set_level(logging.INFO)
    place = unpacked.parent / "results/runs/tiny/phantoms/ce-uniform/seed-0"
    start_run(dataset, place, settings())
    chosen = arguments(unpacked, "--seeds", "0", "--conditions", "ce-uniform")
    (place / "checkpoint-0123456789abcdef.pt").write_bytes(b"left by a process killed as its last act")
    train_bundle.run(chosen)
    assert "1 of 1 runs are done" in caplog.text
    assert not list(place.glob("checkpoint-*.pt"))
    before = (place / "config.yaml").read_bytes()
    (place / "config.yaml").unlink()
    caplog.clear()
    train_bundle.run(chosen)
    assert "0 of 1 runs are done" in caplog.text
    assert (place / "config.yaml").read_bytes() == before


def test_a_run_of_a_version_without_an_option_that_is_off_is_done(unpacked, dataset, caplog):
    caplog.set_level(logging.INFO)
    place = unpacked.parent / "results/runs/tiny/phantoms/ce-uniform/seed-0"
    start_run(dataset, place, settings())
    config = yaml.safe_load((place / "config.yaml").read_text())
    del config["training"]["compile"], config["max_value"]
    (place / "config.yaml").write_text(yaml.safe_dump(config))
    train_bundle.run(arguments(unpacked, "--seeds", "0", "--conditions", "ce-uniform"))
    assert "1 of 1 runs are done" in caplog.text


def test_images_unpacked_by_a_process_that_was_killed_before_it_checked_them(unpacked):
    manifest = train_bundle._manifest(unpacked / "bundle.json")
    train_bundle._require_images(unpacked, manifest)
    images = np.load(unpacked / "images.npy")
    np.save(unpacked / "images.npy", images[::-1])
    with pytest.raises(UserError, match="differ from the bundled ones"):
        train_bundle.run(arguments(unpacked))
    assert not (unpacked / "images.npy").exists()
    train_bundle._require_images(unpacked, manifest)


def test_no_process_outlives_a_command_that_fails(unpacked, monkeypatch):
    started, original = [], subprocess.Popen

    def start(*_, **options):
        if started:
            raise OSError(errno.ENOSPC, "No space left on device", "log")
        started.append(original([sys.executable, "-c", "import time; time.sleep(600)"], **options))
        return started[0]

    monkeypatch.setattr(train_bundle.subprocess, "Popen", start)
    with pytest.raises(OSError, match="No space left"):
        train_bundle.run(arguments(unpacked, "--jobs", "2"))
    assert started[0].poll() is not None


# One process for each slot.


@pytest.fixture
def started(monkeypatch):
    """The processes that train."""
    made = []

    class Watched(train_bundle.Worker):
        def __init__(self, log):
            super().__init__(log)
            made.append(self)

    monkeypatch.setattr(train_bundle, "Worker", Watched)
    return made


def place(unpacked, run):
    return unpacked.parent / "results/runs/tiny/phantoms" / run


def files(folder):
    """Content of a run folder, without the times in its history."""
    found = {path.name: path.read_bytes() for path in folder.iterdir()}
    found["history.csv"] = pd.read_csv(folder / "history.csv").drop(columns="seconds").to_csv()
    return found


def alone(dataset, folder, condition, seed, **training):
    """The same run, trained by itself in another process than those of the bundle."""
    options = settings(condition={"loss": CONDITIONS[condition]}, training=training)
    train.run(training_cases.arguments(dataset, folder, json.dumps(options), seed, "--code", CODE))
    return files(folder)


@pytest.mark.slow
def test_one_process_trains_all_runs_of_a_slot_as_if_each_were_alone(unpacked, dataset, tmp_path, started):
    train_bundle.run(arguments(unpacked))
    assert len(started) == 1
    for condition in CONDITIONS:
        for seed in (0, 1):
            run = f"{condition}/seed-{seed}"
            assert files(place(unpacked, run)) == alone(dataset, tmp_path / "alone" / run, condition, seed)
            log = (unpacked.parent / f"results/logs/train/tiny/phantoms/{run}.log").read_text()
            assert log.count("epoch 1/3") == log.count("epoch 3/3") == 1, "the messages of one run alone"


@pytest.mark.slow
def test_after_a_run_that_fails_another_process_trains_the_next(unpacked, started):
    edit(unpacked, "ce-uniform", "condition", {"loss": {"ce": 1}, "kwargs": {"ce": {"nonsense": 1}}})
    with pytest.raises(UserError, match="2 of 4 runs failed"):
        train_bundle.run(arguments(unpacked))
    assert len(started) == 3, "after each failure one, and one that trains on after a run that is done"
    assert all(place(unpacked, f"ce_mcc-uniform/seed-{seed}/config.yaml").exists() for seed in (0, 1))
    logs = unpacked.parent / "results/logs/train/tiny/phantoms"
    assert 'has no argument "nonsense"' in (logs / "ce-uniform/seed-1.log").read_text()
    assert "nonsense" not in (logs / "ce_mcc-uniform/seed-0.log").read_text()


@pytest.fixture(scope="module")
def longer(dataset, tmp_path_factory):
    """A bundle whose runs take long enough to be stopped."""
    return make(dataset, tmp_path_factory.mktemp("longer") / "phantoms.tar", epochs=40)


@pytest.fixture
def unpacked_longer(longer, tmp_path):
    with tarfile.open(longer) as content:
        content.extractall(tmp_path, filter="data")
    return tmp_path / "tiny-phantoms"


@pytest.mark.slow
def test_a_process_that_is_killed_loses_its_run_alone(unpacked_longer, dataset, tmp_path, started, monkeypatch):
    second, chosen = place(unpacked_longer, "ce-uniform/seed-1"), ["--conditions", "ce-uniform", "--jobs", "1"]

    def status(self, original=train_bundle.Worker.status):
        if len(started) == 1 and (second / "history.csv").exists():
            self.process.kill()
            self.process.wait()
        return original(self)

    with monkeypatch.context() as patch, pytest.raises(UserError, match="1 of 2 runs failed"):
        patch.setattr(train_bundle.Worker, "status", status)
        train_bundle.run(arguments(unpacked_longer, *chosen))
    assert place(unpacked_longer, "ce-uniform/seed-0/config.yaml").exists() and not (second / "config.yaml").exists()
    train_bundle.run(arguments(unpacked_longer, *chosen))
    assert files(second) == alone(dataset, tmp_path / "alone", "ce-uniform", 1, epochs=40)


@pytest.mark.slow
def test_a_command_that_is_stopped_continues_from_the_checkpoint(unpacked_longer, dataset, tmp_path, monkeypatch):
    second, chosen = place(unpacked_longer, "ce-uniform/seed-1"), ["--conditions", "ce-uniform"]
    received = property(lambda _: signal.SIGTERM if (second / "history.csv").exists() else None, lambda *_: None)
    with monkeypatch.context() as patch, pytest.raises(SystemExit) as stop:
        patch.setattr(train_bundle.Interruption, "received", received, raising=False)
        train_bundle.run(arguments(unpacked_longer, *chosen))
    assert stop.value.code == train_bundle.UNFINISHED
    assert len(list(second.glob("checkpoint-*.pt"))) == 1
    train_bundle.run(arguments(unpacked_longer, *chosen))
    log = unpacked_longer.parent / "results/logs/train/tiny/phantoms/ce-uniform/seed-1.log"
    assert "continues after" in log.read_text()
    assert files(second) == alone(dataset, tmp_path / "alone", "ce-uniform", 1, epochs=40)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--conditions", "ce-unifrm"], 'no "ce-unifrm". Did you mean "ce-uniform"'),
        (["--seeds", "7"], 'no "7"'),
        (["--jobs", "0"], "--jobs is 0"),
    ],
)
def test_choices_that_the_bundle_does_not_have(unpacked, more, message):
    with pytest.raises(UserError, match=message):
        train_bundle.run(arguments(unpacked, *more))


def test_no_bundle(tmp_path):
    with pytest.raises(UserError, match="--bundle must name an unpacked bundle"):
        train_bundle.run(arguments(tmp_path))


def test_changed_samples(unpacked):
    (unpacked / "samples.csv").write_text((unpacked / "samples.csv").read_text().replace("phantoms", "patients"))
    with pytest.raises(UserError, match="differ from the bundled ones"):
        train_bundle.run(arguments(unpacked))


# A cross-validated dataset: two repeats of two folds.


@pytest.fixture(scope="module")
def folds(tmp_path_factory):
    """Dataset without a split, and its tables of folds."""
    folder = write_dataset(tmp_path_factory.mktemp("crossed"))
    table = pd.read_csv(folder / "samples.csv", dtype=str)
    table.assign(split="").to_csv(folder / "samples.csv", index=False)
    for repeat in (0, 1):
        tested = (table.index + repeat * (table.index // 2)) % 2
        parts = {f"fold-{fold}": ["test" if of == fold else "train" for of in tested] for fold in (0, 1)}
        pd.DataFrame({"subject": table["subject"], **parts}).to_csv(folder / f"repeat-{repeat}.csv", index=False)
    return folder, [folder / f"repeat-{repeat}.csv" for repeat in (0, 1)]


@pytest.mark.slow
def test_every_fold_of_every_repeat_is_trained_and_then_done(folds, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    dataset, tables = folds
    archive = make(dataset, tmp_path / "crossed.tar", seeds=[3], folds=tables, epochs=1)
    with tarfile.open(archive) as content:
        content.extractall(tmp_path, filter="data")
    unpacked = tmp_path / "tiny-phantoms"
    train_bundle.run(arguments(unpacked, "--conditions", "ce-uniform", "--jobs", "2"))
    runs = unpacked.parent / "results/runs/tiny/phantoms/ce-uniform"
    places = [f"{replicate}/fold-{fold}" for replicate in ("seed-3", "seed-3-repeat-1") for fold in (0, 1)]
    assert sorted(str(path.parent.relative_to(runs)) for path in runs.rglob("model.pt")) == sorted(places)
    for place in places:
        table = tables["repeat" in place]
        expected = pd.read_csv(table).query(f"`{place[-6:]}` == 'test'")["subject"]
        assert pd.read_csv(runs / place / "predictions.csv")["subject"].tolist() == expected.tolist()
    caplog.clear()
    train_bundle.run(arguments(unpacked, "--conditions", "ce-uniform", "--jobs", "2"))
    assert "4 of 4 runs are done" in caplog.text

    (unpacked / "folds/repeat-1.csv").write_text(tables[0].read_text())
    (runs / places[-1] / "model.pt").unlink()
    with pytest.raises(UserError, match="images, samples or folds differ from the bundled ones"):
        train_bundle.run(arguments(unpacked, "--conditions", "ce-uniform", "--jobs", "2"))


def test_tables_of_folds_must_be_those_of_all_repeats(folds, tmp_path):
    dataset, tables = folds
    with pytest.raises(UserError, match=r"repeat-1\.csv: expected the tables of all repeats in their order"):
        make(dataset, tmp_path / "crossed.tar", folds=tables[1:])
    with pytest.raises(UserError, match="no sample has a split, because the dataset is cross-validated"):
        make(dataset, tmp_path / "crossed.tar")
