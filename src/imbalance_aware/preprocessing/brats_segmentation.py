"""Segment the tumour with an algorithm of the BraTS challenges, through the package ``brats`` (BrainLesion).

The algorithms are container images: this needs the package ``brats``, Docker or Apptainer (Singularity), for most a
GPU, and the image fetched beforehand. Some keep their weights outside the image, in a record on Zenodo, which
``brats`` would download in the middle of a job: those are refused until the weights are downloaded. Even then,
``brats`` asks Zenodo for a later version and, if it gets an answer, replaces them.
"""

import importlib.util
import logging
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from imbalance_aware.errors import UserError
from imbalance_aware.nifti import read_volume, write_volume
from imbalance_aware.preprocessing.subject_step import SHOWN, Failure
from imbalance_aware.schema import nearest
from imbalance_aware.volumes import BadVolume, Volume

log = logging.getLogger(__name__)

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
        UserError: package, algorithm, engine, image, weights or GPU is missing, or the grid is not that of BraTS.
        Failure: the container ended with an error, or found no tumour.
    """
    if stripped.shape != SHAPE:
        raise UserError(f"BraTS algorithms need {SHAPE} voxels of 1 mm, the atlas here has {stripped.shape}")
    segmenter = _segmenter(algorithm)
    ENGINES[engine](segmenter.algorithm.run_args.docker_image)
    _require_weights(algorithm, segmenter.algorithm.additional_files)
    with tempfile.TemporaryDirectory() as folder:
        files = {}
        for sequence, argument in ARGUMENTS.items():
            files[argument] = Path(folder, f"{argument}.nii.gz")
            channel = stripped.array[..., sequences.index(sequence)]
            write_volume(files[argument], Volume(np.ascontiguousarray(channel), stripped.affine))
        out = Path(folder, "segmentation.nii.gz")
        _infer(segmenter, algorithm, engine, files, out)
        return _read_tumour(out, algorithm)


def _segmenter(algorithm: str):
    if importlib.util.find_spec("brats") is None:
        raise UserError(
            "the package `brats` is not installed: `pip install brats==0.1.14`, or let Snakemake make its environment "
            f"with `--sdm conda`. {ALTERNATIVE}"
        )
    from brats import AdultGliomaPreTreatmentSegmenter
    from brats.constants import AdultGliomaPreTreatmentAlgorithms

    known = [item.value for item in AdultGliomaPreTreatmentAlgorithms]
    if algorithm not in known:
        raise UserError(f'mask.algorithm: `brats` has no "{algorithm}".{nearest(algorithm, known)}')
    return AdultGliomaPreTreatmentSegmenter(AdultGliomaPreTreatmentAlgorithms(algorithm))


def _require_weights(algorithm: str, files) -> None:
    """Raise `UserError` unless the files that the algorithm needs besides its image have been downloaded.

    Args:
        algorithm: its name.
        files: what ``brats`` says of additional files; None if the image holds all.
    """
    if files is None:
        return
    from brats.constants import ADDITIONAL_FILES_FOLDER

    record = files.record_id
    if not any(any(folder.iterdir()) for folder in Path(ADDITIONAL_FILES_FOLDER).glob(f"{record}_v*")):
        fetch = f"from brats.utils.zenodo import check_additional_files_path as fetch; fetch('{record}')"
        raise UserError(
            f"the weights of {algorithm} (Zenodo record {record}) are not in {ADDITIONAL_FILES_FOLDER}; fetch them "
            f'first: python -c "{fetch}"'
        )


def _infer(segmenter, algorithm: str, engine: str, files: dict[str, Path], out: Path) -> None:
    """Run the container; errors inside it are this patient's failure, except a missing GPU, which concerns all."""
    from brats.utils.exceptions import AlgorithmNotCPUCompatibleException

    try:
        segmenter.infer_single(**files, output_file=out, backend=engine)
    except AlgorithmNotCPUCompatibleException:
        raise UserError(f"mask.algorithm: {algorithm} needs a GPU, and there is none here. {ALTERNATIVE}") from None
    except Exception as error:
        log.exception("%s", algorithm)
        message = " ".join(str(error).split())[:SHOWN]
        raise Failure(f"segmentation: {algorithm} ended with {type(error).__name__}: {message}") from None


def _read_tumour(path: Path, algorithm: str) -> np.ndarray:
    try:
        return read_volume(path).array > 0
    except BadVolume as bad:
        if str(bad).startswith("constant: every voxel is 0"):
            raise Failure(f"empty mask: {algorithm} found no tumour") from None
        raise Failure(f"segmentation: {algorithm} wrote a file that cannot be used, {bad}") from None


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
