"""The gate between sequences, and the preset, on the real cohort of TCGA-LGG; skipped where it is not at hand."""

import numpy as np
import pytest
import yaml

from imbalance_aware.nifti import read_volume
from imbalance_aware.preprocessing.registration import resample
from imbalance_aware.preprocessing.similarity import edge_match, edges
from imbalance_aware.sources import folder3d
from imbalance_aware.sources.folder3d import Settings as Folder3DSettings
from imbalance_aware.volume_settings import BrainExtractionSettings
from imbalance_aware.volumes import Volume
from places import real_data

OTHERS = ("t1c", "flair")
#: Patients whose sequences lie well on each other, though their normalised mutual information is about a stranger's.
HARD = ("CS-4941", "HT-7608", "CS-6666")


@pytest.fixture(scope="module")
def cohort():
    return real_data("mri/tcga_lgg_8bit")


def _scan(cohort, patient: str, sequence: str) -> Volume:
    return read_volume(cohort / f"TCGA-{patient}_{sequence}.nii.gz")


def _middle(scan: Volume) -> np.ndarray:
    """An ellipsoid of a brain's size in the middle of what is bright: these scans have no brain mask."""
    places = np.moveaxis(np.indices(scan.shape), 0, -1) * scan.spacing
    bright = scan.array > np.quantile(scan.array[scan.array > 0], 0.3)
    return (((places - places[bright].mean(axis=0)) / (55, 70, 50)) ** 2).sum(axis=-1) <= 1


def _match(one: Volume, other: np.ndarray) -> float:
    brain = _middle(one)
    return edge_match(edges(one.array, brain, one.spacing), edges(other, brain, one.spacing))


@pytest.mark.parametrize("patient", HARD)
def test_genuine_sequences_are_not_refused(cohort, patient):
    t1 = _scan(cohort, patient, "t1")
    matches = {name: _match(t1, _scan(cohort, patient, name).array) for name in OTHERS}
    assert min(matches.values()) > BrainExtractionSettings().min_edge_match + 0.03, matches


@pytest.mark.parametrize(("patient", "stranger"), [("DU-7294", "CS-6290"), *((one, "DU-7294") for one in HARD)])
def test_a_stranger_laid_on_a_patient_is_refused(cohort, patient, stranger):
    t1 = _scan(cohort, patient, "t1")
    matches = {name: _match(t1, resample(_scan(cohort, stranger, name), t1, np.eye(4)).array) for name in OTHERS}
    assert max(matches.values()) < BrainExtractionSettings().min_edge_match, matches


def test_a_mirrored_sequence_does_not_pass_unmarked(cohort):
    for patient in HARD:
        t1 = _scan(cohort, patient, "t1")
        matches = {name: _match(t1, _scan(cohort, patient, name).array[::-1]) for name in OTHERS}
        assert max(matches.values()) < BrainExtractionSettings().sure_edge_match, (patient, matches)


def test_the_preset_lists_the_cohort_with_a_reason_for_everyone_left_out(cohort, checkout):
    preset = yaml.safe_load((checkout / "config/tcga_lgg.yaml").read_text())["datasets"]["tcga_lgg"]
    subjects = folder3d.find(Folder3DSettings(**preset | {"table": cohort / "scans.csv"}))
    reasons = subjects["excluded"].str.partition(":")[0].value_counts().to_dict()
    assert reasons == {"": 75, "missing sequence": 10, "no class": 1}
    assert subjects.loc[subjects["excluded"] == "", "class"].value_counts().to_dict() == {
        "IDHmut-non-codel": 43,
        "IDHwt": 16,
        "IDHmut-codel": 16,
    }
