"""From a subject's scans, brain and tumour to its patch, in memory: resample, scale, crop.

The content of a patch depends on this module and what it imports. The quality control picture is drawn elsewhere, so
that editing it does not repeat patches.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from imbalance_aware.files import atomic
from imbalance_aware.nifti import read_mask, read_volume
from imbalance_aware.preprocessing.axial_slice import write_axial_slice
from imbalance_aware.preprocessing.crop import crop
from imbalance_aware.preprocessing.resample import on_atlas
from imbalance_aware.preprocessing.scale import scale_sequences
from imbalance_aware.preprocessing.subject_step import Measures, next_steps
from imbalance_aware.volume_settings import PatchSettings
from imbalance_aware.volumes import reorient


@dataclass(frozen=True)
class SubjectFiles:
    """What a subject's patch is made from.

    Attributes:
        scans: sequence -> file, in the order of the patch's channels.
        atlas_brain: T1 of the atlas, without skull.
        brain: brain mask on the atlas's grid; an empty file if none was found.
        tumour: tumour mask, likewise.
    """

    scans: Mapping[str, Path]
    atlas_brain: Path
    brain: Path
    tumour: Path


class PatchMaker:
    """The steps of one subject; each passes its results on to the next."""

    def __init__(self, files: SubjectFiles, settings: PatchSettings, patch: Path, slices: Path):
        self.files, self.settings, self.patch, self.slices = files, settings, patch, slices
        #: (x, y, z, sequences), float32: on the atlas's grid after `_resample`, in [0, 1] after `_scale`.
        self.volumes = np.empty((0, 0, 0, 0), np.float32)
        #: (x, y, z), once `_crop` has read it.
        self.tumour = np.empty((0, 0, 0), bool)

    def run(self, report: Mapping[str, Any]) -> dict[str, Any]:
        """Write the patch (.npy) and the axial slices (.npz); both are empty files if this or an earlier step failed.

        Args:
            report: of the step ``mask``.

        Returns:
            The report with the measures of ``resample``, ``scale`` and ``crop``, and the step that failed, if any.

        Raises:
            BadVolume: the atlas cannot be read, which does not concern the subject.
        """
        if not report["failed"]:
            self._atlas = reorient(read_volume(self.files.atlas_brain))
        steps = {"resample": self._resample, "scale": self._scale, "crop": self._crop}
        return next_steps(report, [self.patch, self.slices], steps)

    def _resample(self, steps: Mapping[str, Measures], measures: Measures) -> None:
        matrices = steps["register"]["matrices"]
        self.volumes = on_atlas(self.files.scans, matrices, self._atlas, measures).array

    def _scale(self, steps: Mapping[str, Measures], measures: Measures) -> None:
        brain = read_mask(self.files.brain).array
        scale_sequences(self.volumes, brain, list(self.files.scans), self.settings.normalisation, measures)

    def _crop(self, steps: Mapping[str, Measures], measures: Measures) -> None:
        self.tumour = read_mask(self.files.tumour).array
        patch = crop(self.volumes, self.tumour, self.settings.crop, measures)
        with atomic(self.patch) as path:
            np.save(path, patch)
        with atomic(self.slices) as path:
            write_axial_slice(path, self.volumes, self.tumour, measures["centre_voxel"], self.settings.crop.size)
