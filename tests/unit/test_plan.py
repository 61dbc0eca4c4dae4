"""The plan before the runs: against the specification's example and the formula by hand."""

import re

import pytest

from imbalance_aware.__main__ import main


def rows(text):
    return {
        int(seeds): (float(error), float(found), reach.strip())
        for seeds, error, found, reach in re.findall(r"^\| (\d+) \| ([\d.]+) \| ([\d.]+) \| (.*?) \|$", text, re.M)
    }


def test_the_detectable_difference_of_a_test_set_of_386(capsys):
    assert main(["plan", "--test-images", "197", "72", "117"]) == 0
    found = rows(capsys.readouterr().out)
    assert found[3] == (0.0190, 0.053, "out of reach")
    one = 0.2 * (1 / 197 + 1 / 72 + 1 / 117) / 9 + 0.01**2
    assert found[1][0] == pytest.approx(one**0.5, abs=1e-4) and found[1][1] > found[2][1] > found[10][1]


def test_patients_of_samples_are_counted(tmp_path, capsys):
    lines = ["subject,group,cohort,class,label,split,image_sha256"]
    lines += [f"a{i},p{i // 2},x,no,0,test,0" for i in range(20)] + [f"b{i},q{i},x,yes,1,test,0" for i in range(4)]
    lines += [f"t{i},t{i},x,yes,1,train,0" for i in range(50)]
    (tmp_path / "samples.csv").write_text("\n".join(lines) + "\n")
    assert main(["plan", "--samples", str(tmp_path / "samples.csv"), "--seeds", "2", "--icc", "0.5"]) == 0
    out = capsys.readouterr().out
    assert "no 20 (10 patients), yes 4." in out and "Fewer than 5 patients: yes (4)" in out
    one = 0.2 * (1 + (24 / 14 - 1) * 0.5) * (1 / 20 + 1 / 4) / 4
    assert rows(out)[2][0] == pytest.approx((one * (0.3 + 0.7 / 2) + 0.01**2 / 2) ** 0.5, abs=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--discordance", "1.5"], "--discordance lies between 0 and 1"),
        (["--seeds", "0"], "--seeds: at least 1"),
        (["--power", "1"], "--power lies between 0 and 1"),
    ],
)
def test_assumptions_that_cannot_be_are_refused(capsys, arguments, message):
    assert main(["plan", "--test-images", "20", "20", *arguments]) == 2
    assert message in capsys.readouterr().err
