"""What became of a preprocessed dataset of volumes, from the tables that the workflow wrote: who was refused by which
criterion, who was marked, the spread of every measure, and seconds per patient.

    snakemake --cores 2 --configfile config/tcga_lgg.yaml
    python benchmarks/cohort_section.py --results results --dataset tcga_lgg --page docs/preprocessing.md
"""

import argparse
from pathlib import Path

import pandas as pd

from imbalance_aware.tables.cohort import read_cohort
from imbalance_aware.tables.quality import read_quality
from page_section import replace_section

STEPS = ("register", "strip", "mask", "patch")
MEASURES = ("brain_ml", "atlas_overlap", "atlas_correlation", "edge_match", "inside_brain", "tumour_in_patch")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=Path("results"), help="the workflow's folder of results")
    parser.add_argument("--dataset", required=True, help="name of the dataset")
    parser.add_argument("--page", type=Path, help="page whose section `cohort` is rewritten; left out: printed only")
    args = parser.parse_args()
    text = section(args.results, args.dataset)
    print(text)
    if args.page:
        replace_section(args.page, "cohort", Path(__file__).name, text)


def section(results: Path, dataset: str) -> str:
    """Tables as Markdown."""
    folder = results / "datasets" / dataset
    cohort = read_cohort(folder / "preprocessed.csv")
    quality = read_quality(folder / "qc.csv")
    return "\n\n".join(
        [
            f"{len(cohort)} patients in the table, {len(quality)} preprocessed, "
            f"{int(cohort['excluded'].eq('').sum())} in.",
            excluded(cohort),
            marked(quality),
            spread(quality),
            seconds(results / "benchmarks", dataset),
        ]
    )


def excluded(cohort: pd.DataFrame) -> str:
    """Patients by the criterion that refused them."""
    out = cohort[cohort["excluded"] != ""]
    criteria = out["excluded"].str.partition(":")[0]
    lines = ["| criterion | patients | who |", "|---|---:|---|"]
    for criterion, count in criteria.value_counts().items():
        names = ", ".join(out.loc[criteria == criterion, "subject"].str.removeprefix("TCGA-"))
        lines.append(f"| {criterion} | {count} | {names} |")
    return "\n".join(lines)


def marked(quality: pd.DataFrame) -> str:
    """Included patients with a warning."""
    rows = quality[quality["warnings"].ne("") & quality["passed"].astype(str).eq("True")]
    if rows.empty:
        return "No patient is marked."
    lines = [f"Included, but marked: {len(rows)}.", "", "| patient | warning |", "|---|---|"]
    lines += [f"| {row['subject'].removeprefix('TCGA-')} | {row['warnings']} |" for _, row in rows.iterrows()]
    return "\n".join(lines)


def spread(quality: pd.DataFrame) -> str:
    """Lowest, 5 %, median, 95 % and highest of every measure."""
    lines = ["| measure | patients | lowest | 5 % | median | 95 % | highest |", "|---|---:|---:|---:|---:|---:|---:|"]
    for column in quality.columns:
        if column.startswith(MEASURES):
            values = pd.to_numeric(quality[column], errors="coerce").dropna()
            parts = " | ".join(f"{value:.4g}" for value in values.quantile([0, 0.05, 0.5, 0.95, 1]))
            lines.append(f"| {column} | {len(values)} | {parts} |")
    return "\n".join(lines)


def seconds(benchmarks: Path, dataset: str) -> str:
    """Median cost of each step per patient, from Snakemake's benchmark files."""
    lines = [
        "| step | patients | seconds, median | CPU seconds, median | peak memory, MB |",
        "|---|---:|---:|---:|---:|",
    ]
    for step in STEPS:
        files = sorted((benchmarks / step / dataset).glob("*.tsv"))
        if files:
            table = pd.concat(pd.read_csv(path, sep="\t") for path in files)
            columns = [pd.to_numeric(table[name], errors="coerce") for name in ("s", "cpu_time", "max_rss")]
            costs = f"{columns[0].median():.1f} | {columns[1].median():.1f} | {columns[2].max():.0f}"
            lines.append(f"| {step} | {len(files)} | {costs} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
