"""One process at a time in a run folder."""

import errno
import json
import multiprocessing
import os
import socket
import subprocess
import sys
import threading
import time

import pytest

from imbalance_aware.errors import UserError
from imbalance_aware.runs import lock
from imbalance_aware.runs.lock import NAME, locked


def write_lock(folder, **changes):
    content = {"host": socket.gethostname(), "pid": os.getpid(), "started": lock._started(os.getpid()), "job": None}
    (folder / NAME).write_text(json.dumps(content | changes))


def test_held_while_inside_and_gone_after(tmp_path):
    with locked(tmp_path / "run"):
        assert [path.name for path in (tmp_path / "run").iterdir()] == [NAME]
    assert list((tmp_path / "run").iterdir()) == []


def test_gone_after_an_error(tmp_path):
    with pytest.raises(RuntimeError), locked(tmp_path):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_second_process_is_told_who_holds_it(tmp_path):
    write_lock(tmp_path, job="4711")
    with pytest.raises(UserError, match=f"process {os.getpid()} on .*, job 4711 is training"), locked(tmp_path):
        pass
    assert (tmp_path / NAME).exists()


def test_a_dead_process_holds_nothing(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", ""])
    started = lock._started(child.pid)
    child.wait()
    write_lock(tmp_path, pid=child.pid, started=started)
    with locked(tmp_path):
        pass


def test_a_later_process_with_the_same_number_holds_nothing(tmp_path):
    write_lock(tmp_path, started="an earlier boot/1")
    with locked(tmp_path):
        pass


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"{}",
        b"[1]",
        b"null",
        b"7",
        b"",
        b"\xff\xfe\0\x01",
        b"[" * 100_000,
        b'{"host": 1, "pid": "x", "started": []}',
    ],
)
def test_what_no_training_wrote_to_its_end_holds_nothing(tmp_path, content):
    (tmp_path / NAME).write_bytes(content)
    with locked(tmp_path):
        assert json.loads((tmp_path / NAME).read_text())["pid"] == os.getpid()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("pid", [-1, 0, 10**30])
def test_a_number_that_no_process_has_holds_nothing(tmp_path, pid):
    write_lock(tmp_path, pid=pid)
    with locked(tmp_path):
        pass


def test_folders_and_files_in_the_wrong_place_are_explained(tmp_path):
    (tmp_path / "run" / NAME).mkdir(parents=True)
    with (
        pytest.raises(UserError, match="this is a folder, but training needs this name for its lock"),
        locked(tmp_path / "run"),
    ):
        pass
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="this is a file, but a run needs a folder here"), locked(tmp_path / "file"):
        pass


def test_a_full_disk_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(content, file):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(lock.json, "dump", full)
    with pytest.raises(OSError, match="No space left"), locked(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def write_lock_of_another_machine(folder, age_s):
    write_lock(folder, host="elsewhere", pid=1, started="another boot/1")
    os.utime(folder / NAME, (time.time() - age_s,) * 2)


def test_a_lock_of_another_machine_that_was_not_touched_for_long_holds_nothing(tmp_path):
    write_lock_of_another_machine(tmp_path, lock.STALE_S + 60)
    with locked(tmp_path):
        pass


def test_a_lock_of_another_machine_is_waited_for_until_it_is_clear_that_its_process_is_dead(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "LOOK_S", 0.1)
    write_lock_of_another_machine(tmp_path, lock.STALE_S - 1)
    start = time.monotonic()
    with locked(tmp_path):
        assert time.monotonic() - start > 0.5


def test_a_process_of_another_machine_that_touches_its_lock_holds_it(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "LOOK_S", 0.1)
    write_lock_of_another_machine(tmp_path, 60)
    touch = threading.Timer(0.5, os.utime, [tmp_path / NAME])
    touch.start()
    with pytest.raises(UserError, match="process 1 on elsewhere"), locked(tmp_path):
        pass
    touch.join()


def test_a_file_system_without_links(tmp_path, monkeypatch):
    def no_links(*names):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(lock.os, "link", no_links)
    with locked(tmp_path), pytest.raises(UserError, match="is training this run"), locked(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_touching(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "TOUCH_S", -1)
    with locked(tmp_path) as held:
        os.utime(tmp_path / NAME, (0, 0))
        held.touch()
        assert (tmp_path / NAME).stat().st_mtime > time.time() - 60


def _compete(folder, start, wins):
    start.wait()
    try:
        with locked(folder):
            with wins.get_lock():
                wins.value += 1
            time.sleep(1)
    except UserError:
        pass


def test_of_many_processes_one_takes_over_a_stale_lock(tmp_path):
    write_lock(tmp_path, started="an earlier boot/1")
    context = multiprocessing.get_context("fork")
    start, wins = context.Event(), context.Value("i", 0)
    processes = [context.Process(target=_compete, args=(tmp_path, start, wins)) for _ in range(8)]
    for process in processes:
        process.start()
    start.set()
    for process in processes:
        process.join()
    assert wins.value == 1
