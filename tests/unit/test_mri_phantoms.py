import csv
import filecmp
import itertools
import json

import nibabel as nib
import numpy as np
import pytest

import mri_cases
from imbalance_aware.cohort.list_subjects import find
from imbalance_aware.cohort.subject_split import assign_split
from imbalance_aware.errors import UserError
from imbalance_aware.nifti import read_grid, read_volume
from imbalance_aware.phantoms import mri
from imbalance_aware.phantoms.mri_anatomy import CODE, draw_head, intensities
from imbalance_aware.phantoms.mri_scanner import Pose, scan, scan_grid
from imbalance_aware.phantoms.mri_tumours import LOOKS, add_tumour
from imbalance_aware.preprocessing.brain_extraction import METHODS
from imbalance_aware.preprocessing.similarity import dice, edge_match, edges
from imbalance_aware.schema import validate
from imbalance_aware.sources.mri_phantoms import Settings as MriPhantomSettings
from imbalance_aware.volumes import Volume, same_grid

SETTINGS = MriPhantomSettings(adapter="mri_phantoms", subjects=24, voxel_mm=6)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phantoms")
    mri.write(SETTINGS, folder)
    return folder


def _head(name, seed, voxel_mm=3.0):
    random = np.random.default_rng(seed)
    head = draw_head(voxel_mm, random)
    add_tumour(head, name, random)
    return head


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path):
    for folder, seed in (("a", 0), ("b", 0), ("c", 1)):
        mri.write_phantom(SETTINGS, tmp_path / folder, "astrocytoma", np.random.default_rng([seed, 5]))
    names = [path.name for path in (tmp_path / "a").iterdir()]
    assert filecmp.cmpfiles(tmp_path / "a", tmp_path / "b", names, shallow=False)[0] == names
    assert not filecmp.cmpfiles(tmp_path / "a", tmp_path / "c", names, shallow=False)[0]


def test_the_table_names_every_file_and_the_last_cohort_is_the_test_set(written):
    settings = json.dumps({"adapter": "mri_phantoms", "subjects": 24, "voxel_mm": 6})
    subjects, checked = find(settings, source=written)
    assign_split(subjects, checked)
    assert len(subjects) == 24 and not subjects["excluded"].any()
    assert subjects.groupby("split")["cohort"].unique().map(sorted).to_dict() == {
        "train": ["phantom-a", "phantom-b"],
        "test": ["phantom-c"],
    }
    assert subjects.groupby(["cohort", "class"]).size().min() >= mri.FEWEST
    with (written / "table.csv").open() as handle:
        assert [row["subject"] for row in csv.DictReader(handle)] == subjects["subject"].tolist()


def test_many_phantoms_have_the_proportions_of_the_study():
    assert mri.class_counts(1000) == {"glioblastoma": 800, "astrocytoma": 120, "oligodendroglioma": 80}


def test_each_scan_has_thick_slices_on_a_grid_of_its_own(written):
    folder = next(path for path in sorted(written.iterdir()) if path.name.startswith("phantom-a"))
    scans = {sequence: read_volume(folder / f"{sequence}.nii.gz") for sequence in mri_cases.SEQUENCES}
    assert not any(same_grid(one, other) for one, other in itertools.combinations(scans.values(), 2))
    assert all(sorted(volume.spacing) == pytest.approx([6, 6, 9]) for volume in scans.values())
    assert {int(volume.spacing.argmax()) for volume in scans.values()} == {0, 1, 2}, "sagittal, coronal and axial"
    assert len({nib.aff2axcodes(volume.affine) for volume in scans.values()}) == 4
    assert same_grid(read_grid(folder / "mask.nii.gz"), scans["t1"])


def test_the_atlas_lies_on_cubes_and_holds_one_brain(written):
    head, brain = (read_volume(written / f"atlas/{name}.nii.gz") for name in ("head", "brain"))
    assert head.spacing == pytest.approx([6, 6, 6])
    assert 1200 < (brain.array > 0).sum() * brain.voxel_ml < 1900
    assert (head.array[brain.array > 0] == brain.array[brain.array > 0]).all()


def test_heads_are_individuals():
    """The T1 of one head says little about the T2 of another, and much about its own."""
    one, other = _head("astrocytoma", 1), _head("astrocytoma", 2)
    inside, spacing = one.brain & other.brain, np.full(3, one.voxel_mm)
    t1, own, strange = (
        edges(intensities(head, name), inside, spacing) for head, name in ((one, "t1"), (one, "t2"), (other, "t2"))
    )
    assert edge_match(t1, own) > edge_match(t1, strange) + 0.2


def test_tumours_lie_in_the_brain_and_vary_in_size():
    volumes = []
    for name in LOOKS:
        for seed in range(6):
            head = _head(name, seed)
            assert head.tumour.any() and not (head.tumour & ~head.brain).any()
            volumes.append(head.tumour.sum() * head.voxel_mm**3 / 1000)
    assert min(volumes) > 2 and max(volumes) < 250 and np.std(volumes) > 10


def test_most_glioblastomas_enhance_around_necrosis_in_oedema():
    heads = [_head("glioblastoma", seed) for seed in range(20)]
    ringed = [head for head in heads if (head.tissues == CODE["necrosis"]).any()]
    assert 15 <= len(ringed) < 20
    for head in ringed:
        t1, t1c = intensities(head, "t1"), intensities(head, "t1c")
        assert t1c[head.tissues == CODE["enhancing"]].mean() > 1.5 * t1[head.tissues == CODE["enhancing"]].mean()
        assert (head.tissues == CODE["oedema"]).any()


def test_about_half_of_the_astrocytomas_are_bright_in_t2_and_dark_in_flair():
    mismatched = 0
    for seed in range(20):
        head = _head("astrocytoma", seed)
        core = head.tissues == CODE["mismatch"]
        if core.any():
            mismatched += 1
            rim = head.tissues == CODE["rim"]
            assert intensities(head, "t2")[core].mean() > 0.9
            assert intensities(head, "flair")[core].mean() < 0.5 < intensities(head, "flair")[rim].mean()
    assert 5 <= mismatched <= 15


def test_oligodendrogliomas_reach_the_cortex_and_often_hold_calcifications():
    calcified, depth = 0, {"oligodendroglioma": [], "glioblastoma": []}
    for seed in range(12):
        for name, depths in depth.items():
            head = _head(name, seed)
            centre = np.argwhere(head.tumour).mean(axis=0)
            surface = np.argwhere(head.brain & ~_eroded(head.brain))
            depths.append(np.linalg.norm(surface - centre, axis=1).min() * head.voxel_mm)
            calcified += name == "oligodendroglioma" and bool((head.tissues == CODE["calcified"]).any())
    assert np.mean(depth["oligodendroglioma"]) < np.mean(depth["glioblastoma"]) - 4
    assert 5 <= calcified <= 12


def test_no_single_tissue_gives_the_class_away():
    """Enhancement and plain tumour occur in more than one class, so that no classifier can be perfect."""
    seen = {
        name: {tissue for seed in range(30) for tissue in np.unique(_head(name, seed, 5.0).tissues)} for name in LOOKS
    }
    for tissue in ("enhancing", "solid"):
        assert sum(CODE[tissue] in tissues for tissues in seen.values()) >= 2


def test_scanning_adds_bias_and_noise_but_keeps_the_head_in_its_place():
    head = _head("glioblastoma", 3)
    noisy = [
        scan(head, "t1", Pose(np.eye(4)), 4, noise, np.random.default_rng(0)).array.astype(float) for noise in (0, 0.1)
    ]
    assert noisy[0].shape == scan_grid(4, "t1").shape
    assert np.corrcoef(noisy[0].ravel(), noisy[1].ravel())[0, 1] > 0.9
    background = noisy[0] == 0
    assert background.mean() > 0.2 and (noisy[1][background] > 0).mean() > 0.9


def test_threshold_finds_the_drawn_brain(written):
    head, brain = (read_volume(written / f"atlas/{name}.nii.gz") for name in ("head", "brain"))
    found = METHODS["threshold"](Volume(head.array, head.affine), "cpu")
    assert dice(found, brain.array > 0) > 0.93


def test_an_unknown_sequence_is_refused(tmp_path):
    settings = MriPhantomSettings(adapter="mri_phantoms", sequences=("t1", "dwi"))
    with pytest.raises(UserError, match=r"dwi cannot be drawn; there are t1, t1c, t2, flair"):
        mri.write(settings, tmp_path)


def _eroded(mask):
    inner = mask.copy()
    for axis in range(3):
        inner &= np.roll(mask, 1, axis) & np.roll(mask, -1, axis)
    return inner


def test_a_part_of_a_steps_settings_leaves_the_rest_as_it_suits_phantoms():
    steps = {
        "brain_extraction": {"min_edge_match": 0.05},
        "registration": {"reference_sequence": "t1c"},
        "crop": {"size": 16},
    }
    settings = MriPhantomSettings(adapter="mri_phantoms", preprocessing=steps).preprocessing
    assert (settings.brain_extraction.method, settings.brain_extraction.min_edge_match) == ("threshold", 0.05)
    assert (settings.registration.samples, settings.registration.reference_sequence) == (4000, "t1c")
    assert (settings.crop.size, settings.crop.dtype) == (16, "uint8")
    chosen = MriPhantomSettings(adapter="mri_phantoms", preprocessing={"brain_extraction": {"method": "deepbet"}})
    assert chosen.preprocessing.brain_extraction.method == "deepbet"
    with pytest.raises(UserError, match="strip: this key is now called brain_extraction"):
        validate(MriPhantomSettings, {"adapter": "mri_phantoms", "preprocessing": {"strip": {}}}, "test")
    with pytest.raises(UserError, match='Did you mean "method"'):
        validate(
            MriPhantomSettings, {"adapter": "mri_phantoms", "preprocessing": {"brain_extraction": {"metod": 1}}}, "test"
        )
