"""The built wheel, installed where only torch and what torch needs can be seen."""

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

SCRIPT = """\
import sys
from imbalance_aware.losses import LOSSES, SoftMCCLoss
assert SoftMCCLoss.__module__ == "imbalance_aware.losses.soft_mcc"
print("imported", *sorted({name.partition(".")[0] for name in sys.modules}))
import torch
from imbalance_aware.losses import CombinedLoss
logits = torch.linspace(-1, 1, 12).reshape(4, 3).requires_grad_()
target = torch.tensor([0, 1, 2, 0])
for terms in [{name: 1.0} for name in LOSSES] + [{"ce": 1.0, "soft_mcc": 0.5}]:
    logits.grad = None
    CombinedLoss(terms, class_counts=[2, 1, 1])(logits, target, torch.ones(4)).backward()
    assert logits.grad.isfinite().all(), terms
print("losses", len(LOSSES))
"""
TYPED = """\
from imbalance_aware.losses import CombinedLoss, SoftMCCLoss
reveal_type(SoftMCCLoss())
reveal_type(CombinedLoss({"ce": 1}))
"""


def closure_of(name: str, found: set[str]) -> set[str]:
    """Names of a distribution and of all that it requires."""
    if name not in found:
        found.add(name)
        for line in metadata.requires(name) or []:
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                closure_of(requirement.name, found)
    return found


def run(*command: str, folder: Path, check: bool = True, path: str = "") -> subprocess.CompletedProcess[str]:
    """A command whose Python finds what is installed and, where given, the modules at ``path``."""
    environment = os.environ | {"PYTHONPATH": path}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def wheel(checkout, tmp_path_factory) -> Path:
    """Built from a copy, since setuptools leaves folders beside what it builds."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(checkout / name, folder / name)
    shutil.copytree(checkout / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", "dist"]
    run(sys.executable, "-m", "pip", "wheel", *options, ".", folder=folder)
    (built,) = (folder / "dist").iterdir()
    return built


@pytest.fixture(scope="module")
def bare(wheel, tmp_path_factory) -> Path:
    """The python of a fresh environment, without pip, that sees torch and its requirements; the wheel is installed."""
    folder = tmp_path_factory.mktemp("bare")
    visible = folder / "visible"
    visible.mkdir()
    for name in closure_of("torch", set()):
        files = metadata.distribution(name)
        for entry in {path.parts[0] for path in files.files or []} - {"..", "__pycache__"}:
            if not (visible / entry).exists():
                (visible / entry).symlink_to(Path(str(files.locate_file(entry))))
    venv.create(folder / "venv", with_pip=False)
    (site,) = (folder / "venv").glob("lib/*/site-packages")
    (site / "visible.pth").write_text(f"{visible}\n")
    python = folder / "venv/bin/python"
    install(python, str(wheel))
    return python


def install(python: Path, wheel: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """From no index: what is required and cannot be seen is an error."""
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-index", wheel]
    return run(*command, folder=python.parent, check=check)


def test_the_wheel_brings_the_losses_with_torch_and_nothing_else(bare, tmp_path):
    lines = run(str(bare), "-I", "-c", SCRIPT, folder=tmp_path).stdout.splitlines()
    imported = set(lines[0].split()[1:])
    assert "torch" in imported
    assert not imported & {"numpy", "pandas", "pydantic", "yaml", "monai", "sklearn", "scipy"}
    assert lines[1].startswith("losses ")


def test_the_losses_import_none_of_the_other_packages_where_these_are_installed(checkout, tmp_path):
    """numpy is imported by torch itself where it is there."""
    lines = run(sys.executable, "-c", SCRIPT, folder=tmp_path, path=str(checkout / "src")).stdout.splitlines()
    assert not set(lines[0].split()[1:]) & {"pandas", "pydantic", "yaml", "monai", "sklearn", "scipy"}


def test_an_extra_asks_for_more_than_can_be_seen_there(bare, wheel):
    """The counterpart: an environment that hides numpy refuses what requires it."""
    done = install(bare, f"{wheel}[steps]", check=False)
    assert done.returncode and "No matching distribution found for numpy" in done.stderr


def test_a_step_says_what_is_missing_and_how_to_install_it(bare, tmp_path):
    assert "usage:" in run(str(bare), "-I", "-m", "imbalance_aware", "--help", folder=tmp_path).stdout
    done = run(str(bare), "-I", "-m", "imbalance_aware", "tables", "--help", folder=tmp_path, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: the package ") and "pip install 'imbalance-aware[" in done.stderr


def test_the_wheel_holds_the_package_and_nothing_else(wheel, checkout):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    source = checkout / "src"
    files = {path for path in (source / "imbalance_aware").rglob("*.*") if path.is_file() and path.suffix != ".pyc"}
    assert names == {str(path.relative_to(source)) for path in files}


def test_a_type_checker_sees_the_types_of_the_installed_losses(bare, tmp_path):
    (tmp_path / "mypy.ini").write_text("[mypy]\n[mypy-torch.*]\nfollow_imports = skip\n")
    (tmp_path / "typed.py").write_text(TYPED)
    options = ["--python-executable", str(bare), "--config-file", "mypy.ini", "--cache-dir", "cache"]
    # Not from this folder's sources: what the other environment has installed.
    done = run(sys.executable, "-I", "-m", "mypy", *options, "typed.py", folder=tmp_path)
    for name in ("soft_mcc.SoftMCCLoss", "combined.CombinedLoss"):
        assert f'Revealed type is "imbalance_aware.losses.{name}"' in done.stdout
