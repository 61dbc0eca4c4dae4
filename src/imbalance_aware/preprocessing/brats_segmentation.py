"""Segment the tumour with an algorithm of the BraTS challenges, through the package ``brats`` (BrainLesion).

The algorithms are container images: this needs the package ``brats``, Docker or Apptainer (Singularity), for most a
GPU, and the image fetched beforehand: nothing is downloaded here.
"""

import importlib.util
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from imbalance_aware.errors import UserError
from imbalance_aware.schema import nearest
from imbalance_aware.volumes import Volume, read_volume, write_volume

#: Sequence -> what ``brats`` calls it.
ARGUMENTS = {"t1": "t1n", "t1c": "t1c", "t2": "t2w", "flair": "t2f"}
#: Grid on which the algorithms were trained.
SHAPE = (240, 240, 155)
ALTERNATIVE = "Or choose `mask: {method: provided}` and bring the masks."
SECONDS_TO_ANSWER = 30


def segment(stripped: Volume, sequences: list[str], algorithm: str, engine: str) -> np.ndarray:
    """Tumour mask (x, y, z).

    Args:
        stripped: (x, y, z, channels) in BraTS space, 0 outside the brain.
        sequences: names of the channels.
        algorithm: name of one of ``brats``'s algorithms for adult glioma before treatment.
        engine: ``docker`` or ``singularity``.

    Raises:
        UserError: package, algorithm, engine or image is missing, or the grid is not that of BraTS.
    """
    if stripped.shape != SHAPE:
        raise UserError(f"BraTS algorithms need {SHAPE} voxels of 1 mm, the atlas here has {stripped.shape}")
    segmenter = _segmenter(algorithm)
    ENGINES[engine](segmenter.algorithm.run_args.docker_image)
    with tempfile.TemporaryDirectory() as folder:
        files = {}
        for sequence, argument in ARGUMENTS.items():
            files[argument] = Path(folder, f"{argument}.nii.gz")
            channel = stripped.array[..., sequences.index(sequence)]
            write_volume(files[argument], Volume(np.ascontiguousarray(channel), stripped.affine))
        out = Path(folder, "segmentation.nii.gz")
        segmenter.infer_single(**files, output_file=out, backend=engine)
        return read_volume(out).array > 0


def _segmenter(algorithm: str):
    if importlib.util.find_spec("brats") is None:
        raise UserError(f"the package `brats` is not installed: `pip install brats==0.1.14`. {ALTERNATIVE}")
    from brats import AdultGliomaPreTreatmentSegmenter
    from brats.constants import AdultGliomaPreTreatmentAlgorithms

    known = [item.value for item in AdultGliomaPreTreatmentAlgorithms]
    if algorithm not in known:
        raise UserError(f'mask.algorithm: `brats` has no "{algorithm}".{nearest(algorithm, known)}')
    return AdultGliomaPreTreatmentSegmenter(AdultGliomaPreTreatmentAlgorithms(algorithm))


def _require_docker(image: str) -> None:
    """Raise `UserError` unless a Docker engine answers and has the image."""
    if shutil.which("docker") is None:
        raise UserError(f"mask.engine is docker, but there is no docker here. {ALTERNATIVE}")
    if not _succeeds("docker", "info"):
        raise UserError(f"mask.engine is docker, but no Docker engine answers (`docker info` fails). {ALTERNATIVE}")
    if not _succeeds("docker", "image", "inspect", image):
        raise UserError(f"the image {image} is not here; fetch it first: docker pull {image}")


def _require_singularity(image: str) -> None:
    """Raise `UserError` unless Singularity or Apptainer is there and ``brats`` has unpacked the image."""
    if shutil.which("singularity") is None:
        raise UserError(
            f"mask.engine is singularity, but there is no `singularity` here (Apptainer brings one). {ALTERNATIVE}"
        )
    sandbox = Path(tempfile.gettempdir(), "brats_singularity_images", image.replace(":", "_"))
    if not sandbox.is_dir():
        raise UserError(
            f"the image {image} is not here; fetch it first: "
            f"singularity build --sandbox --fakeroot {sandbox} docker://{image}"
        )


#: Name -> check of the engine and its image.
ENGINES = {"docker": _require_docker, "singularity": _require_singularity}


def _succeeds(*command: str) -> bool:
    try:
        done = subprocess.run(command, capture_output=True, timeout=SECONDS_TO_ANSWER, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
