"""Text files and tables as people save them."""

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imbalance_aware.errors import UserError
from imbalance_aware.table_files import SEPARATORS, read_records
from imbalance_aware.text_files import read_text

CONTENT = "a CSV table"


def records(tmp_path, data: bytes, name="table.csv", **options):
    (tmp_path / name).write_bytes(data)
    return read_records(tmp_path / name, CONTENT, **options)


@pytest.mark.parametrize("name", ["table.csv", "table.tsv"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("declared", [False, True])
@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_table_is_read_however_a_spreadsheet_saved_it(tmp_path, name, separator, declared, mark, end):
    lines = [f"path{separator}class", f'"a{separator} é.png"{separator}mild', "", f"b.png{separator}severe"]
    text = end.join([*[f"sep={separator}"] * declared, *lines]) + end
    header, rows = records(tmp_path, mark + text.encode(), name)
    assert header == ["path", "class"]
    assert rows == [(2 + declared, [f"a{separator} é.png", "mild"]), (4 + declared, ["b.png", "severe"])]


cells = st.text(st.characters(codec="utf-8", exclude_characters="\x00", exclude_categories=["Cs"]), max_size=8)


@given(st.sampled_from(SEPARATORS), st.lists(st.tuples(cells, cells), min_size=1, max_size=5))
def test_what_the_csv_module_writes_is_read_back(tmp_path_factory, separator, rows):
    import csv

    path = tmp_path_factory.mktemp("table") / "table.csv"
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle, delimiter=separator, quoting=csv.QUOTE_ALL)
        writer.writerows([("one", "two"), *rows])
    kept = [list(row) for row in rows if any(cell.strip() for cell in row)]
    if kept:
        header, found = read_records(path, CONTENT)
        assert header == ["one", "two"]
        assert [row for _, row in found] == kept


def test_the_line_sep_wins_over_the_header(tmp_path):
    header, _ = records(tmp_path, b'"sep=;"\npath,of,image;class\na;b\n')
    assert header == ["path,of,image", "class"]


def test_a_table_with_one_column_is_read(tmp_path):
    assert records(tmp_path, b"path\na.png\n") == (["path"], [(2, ["a.png"])])


def test_empty_cells_behind_the_last_column_are_no_columns(tmp_path):
    assert records(tmp_path, b"path;class\na;b;;\n")[1] == [(2, ["a", "b"])]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("path,class\nmüde.png,mild\n".encode("latin-1"), ["line 2", "byte 0xfc is not UTF-8", "save it as UTF-8"]),
        (codecs.BOM_UTF8 + b"path,class\na,b\n\xe9,b\n", ["line 3", "byte 0xe9"]),
        ("path,class\na,b\n".encode("utf-16"), ["line 1", "byte 0xff is not UTF-8"]),
        (b"", ["the table is empty", CONTENT]),
        (b"path,class\n", ["the table has no rows"]),
        (b"sep=;\n", ["the table is empty"]),
        (b"path,class\na,b,c\n", ["line 2: 3 cells under 2 columns, separated by commas", 'contain ","']),
        (b"path;class\na\n", ["line 2: 1 cells under 2 columns, separated by semicolons"]),
    ],
)
def test_what_cannot_be_read_is_one_sentence_with_the_line(tmp_path, data, words):
    with pytest.raises(UserError) as error:
        records(tmp_path, data)
    for word in ["table.csv", *words]:
        assert word in str(error.value)


def test_a_missing_file_and_a_folder_in_its_place(tmp_path):
    with pytest.raises(UserError, match=f"none.csv: no such file .looked in {tmp_path}.. It is a CSV table"):
        read_records(tmp_path / "none.csv", CONTENT)
    with pytest.raises(UserError, match=r"this is a folder, but a file is needed\. It is a CSV table"):
        read_records(tmp_path, CONTENT)
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"this is a folder|no such file"):
        read_text(tmp_path / "file" / "below")
