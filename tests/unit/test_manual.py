import json

import jsonschema
import pytest
import yaml

from conftest import CHECKOUT
from imbalance_aware.manual import editor_schema, with_keys


def test_the_manual_and_the_schema_are_in_step_with_the_settings(checkout):
    """If this fails: python -m imbalance_aware manual."""
    manual = (checkout / "config/README.md").read_text()
    assert with_keys(manual) == manual
    assert json.loads((checkout / "config/schema.json").read_text()) == json.loads(json.dumps(editor_schema()))


@pytest.mark.parametrize("name", sorted(path.name for path in (CHECKOUT / "config").glob("*.yaml")))
def test_editors_find_the_schema_and_agree_with_every_file_that_ships(checkout, name):
    text = (checkout / "config" / name).read_text(encoding="utf-8")
    first, _, _ = text.partition("\n")
    schema = first.removeprefix("# yaml-language-server: $schema=")
    assert schema != first, "the first line must name the schema"
    jsonschema.validate(yaml.safe_load(text), json.loads((checkout / "config" / schema).read_text()))


@pytest.mark.parametrize(
    "content",
    [
        {"studies": {"paper": {"sedes": [0]}}},
        {"datasets": {"glaucoma": {"adapter": "no such source"}}},
        {"datasets": {"mine": {"adapter": "folder", "image_size": "large"}}},
    ],
)
def test_editors_see_mistakes(checkout, content):
    schema = json.loads((checkout / "config/schema.json").read_text())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content, schema)


def test_editors_take_a_part_of_a_dataset(checkout):
    """As in config/local.yaml, which gives a path alone."""
    schema = json.loads((checkout / "config/schema.json").read_text())
    jsonschema.validate({"datasets": {"glaucoma": {"path": "/data/photographs"}}}, schema)
