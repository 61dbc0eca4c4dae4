"""Pictures of the samples of a packed dataset, as training reads them."""

from functools import cached_property

import numpy as np

from imbalance_aware.errors import UserError
from imbalance_aware.image_digests import image_digest, require_tie
from imbalance_aware.report.study_files import DatasetFiles
from imbalance_aware.reporting.brightness import brightest
from imbalance_aware.runs.dataset import open_images
from imbalance_aware.tables.samples import COLUMNS, IMAGE_DIGEST, how_to_pack, read_samples

#: Black columns between the sequences of a volume.
GAP = 2


class SamplePictures:
    """Pictures of a dataset's samples, by subject; each is read from ``images.npy`` when it is asked for.

    Raises:
        UserError: of any use, ``images.npy`` and ``samples.csv`` cannot be read or do not belong together.
    """

    def __init__(self, dataset: DatasetFiles) -> None:
        self._images_path, self._samples_path = dataset.folder / "images.npy", dataset.folder / "samples.csv"

    @cached_property
    def _images(self) -> np.ndarray:
        return open_images(self._images_path)

    @cached_property
    def _rows(self) -> dict[str, tuple[int, dict[str, str]]]:
        samples = read_samples(self._samples_path, COLUMNS)
        if len(samples) != len(self._images):
            raise UserError(
                f"{self._images_path} holds {len(self._images)} images and {self._samples_path} {len(samples)} rows. "
                f"{how_to_pack(self._samples_path)}"
            )
        return {sample["subject"]: (row, sample) for row, sample in enumerate(samples)}

    def pixels(self, subject: str) -> np.ndarray | None:
        """The picture of a sample, uint8, (H, W) or (H, W, 3); None of a subject that is not packed.

        Of a volume it is the middle axial slice of the patch, front on top, its sequences side by side, each from 0 to
        the 99.5th percentile of its slice.
        """
        if subject not in self._rows:
            return None
        row, sample = self._rows[subject]
        image = np.asarray(self._images[row])
        require_tie(image_digest(image), sample[IMAGE_DIGEST], row, subject, self._images_path, self._samples_path)
        return _slices(image) if image.ndim == 4 else _photograph(image)


def _photograph(image: np.ndarray) -> np.ndarray:
    """(C, H, W) uint8 or float16 in [0, 1] -> (H, W) or (H, W, 3) uint8."""
    values = image if image.dtype == np.uint8 else _eight_bit(image.astype(np.float32))
    return values[0] if len(values) == 1 else np.ascontiguousarray(np.moveaxis(values[:3], 0, -1))


def _slices(image: np.ndarray) -> np.ndarray:
    """(C, x, y, z) -> the middle slice of each sequence, side by side, (y, C * (x + `GAP`) - `GAP`) uint8."""
    middle = image[..., image.shape[-1] // 2].astype(np.float32)
    shown = [_eight_bit(sequence / brightest(sequence)).T for sequence in middle]
    gap = np.zeros((shown[0].shape[0], GAP), np.uint8)
    return np.hstack([part for sequence in shown for part in (sequence, gap)][:-1])


def _eight_bit(values: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
