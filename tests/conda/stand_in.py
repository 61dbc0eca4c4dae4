"""A `conda` for tests that makes an environment from exactly what its file names, without channels and solver.

    python stand_in.py ROOT info --json         and whatever else Snakemake calls

Python comes from this machine, the packages of the pip part from PyPI by uv, with the hashes of the file. uv links them
from its cache, so that several environments take the time and the disk space of one.

A build of torch for CPUs alone is not on PyPI. Where the tests run with one, it is linked from there, in the version
that the file names, and the CUDA libraries are left out: 3 GB that nothing imports here.
"""

import importlib.metadata as metadata
import json
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import yaml
from packaging.requirements import Requirement

ACTIVATE = """\
# Sourced by each job with the environment's folder, as conda's own script is.
export CONDA_PREFIX="$1"
export PATH="$1/bin:$PATH"
"""
UV = (sys.executable, "-m", "uv")
#: Distributions that only torch for CUDA needs, by the beginnings of their names.
CUDA = ("nvidia-", "cuda-", "triton")


def install(root: Path) -> Path:
    """Write the commands below ``root``; returns the folder for the PATH."""
    folder = root / "bin"
    folder.mkdir(parents=True)
    (folder / "activate").write_text(ACTIVATE)
    conda = folder / "conda"
    conda.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{Path(__file__).resolve()}" "{root}" "$@"\n')
    conda.chmod(0o755)
    return folder


def create(file: Path, prefix: Path) -> None:
    """Make the environment of a file at ``prefix``."""
    packages: list[str] = []
    python = ""
    for entry in yaml.safe_load(file.read_text())["dependencies"]:
        if isinstance(entry, dict):
            packages = entry["pip"]
        elif entry.startswith("python="):
            python = entry.partition("=")[2]
        elif entry != "pip":
            raise SystemExit(f"only python and pip come without a channel, not {entry}")
    # Nothing of this installation is seen from there; --seed: pip, which the file names too.
    run("venv", "--quiet", "--no-config", "--seed", "--no-python-downloads", "--python", python, str(prefix))
    # As conda does: a file of requirements beside that of the environment.
    same = python == f"{sys.version_info.major}.{sys.version_info.minor}" and "+cpu" in metadata.version("torch")
    lines, linked = without_cuda(packages) if same else (packages, False)
    requirements = file.with_suffix(".requirements.txt")
    requirements.write_text("\n".join(lines) + "\n")
    chosen = ["--python", str(prefix / "bin/python")]
    # Without torch not everything is there that others need; `check` looks for all of it below.
    options = ["--no-deps"] if linked else []
    run("pip", "install", "--quiet", "--no-config", *chosen, *options, "-r", str(requirements))
    if linked:
        (site,) = prefix.glob("lib/python*/site-packages")
        link("torch", site)
    run("pip", "check", "--quiet", *chosen)


def without_cuda(packages: list[str]) -> tuple[list[str], bool]:
    """The lines of a pip part for the torch of this installation, and whether it is to be linked."""
    names = {line: line.partition(" ")[0].partition("==")[0] for line in packages}
    lines = [line for line in packages if names[line] != "torch" and not names[line].startswith(CUDA)]
    wanted = [line for line in packages if names[line] == "torch"]
    version = metadata.version("torch").partition("+")[0]
    for line in wanted:
        requirement = Requirement(line.partition(" ")[0])
        if not requirement.specifier.contains(version):
            raise SystemExit(f"the tests run with torch {version}, and the environment names {requirement}")
    return lines, bool(wanted)


def link(name: str, site: Path) -> None:
    """Put the installed distribution ``name`` into another folder of packages."""
    for file in metadata.files(name) or ():
        if file.parts[0] != "..":
            target = site / file
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(file.locate(), target)
            except OSError:  # on another disk, or listed and not there
                with suppress(FileNotFoundError):
                    shutil.copyfile(file.locate(), target)


def run(*arguments: str) -> None:
    done = subprocess.run([*UV, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"uv {' '.join(arguments)}\n{done.stdout}{done.stderr}")


def main(root: str, *arguments: str) -> None:
    match arguments:
        case ("info", "--json"):
            print(json.dumps({"conda_prefix": root, "platform": "linux-64"}))
        case ("--version",):
            print("conda 24.7.1")
        case ("config", "--get", "channel_priority", "--json"):
            print(json.dumps({"get": {"channel_priority": "strict"}}))
        case ("env", "create", "--quiet", "--no-default-packages", "--file", file, "--prefix", prefix):
            create(Path(file), Path(prefix))
        case ("clean", *_):  # Snakemake asks for it after each environment
            pass
        case _:
            raise SystemExit(f"the stand-in for conda does not know: {' '.join(arguments)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
