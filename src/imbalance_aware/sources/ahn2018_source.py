"""Where the photographs of Ahn et al. 2018 lie, and how to get them."""

from pathlib import Path

from imbalance_aware.errors import UserError

#: Folder of the published archives -> name of the class here, in the order of the labels.
FOLDERS = {"normal_control": "no", "early_glaucoma": "early", "advanced_glaucoma": "advanced"}

#: Ships with the project: class folder, file, authors' split (empty: in neither list), SHA-256 of the published file.
PUBLISHED = "ahn2018_files.csv"

HOW_TO_GET = (
    "The set is public (CC0 1.0): download the three archives of doi:10.7910/DVN/1YRRAC from the Harvard Dataverse and "
    f"unpack them side by side, so that the folder holds {', '.join(FOLDERS)}; then set the dataset's `path` to it."
)


def class_folders(path: Path) -> dict[str, Path]:
    """Name of each class folder -> the folder.

    Raises:
        UserError: the source or one of its class folders is absent.
    """
    if not path.is_dir():
        raise UserError(f"ahn2018: no folder {path} (looked in {path.absolute()}). {HOW_TO_GET}")
    absent = [name for name in FOLDERS if not (path / name).is_dir()]
    if absent:
        raise UserError(f"ahn2018: {path.absolute()} lacks the class folder(s) {', '.join(absent)}. {HOW_TO_GET}")
    return {name: path / name for name in FOLDERS}
