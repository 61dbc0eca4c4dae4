"""One process at a time in a run folder."""

import json
import multiprocessing
import os
import socket
import subprocess
import sys
import time

import pytest

from imbalance_aware.errors import UserError
from imbalance_aware.training import lock
from imbalance_aware.training.lock import NAME, locked


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


def test_a_half_written_lock_holds_nothing(tmp_path):
    (tmp_path / NAME).write_text("{")
    with locked(tmp_path):
        pass


@pytest.mark.parametrize(("age_s", "free"), [(lock.STALE_S - 60, False), (lock.STALE_S + 60, True)])
def test_a_lock_of_another_machine_holds_until_it_is_no_longer_touched(tmp_path, age_s, free):
    write_lock(tmp_path, host="elsewhere", pid=1, started="another boot/1")
    os.utime(tmp_path / NAME, (time.time() - age_s,) * 2)
    if free:
        with locked(tmp_path):
            pass
    else:
        with pytest.raises(UserError, match="process 1 on elsewhere"), locked(tmp_path):
            pass


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
