"""The figures of a study as the report shows them."""

import re
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path

from imbalance_aware.report.links import Link, links
from imbalance_aware.report.pictures import data_uri, picture_size_px
from imbalance_aware.report.study_files import StudyFiles
from imbalance_aware.reporting.figure_catalogue import FIGURES, Figure
from imbalance_aware.reporting.labels import readable

#: Names of the figures that every dataset has.
FIGURES_OF_DATASETS = tuple(figure.name for figure in FIGURES if figure.scope == "dataset")
#: Longer side of a figure's picture; the PDF has every detail.
LONGEST_SIDE_PX = 1600
#: Pixels of the page for one of a figure's, which is drawn with 300 to the inch; a page has 96.
SCALE = 1.4 * 96 / 300
#: Drawings need more than photographs, or lines get fringes.
QUALITY = 90
#: Emphasis in captions, in reStructuredText.
EMPHASIS = re.compile(r"\*\*(?P<strong>.+?)\*\*|\*(?P<em>.+?)\*")


@dataclass(frozen=True)
class Shown:
    """One figure.

    Attributes:
        name: of its row in the catalogue.
        anchor: of its place in the page.
        label: what it is called.
        picture: as a ``data:`` URI.
        size_px: width and height at which it is shown: 1.4 times as large as in print.
        caption: parts of the text, each with its emphasis: ``strong``, ``em`` or none.
        links: files to save.
    """

    name: str
    anchor: str
    label: str
    picture: str
    size_px: tuple[int, int]
    caption: list[tuple[str, str]]
    links: list[Link]


def of_study(study: StudyFiles) -> list[Shown]:
    """Figures of the whole study that were drawn, in the order of the catalogue."""
    return [
        _shown(figure, study, study.figures / figure.name)
        for figure in FIGURES
        if figure.scope == "study" and _drawn(study.figures / figure.name)
    ]


def of_dataset(study: StudyFiles, dataset: str, names: Container[str] = FIGURES_OF_DATASETS) -> list[Shown]:
    """Those of ``names`` that were drawn of a dataset, in the order of the catalogue."""
    folder = study.figures / dataset
    return [
        _shown(figure, study, folder / figure.name, dataset)
        for figure in FIGURES
        if figure.scope == "dataset" and figure.name in names and _drawn(folder / figure.name)
    ]


def _drawn(path: Path) -> bool:
    return path.with_name(f"{path.name}.png").is_file()


def _shown(figure: Figure, study: StudyFiles, path: Path, dataset: str = "") -> Shown:
    names, file = {"study": study.name, "dataset": readable(dataset)}, path.with_name(f"{path.name}.png")
    return Shown(
        name=figure.name,
        anchor="-".join(filter(None, ("figure", figure.name, dataset))),
        label=figure.label,
        picture=data_uri(file, LONGEST_SIDE_PX, QUALITY),
        size_px=_shown_size_px(file),
        caption=caption(figure.caption, names),
        links=links(path, ("pdf",), prefix="-".join(filter(None, (study.name, dataset))) + "-"),
    )


def _shown_size_px(file: Path) -> tuple[int, int]:
    width, height = picture_size_px(file)
    return round(SCALE * width), round(SCALE * height)


def caption(text: str, names: dict[str, str]) -> list[tuple[str, str]]:
    """A caption of the catalogue as (text, emphasis); names are put in last, so that a ``*`` in one is text.

    Args:
        text: reStructuredText with ``**strong**`` and ``*emphasis*``, and names in braces.
        names: what replaces the names in braces.
    """
    parts, end = [], 0
    for found in EMPHASIS.finditer(text):
        kind = found.lastgroup or ""
        parts += [(text[end : found.start()], ""), (found[kind], kind)]
        end = found.end()
    parts.append((text[end:], ""))
    return [(part.format(**names), kind) for part, kind in parts if part]
