"""Write what a journal asks for: filled CLAIM 2024 and TRIPOD+AI sheets, a methods section, a paragraph on imbalance.

Everything is said from files of the study: its tables, the records of its runs and its settings. Where no file knows
the answer, the sheets say "author". The checklists' topics are in other words; their own text is in the articles that
the sheets name.
"""

import argparse
from pathlib import Path

from imbalance_aware.files import write_text
from imbalance_aware.journal.checklists import fill, read_items, sheet_csv, sheet_markdown
from imbalance_aware.journal.rendering import render
from imbalance_aware.journal.study_facts import Files, study_facts
from imbalance_aware.journal.texts import CHECKLISTS, OUTPUTS, TEXTS
from imbalance_aware.json_text import read_object_argument


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    parser.add_argument("--study", required=True, help="name of the study")
    parser.add_argument("--settings", required=True, help="settings of the study and its datasets, as JSON")
    parser.add_argument("--items", type=Path, required=True, help="table of the checklists' items")
    parser.add_argument("--datasets", type=Path, nargs="+", required=True, help="folder of each dataset's tables")
    parser.add_argument(
        "--tables", type=Path, required=True, help="folder of verdict.json, values.csv, comparisons.csv"
    )
    parser.add_argument("--configs", type=Path, nargs="+", required=True, help="config.yaml of every training run")
    parser.add_argument("--environments", type=Path, nargs="*", default=[], help="environments of the steps")
    parser.add_argument("--revision", default="", help="revision of the workflow's code")
    parser.add_argument("--out", type=Path, required=True, help=f"folder for {', '.join(OUTPUTS)}")


def run(args: argparse.Namespace) -> None:
    """Write all texts.

    Raises:
        UserError: a file that is missing or damaged, or an item without an answer.
    """
    settings = read_object_argument(args.settings, "--settings")
    files = Files(settings, args.datasets, args.configs, args.tables, args.environments)
    items = read_items(args.items)
    study = study_facts(args.study, files, args.revision)
    for name in CHECKLISTS:
        rows = fill([item for item in items if item.checklist == name], study)
        write_text(args.out / f"{name}.csv", sheet_csv(rows))
        write_text(args.out / f"{name}.md", sheet_markdown(rows, args.study))
    for name, template in TEXTS.items():
        write_text(args.out / name, render(template, study=study))
