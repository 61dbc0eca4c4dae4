"""A SLURM cluster on this machine: two nodes with a stand-in GPU each, on the loopback, in a folder of its own.

It touches no other SLURM of the machine: daemons, keys, ports and configuration are its own, and the commands that jobs
and Snakemake use are wrapped to find that configuration.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

DAEMONS = ("munged", "slurmctld", "slurmd")
COMMANDS = ("sbatch", "squeue", "scancel", "scontrol", "srun", "sinfo")
NODES = ("n1", "n2")
CORES, MEMORY_MB, GPUS = 4, 32000, 1
#: Folders of clusters, here and nowhere else, so that one whose test was killed is found and stopped by the next.
PARENT = Path(tempfile.gettempdir())
PREFIX = "imbalance-aware-slurm-"
#: The null device: a job that opens its "GPU" does no harm.
NULL_DEVICE = os.makedev(1, 3)

CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=10
CryptoType=crypto/munge
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
StateSaveLocation={folder}/state
SlurmctldPidFile={folder}/slurmctld.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdSpoolDir={folder}/spool-%n
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmdLogFile={folder}/slurmd-%n.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=100
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
ReturnToService=2
GresTypes=gpu
MinJobAge=3600
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1
MailProg=/bin/true
KillWait=3
SlurmdTimeout=15
{nodes}
PartitionName=all Nodes={names} Default=YES MaxTime=INFINITE LLN=YES State=UP
"""
NODE = (
    "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} "
    "CPUs={cores} RealMemory={memory} Gres=gpu:{gpus}"
)
#: Python reads this at its start: Snakemake's processes in a job note their CPU time when they end.
SITE = """\
import atexit, json, os, sys, time
if "snakemake" in " ".join(sys.orig_argv) and "SLURM_JOB_ID" in os.environ:
    def note():
        line = {{"job": os.environ["SLURM_JOB_ID"], "cpu_s": time.process_time(), "wall_s": time.time() - started,
                 "gpu": os.environ.get("CUDA_VISIBLE_DEVICES")}}
        with open({path!r}, "a") as file:
            file.write(json.dumps(line) + "\\n")
    started = time.time()
    atexit.register(note)
"""


#: Keeps the script of every submission under the number of its job.
SBATCH = """\
#!/bin/sh
script=$(mktemp {folder}/submitted/XXXXXXXX)
cat > "$script"
number=$(SLURM_CONF={folder}/slurm.conf {program} "$@" < "$script") || exit
mv "$script" {folder}/submitted/"$number"
echo "$number"
"""


def missing() -> str:
    """Why there can be no cluster on this machine; empty if there can."""
    absent = [name for name in (*DAEMONS, *COMMANDS) if _program(name) is None]
    if os.getuid() != 0:
        return "the test cluster needs root, for its devices and daemons"
    if absent:
        return f"SLURM is not installed ({', '.join(absent)} not found): as root, tests/slurm/install"
    return ""


def _program(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


@dataclass
class Cluster:
    """A running cluster."""

    folder: Path
    daemons: dict[str, subprocess.Popen] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """Variables of a process that uses it, beside its own."""
        return {
            "PATH": f"{self.folder}/bin:{os.environ['PATH']}",
            "PYTHONPATH": str(self.folder / "site"),
        }

    def command(self, *arguments: str, check: bool = True) -> str:
        """Output of one of SLURM's commands."""
        done = subprocess.run(
            [self.folder / "bin" / arguments[0], *arguments[1:]],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        if check and done.returncode:
            raise AssertionError(f"{arguments}: {done.stderr}")
        return done.stdout

    def jobs(self) -> list[dict[str, str]]:
        """Every job that was ever submitted, as the controller knows it."""
        text = self.command("scontrol", "--oneliner", "show", "jobs", check=False)
        lines = [line for line in text.splitlines() if line.startswith("JobId=")]
        return [dict(part.split("=", 1) for part in line.split() if "=" in part) for line in lines]

    def script(self, job: str) -> str:
        """What a job was submitted to do."""
        return (self.folder / "submitted" / job).read_text()

    def running(self) -> list[dict[str, str]]:
        return [job for job in self.jobs() if job["JobState"] == "RUNNING"]

    def records(self) -> list[dict[str, Any]]:
        """What Snakemake's processes in the jobs noted at their end."""
        path = self.folder / "records"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def start(self, name: str) -> None:
        """Start the controller or a node."""
        node = [] if name == "slurmctld" else ["-N", name]
        program = _program("slurmctld" if name == "slurmctld" else "slurmd")
        with (self.folder / f"{name}.out").open("a") as output:
            self.daemons[name] = subprocess.Popen(
                [str(program), "-D", "-f", str(self.folder / "slurm.conf"), *node],
                stdout=output,
                stderr=subprocess.STDOUT,
                env=os.environ | {"SLURM_CONF": str(self.folder / "slurm.conf")},
                start_new_session=True,
            )

    def stop_controller(self) -> None:
        """End the controller as an administrator does; it saves what it knows."""
        controller = self.daemons.pop("slurmctld")
        controller.terminate()
        controller.wait(60)

    def cut_power(self, node: str) -> None:
        """End a node at once, and all its jobs with it."""
        numbers = {job["JobId"] for job in self.running() if job["NodeList"] == node}
        victims: list[psutil.Process] = []
        for process in psutil.process_iter(["cmdline"]):
            title = " ".join(process.info["cmdline"] or [])
            if title.startswith("slurmstepd: [") and title[13:].partition(".")[0].rstrip("]") in numbers:
                with suppress(psutil.NoSuchProcess):
                    victims += [process, *process.children(recursive=True)]
        daemon = self.daemons.pop(node)
        daemon.kill()
        daemon.wait()
        for process in victims:
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def wait(self, what: str, condition: Callable[[], Any], timeout_s: float = 60) -> Any:
        """The first true value of a condition."""
        deadline = time.monotonic() + timeout_s
        while not (value := condition()):
            if time.monotonic() > deadline:
                raise AssertionError(f"no {what} after {timeout_s} s\n{self.logs()}")
            time.sleep(0.5)
        return value

    def logs(self) -> str:
        """Ends of the daemons' logs."""
        return "\n".join(f"{path}:\n{path.read_text()[-2000:]}" for path in sorted(self.folder.glob("*.log")))


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A cluster that is stopped, with all its jobs, when the context ends.

    If this process is killed instead, the next one stops it.
    """
    stop_leftovers()
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=PARENT))
    # Others may read, as munged demands of a folder with its socket.
    folder.chmod(0o755)
    (folder / "owner").write_text(f"{os.getpid()} {psutil.Process().create_time()}")
    made = Cluster(folder)
    try:
        _write(folder)
        subprocess.run(_munged(folder), check=True, timeout=30)
        made.start("slurmctld")
        for name in NODES:
            made.start(name)
        made.wait("nodes", lambda: made.command("sinfo", "-h", "-o", "%t %D", check=False).split() == ["idle", "2"])
        yield made
    finally:
        stop(folder)
        for daemon in made.daemons.values():
            daemon.wait()


def stop_leftovers() -> None:
    """Stop clusters whose test was killed."""
    for folder in PARENT.glob(f"{PREFIX}*"):
        with suppress(OSError, ValueError):
            pid, started = (folder / "owner").read_text().split()
            with suppress(psutil.NoSuchProcess):
                if psutil.Process(int(pid)).create_time() == float(started):
                    continue
            stop(folder)


def stop(folder: Path) -> None:
    """End every process of a cluster, its jobs first of all, and remove its folder."""
    for _ in range(5):
        found = [process for process in psutil.process_iter() if uses(process, str(folder))]
        for process in found:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        psutil.wait_procs(found, timeout=5)
        if not found:
            break
    shutil.rmtree(folder, ignore_errors=True)


def uses(process: psutil.Process, folder: str) -> bool:
    """Whether a process is a daemon of a cluster, of a step (these hide their command), or uses it."""
    try:
        if process.name().startswith(("munged", "slurm")):
            opened = (str(link.readlink()) for link in Path(f"/proc/{process.pid}/fd").iterdir())
            return any(folder in name for name in (*process.cmdline(), *opened))
        return any(folder in value for value in process.environ().values())
    except (psutil.Error, OSError):
        return False


def _munged(folder: Path) -> list[str]:
    files = {"socket": "munge.socket", "key-file": "munge.key", "pid-file": "munge.pid"}
    files |= {"log-file": "munge.log", "seed-file": "munge.seed"}
    return [str(_program("munged")), "--force", *(f"--{name}={folder / file}" for name, file in files.items())]


def _write(folder: Path) -> None:
    """Keys, devices, configuration and wrapped commands."""
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o600)
    (folder / "state").mkdir()
    (folder / "bin").mkdir()
    (folder / "site").mkdir()
    host, ports = socket.gethostname().partition(".")[0], _free_ports(len(NODES) + 1)
    nodes, devices = [], []
    for name, port in zip(NODES, ports[1:], strict=True):
        (folder / f"spool-{name}").mkdir()
        for number in range(GPUS):
            os.mknod(folder / f"gpu-{name}-{number}", 0o666 | 0o020000, NULL_DEVICE)
            devices.append(f"NodeName={name} Name=gpu File={folder}/gpu-{name}-{number}")
        nodes.append(NODE.format(name=name, host=host, port=port, cores=CORES, memory=MEMORY_MB, gpus=GPUS))
    (folder / "gres.conf").write_text("\n".join(devices) + "\n")
    (folder / "slurm.conf").write_text(
        CONFIGURATION.format(
            host=host, controller=ports[0], folder=folder, nodes="\n".join(nodes), names=",".join(NODES)
        )
    )
    for name in COMMANDS:
        wrapper = folder / "bin" / name
        wrapper.write_text(f'#!/bin/sh\nSLURM_CONF={folder}/slurm.conf exec {_program(name)} "$@"\n')
        wrapper.chmod(0o755)
    submit = folder / "bin" / "sbatch"
    submit.write_text(SBATCH.format(folder=folder, program=_program("sbatch")))
    (folder / "submitted").mkdir()
    (folder / "site" / "sitecustomize.py").write_text(SITE.format(path=str(folder / "records")))


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


if __name__ == "__main__":
    # A cluster to try things on: its variables, then it runs until its input ends.
    with cluster() as running:
        for key, value in running.environment.items():
            print(f"export {key}={value}", flush=True)
        sys.stdin.read()
