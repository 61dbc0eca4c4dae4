"""Fixtures that every test may use."""

import os
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def checkout() -> Path:
    """Top of the source tree."""
    return CHECKOUT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real images (glaucoma/, mri/, clinical/); named by IMBALANCE_AWARE_DATA, else data/ in the checkout."""
    folder = Path(os.environ.get("IMBALANCE_AWARE_DATA", CHECKOUT / "data"))
    if not folder.is_dir():
        pytest.skip(
            f"no real data at {folder}; set IMBALANCE_AWARE_DATA to a folder that holds glaucoma/, mri/, clinical/"
        )
    return folder
