"""The pair images.npy and samples.csv: neither can be exchanged, reordered or changed alone."""

import json
import shutil

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from training_cases import read, write, write_dataset

from imbalance_aware.__main__ import main
from imbalance_aware.errors import UserError
from imbalance_aware.runs.dataset import open_dataset


@pytest.fixture
def copy(dataset, tmp_path):
    return shutil.copytree(dataset, tmp_path / "copy")


def open_pair(folder):
    return open_dataset(folder / "images.npy", folder / "samples.csv")


def test_the_pair_as_packed(dataset):
    assert open_pair(dataset).images.shape[0] == len(read(dataset / "samples.csv"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(data=st.data())
def test_rows_in_any_other_order_are_refused(copy, dataset, data):
    rows = read(dataset / "samples.csv")
    order = data.draw(st.permutations(range(len(rows))))
    write(copy / "samples.csv", [rows[place] for place in order])
    if order == list(range(len(rows))):
        open_pair(copy)
        return
    first = next(place for place, taken in enumerate(order) if taken != place)
    with pytest.raises(UserError, match=rf"line {first + 2} \(s{order[first]}\) does not describe image {first} of"):
        open_pair(copy)


@pytest.mark.parametrize("change", ["two images exchanged", "one pixel", "another dataset"])
def test_another_array_is_refused(copy, change):
    images = np.load(copy / "images.npy")
    if change == "two images exchanged":
        images[[3, 17]] = images[[17, 3]]
    elif change == "one pixel":
        images[-1, -1, -1, -1] ^= 1
    else:
        images = np.random.default_rng(3).permutation(images)
    np.save(copy / "images.npy", images)
    with pytest.raises(UserError, match=r"does not describe image .* snakemake --cores 1 --forcerun pack -- .*samples"):
        open_pair(copy)


def test_a_pair_of_an_earlier_version_is_refused_with_the_command_that_makes_it_again(copy):
    rows = [{key: cell for key, cell in row.items() if key != "image_sha256"} for row in read(copy / "samples.csv")]
    write(copy / "samples.csv", rows)
    with pytest.raises(UserError, match=r"lacks the column image_sha256.* snakemake --cores 1 --forcerun pack -- "):
        open_pair(copy)


def test_values_of_the_other_byte_order_are_refused(tmp_path):
    folder = write_dataset(tmp_path, dtype="float16")
    path = folder / "images.npy"
    path.write_bytes(path.read_bytes().replace(b"'<f2'", b"'>f2'", 1))
    with pytest.raises(UserError, match=r"expected uint8 or float16 images .* found >f2"):
        open_pair(folder)


def test_figure_4_refuses_rows_in_another_order(copy, capsys):
    write(copy / "samples.csv", read(copy / "samples.csv")[::-1])
    files = ["--images", str(copy / "images.npy"), "--samples", str(copy / "samples.csv")]
    files += ["--out", str(copy / "examples.npz"), "--settings", json.dumps({"gamma": [0.5, 2]})]
    assert main(["augmentation_examples", *files]) == 2
    assert "does not describe image" in capsys.readouterr().err
    assert not (copy / "examples.npz").exists()
