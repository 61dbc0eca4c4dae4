"""Names, texts and files of others: they survive as they are or are refused, and nothing leaves its folder."""

import html
import json
import re
import struct
import tarfile
import zlib
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError
from training_cases import settings as run_settings
from training_cases import write_dataset

from imbalance_aware.__main__ import main
from imbalance_aware.images import BadImage, read_image
from imbalance_aware.names import check_name
from imbalance_aware.reporting import blocks, formats
from imbalance_aware.reporting.grid import Cell, Grid, Panel, Row
from imbalance_aware.runs.bundle_manifest import Manifest
from imbalance_aware.sources.folder import Settings, subject_names
from imbalance_aware.tables.cohort import read_cohort

#: What a shell, a file system, Snakemake, a spreadsheet or a page would take for something else than a name.
NASTY = [
    *("$(touch pwned)", "`touch pwned`", "; touch pwned;", "| touch pwned", "&& touch pwned", "\ntouch pwned\n"),
    *(
        "a b",
        " a",
        'a"b',
        "a'b",
        "-rf",
        "--out",
        "a\nb",
        "a\tb",
        "a,b",
        "{wildcard}",
        "{{x}}",
        "%s",
        "*",
        "?",
        "~",
        "#a",
    ),
    *("../up", "..", "a/../../b", "/etc/passwd", "C:\\x", "é", "眼", "<script>alert(1)</script>", "&amp;", "=1+1"),
    *("\\end{document}", r"\input{/etc/passwd}", r"$\frac{$", "[x](javascript:x)", "<!--", "]]>", "\x00", "\x1b[31m"),
]
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(NASTY)


@given(TEXT)
def test_a_name_that_is_admitted_names_one_folder(name):
    try:
        assert check_name(name) == name
    except ValueError as error:
        assert "cannot be a name" in str(error)
    else:
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name)
        assert Path("results", name).resolve().parent == Path("results").resolve()


@given(st.lists(TEXT, max_size=12), st.integers(0, 170))
def test_subjects_named_after_files_name_one_file_each(paths, long):
    paths = [*paths, "a" * 20 + "/" + "-." * 5 + "b" * long]
    names = subject_names(paths)
    assert len({name.lower() for name in names}) == len(paths)
    for name in names:
        assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name)
        assert len(name) <= 160


class Text(HTMLParser):
    """The text of the cells and notes of a page, and the tags that it has."""

    def __init__(self):
        super().__init__()
        self.tags, self.parts = set(), []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.parts.append("")

    def handle_data(self, data):
        self.parts.append(data)


def page_of(text):
    panel = Panel((text,), (text, text), (Row((text,), (Cell(text, bold=True), Cell(text))),), groups=((text, 2),))
    return Grid("t", text, (panel,), notes=(text,))


@given(TEXT)
def test_a_page_shows_any_text_as_it_is(text):
    reader = Text()
    reader.feed(formats.to_html(page_of(text)))
    reader.close()
    assert "script" not in reader.tags and "a" not in reader.tags
    if text.strip():
        assert formats.to_html(page_of(text)).count(html.escape(text)) >= 8
    written = blocks.to_html(text, [blocks.Heading(text), blocks.Paragraph(text), blocks.Items((text,))])
    assert "<script" not in written


@given(TEXT)
def test_a_table_of_markdown_keeps_its_cells_whatever_the_text(text):
    written = formats.markdown_panel(page_of(text).panels[0])
    lines = written.split("\n")
    assert len(lines) == 3
    for line in (lines[0], lines[2]):
        assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) == 4, line
    bare = re.sub(r"\\.", "", written)
    assert not re.search(r"[<>\[\]$`]", bare), "no tag, link, formula or code"
    assert all(len(line.splitlines()) == 1 for line in lines)


@given(TEXT)
def test_latex_holds_no_command_of_the_text(text):
    written = formats.to_latex(page_of(text))
    plain = formats.to_latex(page_of("x"))
    commands = {*re.findall(r"\\[A-Za-z]+", plain), r"\textbackslash", r"\textasciitilde", r"\textasciicircum"}
    commands |= {r"\textless", r"\textgreater", r"\textbar", r"\dots", r"\dagger", r"\ddagger", r"\times", r"\approx"}
    assert {*re.findall(r"\\[A-Za-z]+", written)} <= commands | {r"\pm"}
    bare = re.sub(r"\\[{}]", "", written)
    assert bare.count("{") == bare.count("}")
    ending = r"% Needs XeLaTeX"
    assert len(written.splitlines()) == len(plain.splitlines()) + written.startswith(ending), (
        "no line of the text's own"
    )


@pytest.fixture
def odd_files(tmp_path, monkeypatch):
    """Photographs with odd names in a table with odd classes, cohorts, patients and subgroups; two of each name."""
    monkeypatch.chdir(tmp_path)
    source = tmp_path / "source" / "images"
    source.mkdir(parents=True)
    usable = [name for name in NASTY if "\x00" not in name and "/" not in name and name not in (".", "..")]
    usable += ["../outside"]
    rng = np.random.default_rng(0)
    rows = []
    for number in range(4):
        for place, name in enumerate(usable):
            file = f"{name}{number}.png"
            Image.fromarray(rng.integers(0, 255, (12, 12, 3), dtype=np.uint8)).save(source / file)
            cell = usable[(place + number) % len(usable)]
            rows.append((file, ["$(touch pwned)", 'say "no"'][number % 2], cell, f"{place}{name}", cell))
    pd.DataFrame(rows, columns=["path", "class", "cohort", "group", "scanner"]).to_csv(source / "t.csv", index=False)
    return source, rows


def everything(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_odd_files_cohorts_and_patients_go_through_the_steps_and_nothing_leaves_its_folder(odd_files, tmp_path):
    source, rows = odd_files
    before = everything(tmp_path)
    mine = Settings(adapter="folder", table=source / "t.csv", image_size=(12, 12), subgroups=("scanner",))
    names = {name: f"out/{name}.csv" for name in ("cohort", "duplicates", "flow")}
    tables = [part for name, path in names.items() if name != "cohort" for part in (f"--{name}", path)]
    assert main(["cohort", "--settings", json.dumps(mine.for_cohort()), "--out", names["cohort"], *tables]) == 0
    for name, path in names.items():
        assert main(["html_table", "--table", path, "--title", "$(touch pwned)", "--out", f"out/{name}.html"]) == 0
    assert (
        main(["resize", "--cohort", names["cohort"], "--settings", json.dumps(mine.for_resize()), "--out", "out/p"])
        == 0
    )
    arrays = ["--images", "out/images.npy", "--samples", "out/samples.csv", "--subgroups", "scanner"]
    assert main(["pack", "--cohort", names["cohort"], "--preprocessed", "out/p", *arrays]) == 0
    cohort = read_cohort(Path(names["cohort"]))
    # Cells lose the blanks around them, so that a file whose name begins with one is not found: a reason.
    found = [row[0] == row[0].strip() for row in rows]
    assert [reason or "in" for reason in cohort["excluded"]] == [
        "in" if of else "missing: no such file" for of in found
    ]
    assert 0 < sum(found) < len(rows)
    assert cohort["image"].tolist() == [(source / row[0].strip()).as_posix() for row in rows]
    assert cohort["cohort"].tolist() == [row[2].strip() or "unknown" for row in rows]
    assert {path.split("/")[0] for path in everything(tmp_path) - before} == {"out"}
    assert "<script>" not in Path("out/cohort.html").read_text()


MANIFEST = {"seeds": [0], "data": "d", "study": "s", "dataset": "d"}


@pytest.fixture(scope="module")
def condition():
    return {"settings": run_settings(), "code": "c"}


@pytest.mark.parametrize("name", ["../../up", "/tmp/up", "..", "a/b", "$(touch pwned)", "-x", "a b", "a\nb"])
@pytest.mark.parametrize("place", ["study", "dataset", "condition"])
def test_a_bundle_cannot_name_a_folder_outside_the_results(condition, place, name):
    content = MANIFEST | {"conditions": {"c": condition}}
    Manifest.model_validate(content)
    content |= {"conditions": {name: condition}} if place == "condition" else {place: name}
    with pytest.raises(ValidationError, match="cannot be a name"):
        Manifest.model_validate(content)


def test_a_bundle_is_made_of_plain_files_below_one_folder(tmp_path, condition, capsys):
    dataset = write_dataset(tmp_path / "dataset")
    files = ["--images", str(dataset / "images.npy"), "--samples", str(dataset / "samples.csv")]
    wanted = [
        "--study",
        "s",
        "--dataset",
        "d",
        "--settings",
        json.dumps({"conditions": {"c": condition}}),
        "--seeds",
        "0",
    ]
    assert main(["bundle", *files, *wanted, "--out", str(tmp_path / "b.tar")]) == 0
    with tarfile.open(tmp_path / "b.tar") as archive:
        assert all(member.isfile() and member.mode == 0o644 for member in archive)
        assert all(re.fullmatch(r"s-d/[A-Za-z0-9_./-]+", member.name) and ".." not in member.name for member in archive)
        archive.extractall(tmp_path / "unpacked", filter="data")
    capsys.readouterr()
    named = ["--study", "../../up", *wanted[2:]]
    assert main(["bundle", *files, *named, "--out", str(tmp_path / "c.tar")]) == 2
    assert capsys.readouterr().err.startswith('error: bundle: study: "../../up" cannot be a name')


def png(width, height, rows, before=b""):
    """A black RGB photograph whose header says ``height`` and whose data has ``rows``."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    packed = zlib.compress(bytes(rows * (1 + 3 * width)), 9)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [chunk(b"IHDR", header), before and chunk(*before), chunk(b"IDAT", packed), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(filter(None, parts))


BOMB = zlib.compress(bytes(2**26), 9)
JPEG_OF_4_GIGAPIXELS = bytes.fromhex("ffd8ffc0001108") + struct.pack(">HH", 65500, 65500) + bytes.fromhex(
    "03011100021101031101ffda000c03010002110311003f00"
) + bytes(99)  # fmt: skip
PICTURES = {
    "more pixels than memory.png": (png(60000, 60000, 1), "too large: 60000x60000 pixels"),
    "more pixels than memory.jpg": (JPEG_OF_4_GIGAPIXELS, "too large: 65500x65500 pixels"),
    "a comment of 64 MB.png": (png(20, 20, 20, (b"zTXt", b"Comment\0\0" + BOMB)), "unreadable: .*too large"),
    "a profile of 64 MB.png": (png(20, 20, 20, (b"iCCP", b"x\0\0" + BOMB)), "unreadable: .*too large"),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_that_would_unpack_to_gigabytes_is_a_reason(tmp_path, name):
    content, reason = PICTURES[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadImage, match=reason):
        read_image(tmp_path / name)


def test_nothing_unpickles(checkout):
    """`torch.load` reads weights only, `numpy.load` no objects, and no other reader can run what a file holds."""
    for path in sorted((checkout / "src").rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        for call in re.findall(r"torch\.load\((?:[^()]|\([^()]*\))*\)", source):
            assert "weights_only=True" in call, (path, call)
        assert "allow_pickle=True" not in source, path
        assert not re.search(
            r"pickle\.loads?\(|yaml\.(unsafe_|full_)?load\(|shell=True|os\.system\(|(?<!def )(?<![.\w])(eval|exec)\(",
            source,
        ), path
        assert not re.search(r"\.extractall\((?!.*filter=)", source), path
