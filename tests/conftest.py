"""Fixtures that every test may use."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from places import CHECKOUT, real_data


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever starts Snakemake or whole runs is slow."""
    for item in items:
        if any(
            item.path.is_relative_to(CHECKOUT / "tests" / folder)
            for folder in ("conda", "workflow", "e2e", "slurm", "storage")
        ):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def checkout() -> Path:
    """Top of the source tree."""
    return CHECKOUT


@pytest.fixture(autouse=True)
def subnormal_numbers() -> Iterator[None]:
    """Leave the processor as a test found it: training makes it round subnormal numbers to 0.

    That lasts as long as the thread, and Hypothesis refuses to draw floats there.
    """
    yield
    if "torch" in sys.modules:
        sys.modules["torch"].set_flush_denormal(False)


@pytest.fixture(scope="session")
def glaucoma_data() -> Path:
    """The photographs of Ahn et al. 2018, in three folders of classes."""
    return real_data("glaucoma")


@pytest.fixture(scope="session")
def clinical_data() -> Path:
    """Published tables of biomarkers: UCSF-PDGM-metadata_v5.csv, tcga_subtypes_ceccarelli2016.csv."""
    return real_data("clinical")


@pytest.fixture(scope="session")
def reference_patient() -> Path:
    """TCGA-FG-6692: raw/ with four scans, brats_toolkit_reference/ with BraTS Toolkit's output on them."""
    return real_data("mri/TCGA-FG-6692")


@pytest.fixture(scope="session")
def lgg_data() -> Path:
    """86 patients of TCGA-LGG in three sequences, 8-bit, and ``scans.csv``, which lists them."""
    return real_data("mri/tcga_lgg_8bit")
