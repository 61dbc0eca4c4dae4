"""Train the runs of an unpacked bundle, several at once, and leave their folders as the workflow would.

Each of the --jobs slots is one process that trains one run after the other, so that start-up is paid once. If a run
fails, a new process trains the next ones.

Runs that are done are skipped; one that was stopped continues from its checkpoint. After --time-limit-s, or at SIGTERM
or SIGINT, every run under way saves a checkpoint and the command ends with status 75: call it again. On a machine with
several GPUs each run takes the one with the fewest jobs (of those of CUDA_VISIBLE_DEVICES, if it is set).
"""

import argparse
import bz2
import logging
import os
import shutil
import subprocess
import sys
import time
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from imbalance_aware.errors import UserError
from imbalance_aware.files import atomic
from imbalance_aware.models.build import packages_of
from imbalance_aware.provenance import ROOT
from imbalance_aware.runs.bundle_manifest import COMPRESSED, IMAGES, MANIFEST, SAMPLES, Manifest, folds_table
from imbalance_aware.runs.dataset import Fold, Packed
from imbalance_aware.runs.identity import Run
from imbalance_aware.runs.interruption import Interruption
from imbalance_aware.runs.run_folder import finished, remove_checkpoints
from imbalance_aware.runs.settings import RunSettings
from imbalance_aware.runs.train_worker import MODULE, Order
from imbalance_aware.schema import nearest, parse

log = logging.getLogger(__name__)

#: Status of a command that was stopped and can be continued (EX_TEMPFAIL of sysexits.h).
UNFINISHED = 75
POLL_S = 0.1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    parser.add_argument("--bundle", type=Path, required=True, help="the unpacked bundle")
    parser.add_argument(
        "--out", type=Path, default=Path("results"), help="output folder for runs/ and logs/ (default: results)"
    )
    parser.add_argument("--conditions", nargs="+", help="conditions to train (default: all)")
    parser.add_argument("--seeds", type=int, nargs="+", help="random seeds to train (default: all)")
    parser.add_argument("--jobs", type=int, default=1, help="number of runs at the same time (default: 1)")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of each run (default: 1)")
    parser.add_argument(
        "--time-limit-s", type=float, default=float("inf"), help="seconds after which to stop (default: never)"
    )


@dataclass(frozen=True)
class Job:
    """A run to train: what it is of, the digest of its data, its place below the results, and its log."""

    run: Run
    data: str
    folder: Path
    log: Path

    @property
    def condition(self) -> str:
        return self.run.condition

    def __str__(self) -> str:
        of_fold = "" if self.run.fold is None else f", repeat {self.run.repeat}, fold {self.run.fold}"
        return f"{self.condition}, seed {self.run.seed}{of_fold}"


def run(args: argparse.Namespace) -> None:
    """Train the chosen runs that are not done.

    Raises:
        UserError: the bundle is damaged, has no such condition or seed, or some runs failed.
        SystemExit: stopped by a signal or the time limit (status `UNFINISHED`); the same command continues.
    """
    deadline = time.monotonic() + args.time_limit_s
    if args.jobs < 1:
        raise UserError(f"--jobs is {args.jobs}; it must be at least 1")
    manifest = _manifest(args.bundle / MANIFEST)
    conditions = _chosen("--conditions", args.conditions, list(manifest.conditions))
    seeds = _chosen("--seeds", args.seeds, manifest.seeds)
    jobs = [
        _job(manifest, args.out, condition, seed, repeat, fold)
        for repeat, fold in _folds(manifest)
        for seed in seeds
        for condition in conditions
    ]
    waiting = [job for job in jobs if not _done(job, manifest)]
    log.info("%d of %d runs are done", len(jobs) - len(waiting), len(jobs))
    for network in sorted({manifest.conditions[job.condition].settings.model.network for job in waiting}):
        packages_of(network)
    if waiting:
        _require_images(args.bundle, manifest)
    failed = _train(waiting, manifest, args, deadline)
    if failed:
        logs = "\n".join(f"{job}: {job.log}" for job in failed)
        raise UserError(
            f"{len(failed)} of {len(jobs)} runs failed; see their logs (a log that ends abruptly: the run was "
            f"killed, perhaps because of too little memory; then use fewer --jobs):\n{logs}"
        )


def _manifest(path: Path) -> Manifest:
    try:
        return parse(Manifest, path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; --bundle must name an unpacked bundle") from None


def _require_images(bundle: Path, manifest: Manifest) -> None:
    """Unpack the images as training reads them, unless they are; check them and their tables in any case.

    Raises:
        UserError: they are not what was bundled.
    """
    if not (bundle / IMAGES).exists():
        log.info("unpacking the images")
        _decompress(bundle / COMPRESSED, bundle / IMAGES)
    with suppress(UserError):
        packed = Packed(bundle / IMAGES, bundle / SAMPLES)
        folds = [
            [packed.dataset(Fold(bundle / folds_table(repeat), fold)).digest for fold in range(len(digests))]
            for repeat, digests in enumerate(manifest.folds)
        ]
        if (packed.digest, folds) == (manifest.data, manifest.folds):
            return
    (bundle / IMAGES).unlink()
    raise UserError(f"{bundle}: images, samples or folds differ from the bundled ones; unpack the archive again")


def _decompress(compressed: Path, out: Path) -> None:
    """Write what a file compressed by bzip2 holds.

    Raises:
        UserError: the file is damaged.
        OSError: it cannot be read, or ``out`` cannot be written.
    """
    try:
        with bz2.open(compressed) as packed, atomic(out) as temporary, temporary.open("wb") as plain:
            shutil.copyfileobj(packed, plain)
    except (OSError, EOFError) as error:
        if isinstance(error, OSError) and error.errno:  # of the system: no such file, a full disk
            raise
        raise UserError(f"{compressed}: damaged or truncated ({error}); unpack the archive again") from None


def _chosen(option: str, wanted: Sequence | None, known: Sequence) -> Sequence:
    for name in wanted or []:
        if name not in known:
            raise UserError(f'{option}: the bundle has no "{name}".{nearest(str(name), known)}')
    return wanted or known


def _folds(manifest: Manifest) -> list[tuple[int, int | None]]:
    """Repeats and folds to train; one repeat without folds where the split is fixed."""
    folds: list[tuple[int, int | None]] = [
        (repeat, fold) for repeat, digests in enumerate(manifest.folds) for fold in range(len(digests))
    ]
    return folds or [(0, None)]


def _job(manifest: Manifest, out: Path, condition: str, seed: int, repeat: int, fold: int | None) -> Job:
    run = Run(manifest.study, manifest.dataset, condition, seed, repeat, fold)
    log = out / "logs" / "train" / run.place
    return Job(
        run,
        data=manifest.data if fold is None else manifest.folds[repeat][fold],
        folder=out / "runs" / run.place,
        log=log.with_name(f"{log.name}.log"),
    )


def _done(job: Job, manifest: Manifest) -> bool:
    """Whether the folder holds this run, finished."""
    config, condition = finished(job.folder), manifest.conditions[job.condition]
    if config is None:
        return False
    recorded = config.get("recorded")
    recorded = recorded if isinstance(recorded, dict) else {}
    found = (_decisive(config), *(recorded.get(name) for name in ("seed", "code", "data")))
    if found == (condition.settings.decisive(), job.run.seed, condition.code, job.data):
        remove_checkpoints(job.folder)  # one is left where the process was killed as its last act
        return True
    log.warning("%s holds a run with different code, settings or data: retrained", job.folder)
    return False


def _decisive(config: dict[str, Any]) -> dict[str, Any] | None:
    """Settings of a finished run, as they decide its numbers; None if this version cannot read them."""
    try:
        return RunSettings.model_validate(config).decisive()
    except ValidationError:
        return None


def _train(jobs: list[Job], manifest: Manifest, args: argparse.Namespace, deadline: float) -> list[Job]:
    """Train all of them, some at once; returns those that failed."""
    waiting, failed = deque(jobs), []
    running: dict[Worker, Job] = {}
    idle: list[Worker] = []
    with Interruption() as interruption, _ended(running, idle):
        while waiting or running:
            if interruption.received or time.monotonic() >= deadline:
                log.warning("stopped with %d unfinished runs; the same command continues", len(waiting) + len(running))
                raise SystemExit(UNFINISHED)
            while waiting and len(running) < args.jobs:
                job = waiting.popleft()
                job.log.parent.mkdir(parents=True, exist_ok=True)
                worker = idle.pop() if idle else Worker(job.log)
                running[worker] = job
                worker.train(Order(_arguments(job, manifest, args), str(job.log)))
            for worker, status in [(worker, worker.status()) for worker in running]:
                if status is None:
                    continue
                job = running.pop(worker)
                if status:
                    failed.append(job)
                    worker.end()
                else:
                    idle.append(worker)
                outcome = f"failed with status {status}" if status else "done"
                log.info("%s: %s; %d left", job, outcome, len(waiting) + len(running))
            time.sleep(POLL_S)
    return failed


def _arguments(job: Job, manifest: Manifest, args: argparse.Namespace) -> list[str]:
    """Those of the step `train`."""
    condition = manifest.conditions[job.condition]
    arguments = ["--seed", str(job.run.seed), "--code", condition.code]
    arguments += ["--images", str(args.bundle / IMAGES), "--samples", str(args.bundle / SAMPLES)]
    if job.run.fold is not None:
        arguments += ["--folds", str(args.bundle / folds_table(job.run.repeat)), "--fold", str(job.run.fold)]
    arguments += ["--settings", condition.settings.model_dump_json(), "--threads", str(args.threads)]
    if (weights := condition.settings.model.weights) is not None:
        found = sorted((args.bundle / "weights").glob(f"{weights.sha256}.*"))
        arguments += ["--weights", *(f"{weights.sha256}={path}" for path in found)]
    return [*arguments, "--out", str(job.folder)]


class Worker:
    """A process that trains one run after the other; it ends when one fails.

    Args:
        log: file for what it says before its first run.
    """

    def __init__(self, log: Path) -> None:
        paths = [str(ROOT.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
        self.answers, answers = os.pipe()
        os.set_blocking(self.answers, False)
        command = [sys.executable, "-m", MODULE, str(answers)]
        try:
            with log.open("ab") as written:
                self.process = subprocess.Popen(
                    command, stdin=subprocess.PIPE, stderr=written, env=environment, pass_fds=[answers]
                )
        finally:
            os.close(answers)

    def train(self, order: Order) -> None:
        """Train a run; none is under way."""
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):  # it has ended; `status` says so
            self.process.stdin.write(order.line().encode())
            self.process.stdin.flush()

    def status(self) -> int | None:
        """Status of the run, 0 if it is done; None while it is trained."""
        ended = self.process.poll()  # before its answer is sought, which is its last act
        with suppress(BlockingIOError):
            if os.read(self.answers, 1):
                return 0
        return None if ended is None else ended or 1

    def end(self) -> None:
        """Let it end: at once if it has no run, else once the run is stopped or done."""
        with suppress(BrokenPipeError):
            self.process.communicate()
        os.close(self.answers)


@contextmanager
def _ended(running: Collection[Worker], idle: Collection[Worker]) -> Iterator[None]:
    """However this context is left, the processes save the state of the runs under way and end."""
    try:
        yield
    finally:
        for worker in running:
            worker.process.terminate()
        for worker in (*running, *idle):
            worker.end()
