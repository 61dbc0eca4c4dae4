"""Where the checkout is, and real data."""

import os
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]


def real_data(name: str) -> Path:
    """Folder ``name`` of real data, under IMBALANCE_AWARE_DATA or data/ in the checkout; skips the test without it."""
    folder = Path(os.environ.get("IMBALANCE_AWARE_DATA", CHECKOUT / "data")) / name
    if not folder.is_dir():
        pytest.skip(
            f"no real data at {folder}; set IMBALANCE_AWARE_DATA to a folder that holds glaucoma/, mri/, clinical/"
        )
    return folder
