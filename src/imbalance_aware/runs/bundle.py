"""Pack everything that training a study on one dataset needs into one file, for a machine without Snakemake.

The file is a tar archive: code, images (compressed by bzip2), and the settings of every condition. That machine needs
Python and the packages of envs/train.yaml (for networks of another package, such as `monai:DenseNet121`, those of
envs/monai.yaml or envs/timm.yaml; run.py says what is missing before it trains):

    tar xf glaucoma.tar && python paper-glaucoma/run.py --jobs 4 --out results

`run.py --help` explains how to choose runs and to stop after some time. Calling it again continues. The run folders are
those that the workflow would make; copied into results/, they count as done.
"""

import argparse
import bz2
import io
import shutil
import tarfile
import tempfile
from pathlib import Path
from typing import BinaryIO

from imbalance_aware.errors import UserError
from imbalance_aware.files import atomic
from imbalance_aware.losses.build import module_names
from imbalance_aware.models.build import module_names as network_modules
from imbalance_aware.provenance import ROOT, closure, module_path
from imbalance_aware.runs.bundle_manifest import (
    COMPRESSED,
    MANIFEST,
    SAMPLES,
    Conditions,
    Manifest,
    folds_table,
    weights_file,
)
from imbalance_aware.runs.dataset import Fold, Packed
from imbalance_aware.runs.weights_file import find_weights, require_sha256
from imbalance_aware.schema import parse, validate
from imbalance_aware.tables.folds import read_folds

STEPS = ["__main__", "runs.train", "runs.train_bundle", "runs.train_worker"]
RUN = '''"""Train the runs of this bundle: python run.py --help."""

import sys
from pathlib import Path

from imbalance_aware.__main__ import main

sys.exit(main(["train_bundle", "--bundle", str(Path(__file__).resolve().parent), *sys.argv[1:]]))
'''


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    parser.add_argument("--images", type=Path, required=True, help="images.npy of the dataset")
    parser.add_argument("--samples", type=Path, required=True, help="samples.csv of the dataset")
    parser.add_argument(
        "--folds", type=Path, nargs="+", default=[], help="for a cross-validated dataset: repeat-0.csv, repeat-1.csv, …"
    )
    parser.add_argument("--study", required=True, help="name of the study")
    parser.add_argument("--dataset", required=True, help="name of the dataset")
    parser.add_argument(
        "--settings",
        required=True,
        help='JSON, or a file of it: {"conditions": {NAME: {"settings": settings of a run, "code": digest}}}',
    )
    parser.add_argument(
        "--seeds", type=int, nargs="+", required=True, help="random seeds of the runs of each condition"
    )
    parser.add_argument(
        "--weights",
        nargs="*",
        default=[],
        metavar="SHA256=FILE",
        help="locations of the files of weights",
    )
    parser.add_argument("--out", type=Path, required=True, help="archive to write (.tar)")


def run(args: argparse.Namespace) -> None:
    """Write the archive; the same inputs make the same bytes.

    Raises:
        UserError: settings, images, samples or folds are not usable.
    """
    tables = {folds_table(repeat): path for repeat, path in enumerate(args.folds)}
    if strange := [path for name, path in tables.items() if path.name != Path(name).name]:
        raise UserError(f"--folds: {strange[0]}: expected the tables of all repeats in their order: repeat-0.csv, …")
    conditions = parse(Conditions, args.settings).conditions
    packed = Packed(args.images, args.samples)
    content = {
        "conditions": conditions,
        "study": args.study,
        "dataset": args.dataset,
        "seeds": args.seeds,
        # Without folds this also checks that there is a fixed split to train on.
        "data": packed.digest if args.folds else packed.dataset().digest,
        "folds": [
            [packed.dataset(Fold(path, number)).digest for number in range(len(read_folds(path)))]
            for path in args.folds
        ],
    }
    manifest = validate(Manifest, content, "bundle")
    looked_up = set()
    for condition in conditions.values():
        looked_up |= {*module_names(condition.settings.condition.loss)}
        looked_up |= {*network_modules(condition.settings.model.network)}
    files = code_files([*STEPS, *sorted(looked_up)])
    for weights in filter(None, (condition.settings.model.weights for condition in conditions.values())):
        path = find_weights(weights, args.weights)
        require_sha256(path, weights.sha256)
        files[weights_file(weights.sha256, path)] = path
    texts = {MANIFEST: manifest.model_dump_json(indent=2) + "\n", "run.py": RUN}
    # Made in the folder of the archive, where there is space for it.
    with tempfile.TemporaryDirectory(dir=args.out.parent) as folder, atomic(args.out) as temporary:
        files |= tables | {SAMPLES: args.samples, COMPRESSED: Path(folder) / COMPRESSED}
        with args.images.open("rb") as plain, bz2.open(files[COMPRESSED], "wb") as compressed:
            shutil.copyfileobj(plain, compressed)
        with tarfile.open(temporary, "w", format=tarfile.PAX_FORMAT) as archive:
            for name, text in texts.items():
                _add(archive, f"{args.study}-{args.dataset}/{name}", io.BytesIO(text.encode()))
            for name, path in files.items():
                with path.open("rb") as handle:
                    _add(archive, f"{args.study}-{args.dataset}/{name}", handle)


def code_files(modules: list[str]) -> dict[str, Path]:
    """Files of ``modules`` and all that they import, with the packages around them: name in the bundle -> path."""
    paths = {module_path(module) for module in closure(modules)}
    paths |= {parent / "__init__.py" for path in paths for parent in path.parents if parent.is_relative_to(ROOT)}
    return {str(path.relative_to(ROOT.parent)): path for path in sorted(paths)}


def _add(archive: tarfile.TarFile, name: str, content: BinaryIO) -> None:
    """Add a file; the same files make the same archive, whatever their owner and time."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = content.seek(0, io.SEEK_END), 0o644
    content.seek(0)
    archive.addfile(entry, content)
