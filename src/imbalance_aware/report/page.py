"""Write the report of a study as one HTML file that opens anywhere, without a network.

It holds the verdict, tables, figures and everything else that `report/catalogue.py` lists, from the files of the study.
"""

import argparse
import importlib
from pathlib import Path
from typing import Any

from imbalance_aware.files import write_text
from imbalance_aware.report.catalogue import SECTIONS, Section
from imbalance_aware.report.render import assets, environment
from imbalance_aware.report.study_files import StudyFiles, read_settings, study_files


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the step."""
    parser.add_argument("--study", required=True, help="name of the study")
    parser.add_argument("--settings", required=True, help="the merged settings of the study, as JSON")
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of all results")
    parser.add_argument("--out", type=Path, required=True, help="page to write, .html")


def run(args: argparse.Namespace) -> None:
    """Write the page."""
    write_text(args.out, page(study_files(args.study, read_settings(args.settings), args.results)))


def page(study: StudyFiles) -> str:
    """The report of a study as HTML."""
    templates = environment()
    parts = []
    for section in SECTIONS:
        shown = gather(section, study)
        if shown is not None:
            template = templates.get_template(f"sections/{section.name}.html")
            parts.append({"name": section.name, "title": section.title, "body": template.render(study=study, **shown)})
    return templates.get_template("page.html").render(study=study, parts=parts, **assets())


def gather(section: Section, study: StudyFiles) -> dict[str, Any] | None:
    """What a section shows of a study; None where there is nothing."""
    return importlib.import_module(f"imbalance_aware.report.sections.{section.name}").gather(study)
