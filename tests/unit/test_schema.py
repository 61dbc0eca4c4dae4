from typing import Annotated, ClassVar, Literal

import pytest
from pydantic import Field

from imbalance_aware.errors import UserError
from imbalance_aware.schema import Strict, parse, validate


def _all_settings() -> list[type[Strict]]:
    import imbalance_aware.config  # noqa: F401 - defines them all

    found, waiting = [], [Strict]
    while waiting:
        below = [model for model in waiting.pop().__subclasses__() if model.__module__.startswith("imbalance_aware.")]
        found, waiting = found + below, waiting + below
    return found


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
    former_keys: ClassVar = {"optimizer": "use training.optimiser"}

    training: Inner = Inner()
    datasets: dict[str, Annotated[Folder | Phantoms, Field(discriminator="adapter")]] = Field({})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"trainig": {}}, 'a.yaml: unknown key "trainig". Did you mean "training"?'),
        ({"training": {"learning_rat": 1}}, 'unknown key "learning_rat" in training. Did you mean "learning_rate"?'),
        ({"training": {"xyz": 1}}, 'unknown key "xyz" in training. Known: device, learning_rate.'),
        ({"training": {"device": "gpu"}}, 'training.device: "gpu" is not known.'),
        ({"optimizer": "adam"}, "a.yaml: optimizer: use training.optimiser"),
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


class Values(Strict):
    whole: int = 1
    wholes: tuple[int, ...] = ()
    number: float | None = None
    truth: bool = False
    by_name: dict[str, float] = Field({})
    inner: Inner = Inner()


@pytest.mark.parametrize(
    ("content", "value"),
    [
        # Values of --config are text below the first level; YAML reads 1e-3 as text.
        ({"whole": "12"}, 12),
        ({"wholes": ["0", "+3", -4]}, (0, 3, -4)),
        ({"number": "1e-3"}, 1e-3),
        ({"number": ".5"}, 0.5),
        ({"number": 2}, 2.0),
        ({"number": None}, None),
        ({"truth": "True"}, True),
        ({"truth": False}, False),
        ({"by_name": {"a": "2."}}, {"a": 2.0}),
    ],
)
def test_numbers_and_truth_values_in_text_are_read(content, value):
    ((key, _),) = content.items()
    assert getattr(validate(Values, content, "a.yaml"), key) == value


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"whole": True}, "whole: expected a whole number; YAML reads yes, no, on and off as true or false (got True)"),
        ({"wholes": [1, True]}, "wholes.1: expected a whole number"),
        ({"wholes": ["0-2"]}, "wholes.0: expected a whole number (got '0-2')"),
        ({"whole": "1_0"}, "whole: expected a whole number"),
        ({"whole": "0x1"}, "whole: expected a whole number"),
        ({"whole": ""}, "whole: expected a whole number"),
        ({"whole": 1.5}, "whole: input should be a valid integer"),
        ({"number": False}, "number: expected a number; YAML reads"),
        ({"number": "nan"}, "number: expected a number"),
        ({"number": "1,5"}, "number: expected a number (got '1,5')"),
        ({"by_name": {"a": True}}, "by_name.a: expected a number"),
        ({"truth": 1}, "truth: expected true or false (got 1)"),
        ({"truth": "on"}, "truth: expected true or false"),
        ({"inner": {"learning_rate": True}}, "inner.learning_rate: expected a number"),
        ({"inner": 3}, "inner: expected keys with values (got 3)"),
        ({"wholes": 3}, "wholes: expected a list (got 3)"),
    ],
)
def test_nothing_else_is_taken_for_a_number_or_a_truth_value(content, message):
    with pytest.raises(UserError) as error:
        validate(Values, content, "a.yaml")
    assert f"a.yaml: {message}" in str(error.value)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("model", _all_settings(), ids=lambda model: model.__name__)
def test_no_setting_takes_true_for_a_number(model):
    """Every whole number and number of every settings class of the project, whatever is around it."""
    for name, field in model.model_fields.items():
        if field.annotation in (int, float):
            with pytest.raises(UserError, match=rf"{name}: expected a (whole )?number"):
                validate(model, {name: True}, "a.yaml")


def test_settings_with_a_key_given_twice_are_refused(tmp_path):
    (tmp_path / "s.yaml").write_text("learning_rate: 0.5\nlearning_rate: 0.1\n")
    for text in (str(tmp_path / "s.yaml"), '{"learning_rate": 0.5, "learning_rate": 0.1}'):
        with pytest.raises(UserError, match='"learning_rate" occurs twice'):
            parse(Inner, text)


@pytest.mark.parametrize("text", ["{not json", "nowhere.yaml"])
def test_what_cannot_be_read_is_explained(text):
    with pytest.raises(UserError):
        parse(Inner, text)
