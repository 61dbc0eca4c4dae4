"""A Python that has the plugins of docs/other_engines.md and an S3 server beside all that the tests have.

uv makes it from PyPI, or in seconds from its cache. The plugins are not among the packages of the tests, because some
want other versions of what the workflow pins.
"""

import re
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

from uv_packages import UV

SERVER = "moto[server]==5.2.5"
#: Pinned in constraints.txt and refused by boto3 in that version.
UNPINNED = ("python-dateutil",)


def documented(checkout: Path) -> list[str]:
    """The plugins that the page names, with their versions."""
    page = (checkout / "docs/other_engines.md").read_text(encoding="utf-8")
    return sorted(set(re.findall(r"snakemake-(?:executor|storage)-plugin-[\w-]+==[\d.]+", page)))


def install(checkout: Path, folder: Path) -> Path:
    """Make it in an empty folder; returns its folder of programs."""
    pins = (checkout / "constraints.txt").read_text().splitlines()
    constraints = folder / "constraints.txt"
    constraints.write_text("\n".join(line for line in pins if not line.startswith(UNPINNED)) + "\n")
    place = folder / "python"
    run("venv", "--quiet", "--no-config", "--python", sys.executable, str(place))
    python = place / "bin/python"
    packages = [*documented(checkout), SERVER, "pygments"]
    run("pip", "install", "--quiet", "--no-config", "--python", str(python), "-c", str(constraints), *packages)
    (site,) = place.glob("lib/python*/site-packages")
    # Behind its own packages, those of the tests.
    (site / "tests.pth").write_text(sysconfig.get_path("purelib") + "\n")
    # Each job on a cloud installs the plugin of its storage first. Here it is there already.
    (place / "bin/pip").write_text("#!/bin/sh\n")
    (place / "bin/pip").chmod(0o755)
    return python.parent


def run(*arguments: str) -> None:
    done = subprocess.run([*UV, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"uv {' '.join(arguments)}\n{done.stdout}{done.stderr}"


@contextmanager
def s3_server(programs: Path, log: Path) -> Iterator[str]:
    """An empty S3 server on this machine, with its address, until the block ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    with log.open("wb") as output:
        command = [programs / "python", "-m", "moto.server", "--host", "127.0.0.1", "--port", str(port)]
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        try:
            wait(process, f"{address}/moto-api/", log)
            yield address
        finally:
            process.kill()
            process.wait()


def wait(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    """Return when the server answers."""
    for _ in range(600):
        assert process.poll() is None, log.read_text(errors="replace")
        try:
            with urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"{address} does not answer")
