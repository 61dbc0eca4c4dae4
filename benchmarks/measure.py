"""Wall time, CPU time and memory, of work in this process and of other processes."""

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil


def cpu_seconds() -> float:
    """CPU time of this process and its living workers."""
    workers = [worker.cpu_times() for worker in psutil.Process().children(recursive=True)]
    return time.process_time() + sum(times.user + times.system for times in workers)


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU seconds of a piece of work."""
    wall, cpu = time.perf_counter(), cpu_seconds()
    work()
    return time.perf_counter() - wall, cpu_seconds() - cpu


def best(measured: list[tuple[float, float]], count: int) -> tuple[float, float]:
    """Wall and CPU seconds for each of ``count`` pieces, the least disturbed of several rounds."""
    return tuple(min(values) / count for values in zip(*measured, strict=True))


def job(command: list[str]) -> tuple[float, float]:
    """Wall and CPU seconds of a process."""
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, *command], stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"failed, try it by hand: {shlex.join(command)}")
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime


def peak_memory(command: list[str]) -> tuple[float, float]:
    """Peak memory of a process in MB: in all, and without pages of files.

    Asked of /proc while it runs: the peak that `wait4` tells starts from that of the parent.
    """
    process = subprocess.Popen([sys.executable, *command], stderr=subprocess.DEVNULL)
    whole = own = 0
    while process.poll() is None:
        lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
        status = {key: value for key, _, value in (line.partition(":") for line in lines)}
        if "VmHWM" in status:
            whole = max(whole, int(status["VmHWM"].split()[0]))
            own = max(own, int(status["RssAnon"].split()[0]))
        time.sleep(0.01)
    if process.returncode:
        raise RuntimeError(f"failed, try it by hand: {shlex.join(command)}")
    return whole / 1024, own / 1024
