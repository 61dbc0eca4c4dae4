"""Write the results of a finished study on one page, with its figures in the same folder: README.md, *.png,
metrics.csv, and its verdict on a page beside it: verdict.md, verdict.json; claims.csv where the paper's claims were
recomputed.

Everything on the page is read from the results: tables, counts, settings, seconds and memory of the training jobs.

    python docs/results/make_page.py --help
"""

import argparse
import re
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from imbalance_aware.errors import UserError
from imbalance_aware.files import write_text
from imbalance_aware.reporting.labels import readable
from imbalance_aware.reporting.markdown import escape_markdown
from imbalance_aware.tables.flow import read_flow

VERDICT, CLAIMS = "verdict", "claims.csv"
NUMBERED = re.compile(r"(table|figure)(\d)_(.*)")


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the page and copy the figures that it shows.

    Raises:
        UserError: the study has no tables yet.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--study", required=True, help="name of the study")
    parser.add_argument("--command", required=True, help="the command that produced the results, shown on the page")
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of results (default: results)")
    parser.add_argument("--out", type=Path, required=True, help="folder of the page")
    parser.add_argument(
        "--figures", nargs="+", metavar="NAME", help="show only these figures, such as ranks (default: all of them)"
    )
    parser.add_argument(
        "--without-metrics", action="store_true", help="leave out metrics.csv, for a page that adds to another study's"
    )
    args = parser.parse_args(arguments)
    made = args.results / "tables" / args.study
    tables = [path for path in made.glob("*.md") if path.stem != VERDICT]
    if not tables:
        raise UserError(f"{made}: no tables; run the study first: {args.command}")
    tables.sort(key=lambda path: (not path.stem.startswith("table"), path.stem))
    args.out.mkdir(parents=True, exist_ok=True)
    metrics = [] if args.without_metrics else ["metrics.csv"]
    for name in (*metrics, f"{VERDICT}.md", f"{VERDICT}.json"):
        shutil.copy(made / name, args.out)
    if (made / CLAIMS).exists():
        shutil.copy(made / CLAIMS, args.out)
    chosen = ["--without-metrics"] if args.without_metrics else []
    chosen += ["--figures", *args.figures] if args.figures else []
    options = shlex.join(["--study", args.study, "--command", args.command, "--out", str(args.out), *chosen])
    parts = [
        f"# Results of the study *{args.study}*",
        f"The [verdict]({VERDICT}.md) states the findings and how certain they are.",
        "This page and its figures were generated from the results by",
        f"```bash\n{args.command}\npython docs/results/make_page.py {options}\n```",
        *_counts(args.results, args.study),
        *_settings(args.results, args.study),
        *_costs(args.results, args.study),
        *(f"## {_title(path)}\n\n{path.read_text(encoding='utf-8').strip()}" for path in tables),
        *_figures(args.results / "figures" / args.study, args.out, args.figures),
    ]
    write_text(args.out / "README.md", "\n\n".join(parts))


def _counts(results: Path, study: str) -> list[str]:
    """Subjects of each dataset of the study: found, excluded, included, per split."""
    parts = []
    for folder in sorted((results / "runs" / study).iterdir()):
        tables = [results / "datasets" / folder.name / f"{stage}flow.csv" for stage in ("preprocessed_", "")]
        flow = read_flow(next(path for path in tables if path.exists()))
        counts = flow.pivot_table(index="class", columns="stage", values="subjects", aggfunc="sum", sort=False)
        table = _markdown(counts.fillna(0).astype(int).reset_index())
        parts.append(f"## Subjects: {escape_markdown(readable(folder.name))}\n\n{table}")
    return parts


def _settings(results: Path, study: str) -> list[str]:
    """Settings shared by all runs of the study."""
    configs = [yaml.safe_load(path.read_text()) for path in sorted((results / "runs" / study).rglob("config.yaml"))]
    shared: dict[str, Any] = {key: configs[0][key] for key in ("model", "training", "augmentation")}
    rows = [(section, key, value) for section, values in shared.items() for key, value in values.items()]
    rows += [("software", name, version) for name, version in configs[0]["recorded"]["versions"].items()]
    rows += [("software", "device", configs[0]["recorded"]["device"])]
    table = pd.DataFrame(rows, columns=["", "setting", "value"])
    table = table[table["value"].map(lambda value: value not in (None, []))]
    return [f"## Settings of all {len(configs)} runs\n\n{_markdown(table)}"]


def _costs(results: Path, study: str) -> list[str]:
    """Seconds and memory of the training jobs, as Snakemake measured them."""
    files = sorted((results / "benchmarks" / "train" / study).rglob("*.tsv"))
    if not files:
        return []
    costs = pd.concat([pd.read_csv(path, sep="\t") for path in files])
    rows = {
        "training jobs": len(costs),
        "wall time of all jobs together (min)": round(costs["s"].sum() / 60, 1),
        "CPU time of all jobs together (min)": round(costs["cpu_time"].sum() / 60, 1),
        "longest job (s)": round(costs["s"].max()),
        "largest resident memory of a job (MiB)": round(costs["max_rss"].max()),
    }
    return [f"## Cost\n\n{_markdown(pd.DataFrame(rows.items(), columns=['', 'value'], dtype=object))}"]


def _figures(folder: Path, out: Path, chosen: Sequence[str] | None) -> list[str]:
    parts = []
    paths = sorted(folder.rglob("*.png"))
    if unknown := sorted(set(chosen or ()) - {path.stem for path in paths}):
        raise UserError(f"--figures: {folder} has no {unknown[0]}.png")
    for path in (path for path in paths if not chosen or path.stem in chosen):
        place = path.relative_to(folder)
        name = "-".join(place.parts)
        shutil.copy(path, out / name)
        parts.append(f"## {_title(place)}\n\n![{_title(place)}]({name})")
    return parts


def _title(path: Path) -> str:
    """Heading for a file: Table 1: MCC for table1_mcc."""
    number = NUMBERED.match(path.stem)
    return f"{number[1].title()} {number[2]}: {readable(number[3])}" if number else readable(path.stem)


def _markdown(table: pd.DataFrame) -> str:
    lines = [table.columns, ["---"] * len(table.columns), *table.astype(str).itertuples(index=False, name=None)]
    cells = [[str(cell) if str(cell) == "---" else escape_markdown(str(cell)) for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(f"error: {error}")
