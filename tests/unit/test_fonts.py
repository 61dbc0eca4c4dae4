"""Letters beyond matplotlib's own font: drawn with a font that has them, else replaced by numbers with a warning."""

import logging
from argparse import Namespace

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib.text import Text

from imbalance_aware.reporting import fonts, style

NAMES = ["正常", "緑内障", "녹내장"]


@pytest.fixture
def tiny_font(tmp_path):
    """A font of squares for the letters of `NAMES`."""
    letters = sorted(set("".join(NAMES)))
    glyphs = {sign: f"uni{ord(sign):04X}" for sign in letters}
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    for corner in ((0, 800), (800, 800), (800, 0)):
        pen.lineTo(corner)
    pen.closePath()
    square = pen.glyph()
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", *glyphs.values()])
    builder.setupCharacterMap({ord(sign): name for sign, name in glyphs.items()})
    builder.setupGlyf(dict.fromkeys([".notdef", *glyphs.values()], square))
    builder.setupHorizontalMetrics(dict.fromkeys([".notdef", *glyphs.values()], (1000, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Tiny Squares", "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=800, usWinAscent=800, usWinDescent=200)
    builder.setupPost()
    path = tmp_path / "tiny-regular.ttf"
    builder.save(path)
    return str(path)


@pytest.fixture
def drawn(tmp_path, monkeypatch, caplog, recwarn):
    """Function: texts of a figure with `NAMES` as ticks and title, drawn with these installed fonts."""

    def draw(*installed):
        monkeypatch.setattr(fonts, "system_fonts", lambda: iter(installed))
        args = Namespace(png=tmp_path / "x.png", pdf=tmp_path / "x.pdf")
        with caplog.at_level(logging.WARNING), style.figure(args, 3, 2) as canvas:
            axes = canvas.subplots()
            axes.set_xticks(range(3), NAMES)
            axes.set_title(f"Set of {NAMES[1]}")
        assert not [warning for warning in recwarn if "missing from font" in str(warning.message)]
        return canvas, [text.get_text() for text in canvas.findobj(Text)]

    return draw


def test_letters_come_from_an_installed_font(drawn, tiny_font, caplog, tmp_path):
    canvas, texts = drawn(tiny_font)
    assert {*NAMES, f"Set of {NAMES[1]}"} <= set(texts)
    assert canvas.axes[0].title.get_fontfamily() == [fonts.OWN, "Tiny Squares"]
    assert not caplog.records
    first = [(tmp_path / name).read_bytes() for name in ("x.png", "x.pdf")]
    drawn(tiny_font)
    assert [(tmp_path / name).read_bytes() for name in ("x.png", "x.pdf")] == first


def test_without_a_font_names_are_numbers_and_one_line_tells_which_and_what_to_install(drawn, caplog):
    canvas, texts = drawn()
    assert [label.get_text() for label in canvas.axes[0].get_xticklabels()] == ["[1]", "[2]", "[3]"]
    assert "Set of [2]" in texts
    (record,) = caplog.records
    message = record.getMessage()
    assert "[1] 正常, [2] 緑内障, [3] 녹내장" in message and "\n" not in message
    assert "apt-get install fonts-noto-cjk" in message and "fonts-wqy-zenhei" in message


def test_figures_in_usual_letters_look_for_no_font(tmp_path, monkeypatch):
    monkeypatch.setattr(fonts, "system_fonts", lambda: pytest.fail("a font was looked for"))
    args = Namespace(png=tmp_path / "x.png", pdf=tmp_path / "x.pdf")
    with style.figure(args, 3, 2) as canvas:
        canvas.suptitle(r"Äé ± − × † γ ³ … $\frac{$ is no formula")


def test_preferred_regular_fonts_come_first():
    names = ["z/Abc.ttf", "a/NotoSansCJK-Bold.ttc", "b/NotoSansCJK-Regular.ttc", "c/wqy-zenhei.ttc"]
    assert [name[0] for name in sorted(names, key=fonts._rank)] == ["b", "a", "c", "z"]


def test_the_systems_fonts_have_these_names_or_the_test_is_skipped(tmp_path, caplog):
    if not any(set("".join(NAMES)) <= fonts.letters(path) for path in fonts.system_fonts()):
        pytest.skip("no installed font has Chinese, Japanese and Korean letters (Debian: fonts-wqy-zenhei)")
    args = Namespace(png=tmp_path / "x.png", pdf=tmp_path / "x.pdf")
    with caplog.at_level(logging.WARNING), style.figure(args, 3, 2) as canvas:
        canvas.subplots().set_title(" ".join(NAMES))
    assert not caplog.records and canvas.axes[0].get_title() == " ".join(NAMES)
