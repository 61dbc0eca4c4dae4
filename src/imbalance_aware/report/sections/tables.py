"""Every table of the study, as its step wrote it, and the files behind them."""

from pathlib import Path
from typing import Any

from imbalance_aware.report.links import Link, links
from imbalance_aware.report.study_files import StudyFiles
from imbalance_aware.report.table_pages import read_table_page
from imbalance_aware.reporting.table_catalogue import ORDER

#: More panels than this are folded.
MANY_PANELS = 6
#: What the statistics wrote: the numbers behind the tables, the figures and the verdict, and the verdict itself.
NUMBERS = ("metrics", "values", "comparisons", "ranks", "effects", "cohort_metrics")


def gather(study: StudyFiles) -> dict[str, Any]:
    """The tables of the study."""
    shown = [_table(study.tables / name) for name in sorted(study.config["tables"], key=ORDER.index)]
    numbers = [link for name in NUMBERS for link in links(study.tables / name, ("csv",), prefix=f"{study.name}-")]
    return {"tables": shown, "numbers": [*numbers, *links(study.tables / "verdict", ("json", "md"))]}


def _table(path: Path) -> dict[str, Any]:
    grid = read_table_page(path.with_name(f"{path.name}.html"))
    title, _, heads = grid.title.partition(". Test patients: ")
    made: list[Link] = links(path, ("csv", "tex", "md"))
    return {
        "name": path.name,
        "title": title,
        "counts": heads,
        "panels": [(panel, "" if panel.title == grid.title else panel.title) for panel in grid.panels],
        "notes": grid.notes,
        "links": made,
        "folded": len(grid.panels) > MANY_PANELS,
    }
