"""The lock of a run folder: one process at a time.

A workflow engine that was killed forgets the jobs it had on a cluster and starts them a second time. Two trainings in
one folder would overwrite each other's files, so the second one refuses to start while the first is running, waits
while that is unclear, and takes over if it is dead.
"""

import json
import logging
import os
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from imbalance_aware.errors import UserError

log = logging.getLogger(__name__)

NAME = "runs.lock"
#: What a lock tells of its process, beside its cluster's job; more than any process number.
HOLDER: dict[str, type] = {"host": str, "pid": int, "started": str}
LARGEST_PID = 1 << 31
#: A running process touches its lock this often; one on another machine that has not for `STALE_S` counts as dead.
TOUCH_S = 30
STALE_S = 600
#: How often a lock of another machine is looked at while it is not clear whether its process is running.
LOOK_S = 5


class Lock:
    """A held lock; call `touch` now and then."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._touched = time.monotonic()

    def touch(self) -> None:
        """Show other machines that this process is running (writes at most every `TOUCH_S` seconds)."""
        if time.monotonic() - self._touched > TOUCH_S:
            self._touched = time.monotonic()
            with suppress(OSError):
                os.utime(self.path)


@contextmanager
def locked(folder: Path) -> Iterator[Lock]:
    """Hold the lock of a run folder.

    A lock is stale, and taken over, if its process on this machine has ended, or if it is from another machine and
    has not been touched for ten minutes. Until that is known, this waits: where a node has failed, the job that comes
    in its place must not fail as well.

    Raises:
        UserError: another process trains in this folder.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: this is a file, but a run needs a folder here; move it away or choose another name")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / NAME
    if path.is_dir():
        raise UserError(f"{path}: this is a folder, but training needs this name for its lock; move it away")
    mine = {"host": socket.gethostname(), "pid": os.getpid(), "started": _started(os.getpid()), "job": _job()}
    for _ in range(3):
        if _create(path, mine):
            break
        holder = _read(path)
        if holder is not None and _lives(path, holder):
            job = f", job {holder['job']}" if holder.get("job") else ""
            raise UserError(
                f"{folder}: process {holder['pid']} on {holder['host']}{job} is training this run. Wait for it or stop "
                f"it; if it no longer exists, delete {path}"
            )
        _clear_away(path, holder)
    else:
        raise UserError(f"{path}: several processes compete for this run; start one")
    try:
        yield Lock(path)
    finally:
        if _read(path) == mine:
            path.unlink(missing_ok=True)


def holder(folder: Path) -> dict[str, Any] | None:
    """Who trains in a run folder now (``host``, ``pid``, ``job``), at a glance: without waiting or writing.

    Of another machine: the process that touched the lock in the last ten minutes, by this machine's clock.
    """
    path = folder / NAME
    content = _read(path)
    if content is None:
        return None
    if content["host"] == socket.gethostname():
        return content if _started(content["pid"]) == content["started"] else None
    try:
        return content if time.time() - path.stat().st_mtime <= STALE_S else None
    except FileNotFoundError:
        return None


def _create(path: Path, content: dict[str, Any]) -> bool:
    """Make the lock with its content in one step, unless it exists (a link is atomic on network file systems too)."""
    handle, name = tempfile.mkstemp(prefix=".lock-", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(content, file)
        return _publish(name, path, content)
    finally:
        Path(name).unlink()


def _publish(name: str, path: Path, content: dict[str, Any]) -> bool:
    """Give the lock its name, unless another has it."""
    try:
        os.link(name, path)
    except FileExistsError:
        return False
    except OSError:  # a file system without links, such as exFAT
        try:
            with path.open("x", encoding="utf-8") as file:
                json.dump(content, file)
        except FileExistsError:
            return False
    return True


def _read(path: Path) -> dict[str, Any] | None:
    """Who holds a lock; None if there is none, or one that no training wrote to its end."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError, RecursionError):  # what is no JSON and no UTF-8 are both `ValueError`
        return None
    known = isinstance(content, dict) and all(isinstance(content.get(key), kind) for key, kind in HOLDER.items())
    return content if known and 0 < content["pid"] < LARGEST_PID else None


def _clear_away(path: Path, holder: dict[str, Any] | None) -> None:
    """Remove a stale lock, but not one that another process has put in its place meanwhile."""
    aside = path.with_name(f".lock-{socket.gethostname()}-{os.getpid()}")
    try:
        path.rename(aside)
    except FileNotFoundError:
        return
    if _read(aside) == holder:
        log.info("took over %s, whose process has ended", path)
    else:
        with suppress(FileExistsError):
            os.link(aside, path)
    aside.unlink()


def _lives(path: Path, holder: dict[str, Any]) -> bool:
    """Whether the process that holds a lock is running; one on another machine is watched until it touches the lock."""
    if holder["host"] == socket.gethostname():
        return not _stale(path, holder)
    try:
        touched = path.stat().st_mtime_ns
        if not _stale(path, holder):
            log.info("%s is held by %s; waiting to see whether it is still running", path, holder["host"])
        while not _stale(path, holder):
            time.sleep(LOOK_S)
            if path.stat().st_mtime_ns != touched:
                return True
    except FileNotFoundError:
        pass
    return False


def _stale(path: Path, holder: dict[str, Any]) -> bool:
    if holder["host"] == socket.gethostname():
        return _started(holder["pid"]) != holder["started"]
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".lock-") as now, suppress(FileNotFoundError):
        # Both times come from the clock of the file server.
        return Path(now.name).stat().st_mtime - path.stat().st_mtime > STALE_S
    return True


def _started(pid: int) -> str | None:
    """What distinguishes a running process from a later one with the same number (its start, on Linux); None if it has
    ended."""
    proc = Path("/proc")
    if not (proc / "self/stat").exists():
        return _answers(pid)
    try:
        state, *fields = (proc / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    boot = (proc / "sys/kernel/random/boot_id").read_text().strip()
    return None if state == "Z" else f"{boot}/{fields[18]}"


def _answers(pid: int) -> str | None:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    return "alive"


def _job() -> str | None:
    return os.environ.get("SLURM_JOB_ID")
