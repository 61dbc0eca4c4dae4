"""Where the package lies that the steps run."""

import os
import re
import shutil
import sys
import tempfile
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

#: What steps read beside the package.
RESOURCES = ("ahn2018_files.csv", "paper_claims.csv", "published_results.csv", "reporting_items.csv")
ENVIRONMENTS = ("analysis.yaml", "preprocess.yaml", "strip.yaml", "brats.yaml")
SHIPPED = [*(f"resources/{name}" for name in RESOURCES), *(f"envs/{name}" for name in ENVIRONMENTS)]


def laid_out():
    """A folder with src/, resources/ and envs/ as in a checkout, for a workflow that is read from a repository file by file.

    This happens when it is a module with an address (`github(…)`, as snakedeploy writes) instead of a folder. The
    package is the installed one. It is copied, because an environment of conda may see it alone, not what is installed
    beside it.
    """
    found = find_spec("imbalance_aware")
    wanted = version_in(workflow.source_path("../../src/imbalance_aware/__init__.py"))
    if found is None or version_in(found.origin) != wanted:
        raise SystemExit(
            f"error: this workflow runs the package imbalance-aware {wanted}, which must be installed beside Snakemake "
            f"({'version ' + version_in(found.origin) + ' is' if found else 'it is not'}): "
            "pip install 'imbalance-aware[preprocess,strip,train,monai,analysis]'"
        )
    package = Path(found.origin).parent
    parts = [path for path in sorted(package.rglob("*.*")) if path.is_file() and path.suffix != ".pyc"]
    files = {f"src/imbalance_aware/{path.relative_to(package)}": path for path in parts}
    files |= {name: Path(workflow.source_path(f"../../{name}")) for name in SHIPPED}
    content = sha256()
    for name, path in files.items():
        content.update(f"{name}:{sha256(path.read_bytes()).hexdigest()}\n".encode())
    folder = Path(".snakemake/imbalance_aware").absolute() / content.hexdigest()[:16]
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=folder.parent))
        for name, path in files.items():
            (temporary / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, temporary / name)
        try:
            os.rename(temporary, folder)
        except OSError:  # another job was faster
            shutil.rmtree(temporary)
    return folder


def version_in(path):
    return re.search(r'^__version__ = "(.+)"$', Path(path).read_text(encoding="utf-8"), re.MULTILINE)[1]


# Relative to this file, because the main Snakefile may belong to another workflow that uses this one as a module.
CHECKOUT = Path(str(workflow.current_basedir)).parents[1]
if not (CHECKOUT / "src/imbalance_aware").is_dir():
    CHECKOUT = laid_out()
SOURCE = CHECKOUT / "src"
sys.path.insert(0, str(SOURCE))
