"""Fonts for letters that matplotlib's own font lacks, such as Chinese, Japanese and Korean ones.

Fonts are looked for only where a figure needs them, so that all other figures are the same on every machine. Without a
font that has them, such letters are replaced by a number in brackets, and a warning says what the number means.
"""

import logging
import re
import unicodedata
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font
from matplotlib.text import Text

log = logging.getLogger(__name__)
# It reports every weight that a font lacks.
logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)

#: Comes with matplotlib.
OWN = "DejaVu Sans"
#: Parts of file names of fonts with many letters, the first installed one wins; then all others.
PREFERRED = (
    *("notosanscjk", "notosans", "sourcehansans", "wqy-zenhei", "wqy-microhei", "droidsansfallback"),
    *("hiragino", "pingfang", "yugoth", "msgothic", "msyh", "malgun", "ipag", "nanumgothic"),
)
INSTALL = "fonts-noto-cjk, or the smaller fonts-wqy-zenhei"


def complete(canvas: Figure) -> None:
    """Make every text of a figure legible: fonts for letters that `OWN` lacks, or else numbers and a warning."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from font")
        canvas.draw_without_rendering()  # makes the labels of ticks
    texts = canvas.findobj(Text)
    needed = {sign for text in texts for sign in text.get_text() if _is_visible(sign)} - letters(own_path())
    if not needed:
        return
    families = [OWN]
    for path in system_fonts():
        if found := letters(path) & needed:
            font_manager.fontManager.addfont(path)
            families.append(FT2Font(path).family_name)
            needed -= found
        if not needed:
            break
    for text in texts:
        text.set_fontfamily(families)
    if needed:
        _number(canvas, needed)


@cache
def letters(path: str) -> frozenset[str]:
    """Letters that a font has; none if it cannot be read."""
    try:
        return frozenset(map(chr, FT2Font(path).get_charmap()))
    except (RuntimeError, OSError):
        return frozenset()


def own_path() -> str:
    """File of the font that comes with matplotlib."""
    return str(font_manager.findfont(OWN))


def system_fonts() -> Iterator[str]:
    """Files of the installed fonts, also of those installed after matplotlib listed them; the preferred ones first."""
    yield from sorted(map(str, font_manager.findSystemFonts()), key=_rank)


def _rank(path: str) -> tuple[int, bool, str, str]:
    name = Path(path).name.lower()
    place = next((place for place, part in enumerate(PREFERRED) if part in name), len(PREFERRED))
    return place, not re.search(r"regular|zenhei|micro|fallback", name), name, path


def _is_visible(sign: str) -> bool:
    return unicodedata.category(sign)[0] not in "CZ"


def _number(canvas: Figure, missing: set[str]) -> None:
    """Replace every run of ``missing`` letters by a number in brackets, the same one for the same run."""
    run = re.compile(f"[{''.join(map(re.escape, sorted(missing)))}]+")
    numbers: dict[str, str] = {}

    def legible(text: str) -> str:
        return run.sub(lambda found: numbers.setdefault(found[0], f"[{len(numbers) + 1}]"), text)

    for axes in canvas.axes:
        for axis in (axes.xaxis, axes.yaxis):
            names = [text.get_text() for text in axis.get_ticklabels()]
            if any(run.search(name) for name in names):
                axis.set_ticks(axis.get_ticklocs(), [legible(name) for name in names])
    for text in canvas.findobj(Text):
        text.set_text(legible(text.get_text()))
    meaning = ", ".join(f"{number} {letters}" for letters, number in numbers.items())
    log.warning(
        "no installed font has some letters of this figure, so it shows numbers instead: %s. Install a font and "
        "draw it again; on Debian and Ubuntu: apt-get install %s",
        meaning,
        INSTALL,
    )
