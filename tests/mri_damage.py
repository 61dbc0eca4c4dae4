"""What can be wrong with a subject's scans, done to the folder of a drawn head."""

import nibabel as nib
import numpy as np


def change(path, work, dtype=np.float32):
    image = nib.load(path)
    nib.save(nib.Nifti1Image(work(np.asarray(image.dataobj).astype(dtype)), image.affine), path)


def truncate(folder):
    path = folder / "t2.nii.gz"
    path.write_bytes(path.read_bytes()[:5000])


def with_nan(folder):
    def spoil(array):
        array[5:9, 5:9, 5:9] = np.nan
        return array

    change(folder / "flair.nii.gz", spoil)


def wrong_affine(folder):
    """Axes swapped: the head lies on its side, only in the header; registration cannot correct it."""
    path = folder / "t1c.nii.gz"
    image = nib.load(path)
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj), image.affine[:, [1, 2, 0, 3]]), path)


def hot_voxel(folder):
    def spoil(array):
        array[tuple(size // 2 for size in array.shape)] = 1e6
        return array

    change(folder / "t1c.nii.gz", spoil)


def header_of_a_pair(folder):
    image = nib.load(folder / "t2.nii.gz")
    nib.save(nib.Nifti1Pair(np.asarray(image.dataobj), image.affine), folder / "pair.hdr")
    (folder / "t2.nii.gz").write_bytes((folder / "pair.hdr").read_bytes())


def mask_elsewhere(folder):
    def move(array):
        result = np.zeros_like(array)
        result[:4, :4, :4] = 1
        return result

    change(folder / "mask.nii.gz", move)


#: What happened -> (how to do it to a subject's folder, the step that notices, the reason it gives, the file it names).
DAMAGE = {
    "truncated gzip": (truncate, "register", "unreadable: t2, the file ends too early", "t2.nii.gz"),
    "NaN": (with_nan, "register", "not finite: flair, 64 voxels", "flair.nii.gz"),
    "4D": (
        lambda folder: change(folder / "t1c.nii.gz", lambda array: np.stack([array, array], axis=-1)),
        "register",
        "not 3D: t1c,",
        "t1c.nii.gz",
    ),
    "no header": (
        lambda folder: (folder / "t1.nii.gz").write_bytes(b"\0" * 10_000),
        "register",
        "unreadable: t1, no NIfTI file",
        "t1.nii.gz",
    ),
    "missing file": (lambda folder: (folder / "t1.nii.gz").unlink(), "register", "missing: t1", "t1.nii.gz"),
    "pair of files": (header_of_a_pair, "register", "pair of files: t2, one of a .hdr", "t2.nii.gz"),
    "hot voxel": (hot_voxel, "scale", "hot voxels: t1c, the 1st to the 99th percentile", ""),
    "empty mask": (lambda folder: change(folder / "mask.nii.gz", np.zeros_like), "mask", "empty mask", "mask.nii.gz"),
    "mask of probabilities": (
        lambda folder: change(folder / "mask.nii.gz", lambda array: array * 0.37),
        "mask",
        "mask without labels",
        "mask.nii.gz",
    ),
    "mask outside the brain": (mask_elsewhere, "mask", "mask outside the brain: 0% of it", ""),
    "mask on another grid": (
        lambda folder: change(folder / "mask.nii.gz", lambda array: array[:-3]),
        "mask",
        "mask on another grid",
        "mask.nii.gz",
    ),
}
