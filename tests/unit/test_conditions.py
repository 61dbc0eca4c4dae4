from pathlib import Path

import pytest

from imbalance_aware.conditions import parse_loss, read_conditions
from imbalance_aware.errors import UserError

LOSSES = ["ce", "focal", "soft_f1", "soft_mcc"]
SAMPLINGS = ["uniform", "oversampling"]
HEADER = "condition\tloss\tsampling\tweighted\tkwargs\n"


def read(tmp_path: Path, rows: str, header: str = HEADER):
    (tmp_path / "conditions.tsv").write_text(header + rows)
    return read_conditions(tmp_path / "conditions.tsv", LOSSES, SAMPLINGS)


def test_the_papers_grid_is_six_losses_times_two_samplings_and_three_weighted(checkout):
    conditions = read_conditions(checkout / "config/conditions.tsv", LOSSES, SAMPLINGS)
    assert len(conditions) == 15
    unweighted = {(tuple(c.terms), c.sampling) for c in conditions.values() if not c.weighted}
    assert len(unweighted) == 12
    weighted = {tuple(c.terms) for c in conditions.values() if c.weighted}
    assert weighted == {("ce",), ("ce", "soft_f1"), ("ce", "soft_mcc")}
    assert all(factor == 1 for c in conditions.values() for factor in c.terms.values())


def test_a_sum_keeps_its_factors_and_order():
    assert list(parse_loss("soft_mcc + 0.5*ce", LOSSES).items()) == [("soft_mcc", 1.0), ("ce", 0.5)]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("a\tfocl\tuniform\tfalse\t{}", ['condition "a"', 'unknown loss "focl"', 'Did you mean "focal"?']),
        ("a\tce\tunifrom\tfalse\t{}", ['unknown sampling "unifrom"', 'Did you mean "uniform"?']),
        ("a\tce\tuniform\tno\t{}", ["weighted", '"no"', "true or false"]),
        ("a/b\tce\tuniform\tfalse\t{}", ["names a folder"]),
        ("a\tce+ce\tuniform\tfalse\t{}", ["given twice"]),
        ("a\tce+\tuniform\tfalse\t{}", ["not a sum of names"]),
        ("a\tce\tuniform\tfalse\t{gamma: 2}", ["kwargs", "not valid JSON"]),
        ('a\tce\tuniform\tfalse\t{"focal": {"gamma": 2}}', ['kwargs for "focal"', "not in the loss"]),
        ('a\tfocal\tuniform\tfalse\t{"gamma": 2}', ["keyed by loss"]),
        ("a\tce\tuniform\tfalse\t{}\nb\tce\tuniform\tfalse\t{}\na\tce\tuniform\tfalse\t{}", ["listed twice"]),
        ("a\tce\tuniform\tfalse\t{}\tmore", ["line 2", "6 cells under 5 columns"]),
        ("", ["no rows"]),
        ("2024\tce\tuniform\tfalse\t{}", ["line 2", '"2024" cannot be a name', "add a letter"]),
        ("NA\tce\tuniform\tfalse\t{}", ['"NA" cannot be a name']),
        ("a\t0*ce+soft_f1\tuniform\tfalse\t{}", ["the factor 0", "above 0"]),
        ('a\tfocal\tuniform\tfalse\t{"focal": {"gamma": 1, "gamma": 2}}', ['the key "gamma" occurs twice']),
    ],
)
def test_each_mistake_is_named(tmp_path, row, words):
    with pytest.raises(UserError) as error:
        read(tmp_path, row + "\n")
    assert "conditions.tsv" in str(error.value)
    for word in words:
        assert word in str(error.value)


def test_all_mistakes_are_told_at_once(tmp_path):
    with pytest.raises(UserError) as error:
        read(tmp_path, "a\tfocl\tuniform\tfalse\t{}\nb\tce\tunifrom\tfalse\t{}\n")
    assert len(str(error.value).splitlines()) == 2


def test_wrong_columns_and_a_missing_table(tmp_path):
    with pytest.raises(UserError, match="expected condition, loss"):
        read(tmp_path, "a,ce\n", header="condition,loss\n")
    with pytest.raises(UserError, match="no such file"):
        read_conditions(tmp_path / "none.tsv", LOSSES, SAMPLINGS)


def test_comments_and_empty_lines_are_passed_over(tmp_path):
    conditions = read(tmp_path, "# a comment\n\nce-uniform\tce\tuniform\tfalse\t{}\n")
    assert list(conditions) == ["ce-uniform"]


ROW = 'f\tfocal\tuniform\tfalse\t{"focal": {"gamma": 2, "alpha": [1, 2, 3]}}\nc\tce\tuniform\ttrue\n'


@pytest.mark.parametrize(
    "data",
    [
        (HEADER + ROW).encode("utf-8-sig"),
        (HEADER + ROW).replace("\n", "\r\n").encode(),
        # As a spreadsheet saves it: cells with quotation marks quoted, semicolons, the last cell of a row missing.
        b'sep=;\ncondition;loss;sampling;weighted;kwargs\nf;focal;uniform;false;"{""focal"": {""gamma"": 2, ""alpha"": '
        b'[1, 2, 3]}}"\nc;ce;uniform;true;\n',
        b'condition,loss,sampling,weighted,kwargs\nf,focal,uniform,false,"{""focal"": {""gamma"": 2, ""alpha"": [1, 2, '
        b'3]}}"\nc,ce,uniform,true\n',
    ],
)
def test_a_table_is_read_however_it_was_saved(tmp_path, data):
    (tmp_path / "conditions.tsv").write_bytes(data)
    conditions = read_conditions(tmp_path / "conditions.tsv", LOSSES, SAMPLINGS)
    assert conditions["f"].kwargs == {"focal": {"gamma": 2, "alpha": [1, 2, 3]}}
    assert conditions["c"].weighted and conditions["c"].kwargs == {}


def test_bytes_that_are_not_utf_8_and_a_folder_in_its_place(tmp_path):
    (tmp_path / "conditions.tsv").write_bytes(HEADER.encode() + b"# gr\xfc\xdfe\n" + ROW.encode())
    with pytest.raises(UserError, match=r"conditions\.tsv, line 2: byte 0xfc is not UTF-8; save it as UTF-8"):
        read_conditions(tmp_path / "conditions.tsv", LOSSES, SAMPLINGS)
    with pytest.raises(UserError, match="this is a folder, but a file is needed"):
        read_conditions(tmp_path, LOSSES, SAMPLINGS)
