import pytest

from imbalance_aware.config import Config
from imbalance_aware.errors import UserError
from imbalance_aware.names import check_name
from imbalance_aware.schema import validate

BASE = {"run": ["s"], "datasets": {}, "studies": {}}
PHANTOMS = {"adapter": "fundus_phantoms"}
STUDY = {"datasets": ["d"], "seeds": [0]}


@pytest.mark.parametrize("name", ["moles", "glaucoma_96", "ce_f1-weighted", "96px", "1p19q", "a.b", "no", "x" * 100])
def test_names_that_can_name_a_folder_and_a_cell(name):
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        *("a/b", "..", ".", "", "mo{l}es", "a b", "é", "-a", "a\n", "x" * 101),
        *("2024", "1e5", "1.5", "1_000", "nan", "inf", "NA", "None", "NULL", "true"),
    ],
)
def test_other_names_are_one_sentence(name):
    with pytest.raises(ValueError, match="cannot be a name") as error:
        check_name(name)
    assert "\n" not in str(error.value).replace(name, "")


@pytest.mark.parametrize("kind", ["datasets", "studies"])
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a/b", '"a/b" cannot be a name'),
        ("..", '".." cannot be a name'),
        ("mo{l}es", '"mo{l}es" cannot be a name'),
        (False, "YAML reads the name yes, no, on or off as false; put it in quotation marks"),
        (2024, '"2024" cannot be a name: YAML reads it as a number or date; add a letter'),
        ("2024", '"2024" cannot be a name: tables read it as a number'),
    ],
)
def test_names_of_datasets_and_studies(kind, name, words):
    content = BASE | {kind: {name: PHANTOMS if kind == "datasets" else STUDY}}
    with pytest.raises(UserError) as error:
        validate(Config, content, "a.yaml")
    assert str(error.value).startswith(f"a.yaml: {kind}")
    assert words in str(error.value)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("sequence", ["T1", "t-1", "1t", "na", "", "t1 "])
def test_names_of_sequences(sequence):
    mri = {"adapter": "mri_phantoms", "sequences": ["t1", sequence]}
    with pytest.raises(UserError, match=r"datasets\.d\.sequences\.1: .*cannot (name a sequence|be a name)"):
        validate(Config, BASE | {"datasets": {"d": mri}}, "a.yaml")
