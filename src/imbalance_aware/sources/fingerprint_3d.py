"""Names and sizes of the files of 3D datasets."""

from pathlib import Path

from imbalance_aware.errors import UserError
from imbalance_aware.files import digest
from imbalance_aware.sources.folder3d_table import read_table, volume_path
from imbalance_aware.sources.nifti_files import walk
from imbalance_aware.sources.settings_3d import Folder3DSettings, GliomaSettings


def glioma(settings: GliomaSettings) -> str:
    """Digest of each cohort's table, and lines ``path size`` of all NIfTI files below its folder."""
    lines = []
    for cohort in settings.cohorts:
        for kind, path, there in (
            ("folder", cohort.path, cohort.path.is_dir()),
            ("file", cohort.table, cohort.table.is_file()),
        ):
            if not there:
                raise UserError(
                    f"{cohort.name}: there is no {kind} {path} (looked at {path.absolute()}). {cohort.how_to_get}"
                )
        lines += [cohort.name, digest(cohort.table), *_sizes(cohort.path)]
    return "\n".join(lines)


def folder3d(settings: Folder3DSettings) -> str:
    """Lines of cells and sizes (-1 if absent) for every row of the table."""
    rows, columns = read_table(settings)
    files = [name for name in (*settings.sequences, "mask") if name in columns]
    return "\n".join(
        f"{row} {[_size(volume_path(settings, row[name])) for name in files if row[name]]}" for row in rows
    )


def _sizes(root: Path) -> list[str]:
    return sorted(
        f"{folder.relative_to(root)}/{name} {_size(folder / name)}" for folder, names in walk(root) for name in names
    )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1
