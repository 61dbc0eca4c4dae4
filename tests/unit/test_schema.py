from typing import Annotated, Literal

import pytest
from pydantic import Field

from imbalance_aware.errors import UserError
from imbalance_aware.schema import Strict, parse, validate


class Inner(Strict):
    learning_rate: float = Field(0.1, gt=0)
    device: Literal["auto", "cpu"] = "auto"


class Folder(Strict):
    adapter: Literal["folder"]
    table: str


class Phantoms(Strict):
    adapter: Literal["phantoms"]
    subjects: int = 3


class Outer(Strict):
    training: Inner = Inner()
    datasets: dict[str, Annotated[Folder | Phantoms, Field(discriminator="adapter")]] = Field({})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"trainig": {}}, 'a.yaml: unknown key "trainig". Did you mean "training"?'),
        ({"training": {"learning_rat": 1}}, 'unknown key "learning_rat" in training. Did you mean "learning_rate"?'),
        ({"training": {"xyz": 1}}, 'unknown key "xyz" in training. Known: device, learning_rate.'),
        ({"training": {"device": "gpu"}}, 'training.device: "gpu" is not known.'),
        ({"training": {"learning_rate": 0}}, "training.learning_rate: input should be greater than 0 (got 0)"),
        ({"datasets": {"d": {"adapter": "foldr"}}}, 'datasets.d: unknown adapter "foldr". Did you mean "folder"?'),
        ({"datasets": {"d": {}}}, "datasets.d: the key adapter is missing"),
        ({"datasets": {"d": {"adapter": "folder"}}}, '"datasets.d.table" is missing'),
        (
            {"datasets": {"d": {"adapter": "phantoms", "subject": 1}}},
            'unknown key "subject" in datasets.d. Did you mean "subjects"?',
        ),
    ],
)
def test_each_mistake_names_key_place_file_and_the_nearest_known_one(content, message):
    with pytest.raises(UserError) as error:
        validate(Outer, content, "a.yaml")
    assert message in str(error.value)
    assert str(error.value).startswith("a.yaml: ")


def test_settings_are_read_from_inline_json_and_from_files(tmp_path):
    (tmp_path / "s.yaml").write_text("learning_rate: 0.5\n")
    assert parse(Inner, '{"learning_rate": 0.5}') == parse(Inner, str(tmp_path / "s.yaml"))


@pytest.mark.parametrize("text", ["{not json", "nowhere.yaml"])
def test_what_cannot_be_read_is_explained(text):
    with pytest.raises(UserError):
        parse(Inner, text)
