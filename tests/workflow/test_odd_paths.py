"""Paths of scans that a shell would take for commands reach the step as they are."""

import csv
import shlex

import pytest
from tiny_study import TINY

pytestmark = pytest.mark.slow

FOLDERS = ["$(touch pwned)", "a b", "q\"'q", "-x", "`touch pwned`", "; touch pwned;", "new\nline", "*", "&", "#x", "é"]
SEQUENCES = ("t1", "t2")


def test_paths_of_scans_reach_the_step_as_they_are(workflow):
    scans = {}
    for number, folder in enumerate([*FOLDERS, *FOLDERS]):
        scans[f"s{number}"] = [f"mine/{folder}/{name}{folder}{number}.nii.gz" for name in SEQUENCES]
        for scan in scans[f"s{number}"]:
            path = workflow.folder / scan
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(scan.encode())
    with (workflow.folder / "mine.csv").open("w", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["subject", "class", *SEQUENCES, "mask"])
        writer.writerows([subject, "ab"[int(subject[1:]) % 2], *paths, paths[0]] for subject, paths in scans.items())
    (workflow.folder / "atlas").mkdir()
    steps = {"brain_extraction": {"method": "threshold"}, "atlas": "atlas"}
    mine = {"adapter": "folder3d", "table": "mine.csv", "sequences": list(SEQUENCES), "preprocessing": steps}
    workflow.configure(TINY | {"datasets": TINY["datasets"] | {"mine": mine}})
    workflow.run("results/datasets/mine/cohort.csv")
    planned = workflow.run(
        *(f"results/datasets/mine/subjects/{subject}/register.json" for subject in scans),
        "--dry-run",
        "--printshellcmds",
    ).stdout
    found = {}
    for command in planned.split("python -m imbalance_aware register ")[1:]:
        words = shlex.split(command.partition(" 2> ")[0])
        place = words.index("--volumes") + 1
        found[words[words.index("--subject") + 1]] = words[place : place + len(SEQUENCES)]
    assert found == {
        subject: [f"{name}={path}" for name, path in zip(SEQUENCES, paths, strict=True)]
        for subject, paths in scans.items()
    }
    assert not (workflow.folder / "pwned").exists()
