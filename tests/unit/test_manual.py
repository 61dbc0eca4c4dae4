import json

import jsonschema
import pytest
import yaml

from imbalance_aware.manual import catalog_schema, editor_schema, sections, with_keys
from places import CHECKOUT


def test_the_manual_and_the_schema_are_in_step_with_the_settings(checkout):
    """If this fails: python -m imbalance_aware manual."""
    manual = (checkout / "config/README.md").read_text()
    assert with_keys(manual) == manual
    assert json.loads((checkout / "config/schema.json").read_text()) == json.loads(json.dumps(editor_schema()))
    assert json.loads((checkout / "workflow/schemas/config.schema.json").read_text()) == catalog_schema()


@pytest.mark.parametrize("name", sorted(path.name for path in (CHECKOUT / "config").glob("*.yaml")))
def test_editors_find_the_schema_and_agree_with_every_file_that_ships(checkout, name):
    text = (checkout / "config" / name).read_text(encoding="utf-8")
    first, _, _ = text.partition("\n")
    schema = first.removeprefix("# yaml-language-server: $schema=")
    assert schema != first, "the first line must name the schema"
    jsonschema.validate(yaml.safe_load(text), json.loads((checkout / "config" / schema).read_text()))
    jsonschema.validate(
        yaml.safe_load(text), json.loads((checkout / "workflow/schemas/config.schema.json").read_text())
    )


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


def nodes(schema):
    """Every schema in a schema: itself, and those of its properties and items."""
    yield schema
    for part in (*schema.get("properties", {}).values(), *filter(None, [schema.get("items")])):
        yield from nodes(part)


def test_the_flat_schema_has_every_key_of_the_manual_and_nothing_to_look_up():
    schema = catalog_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    for node in nodes(schema):
        assert not set(node) & {"$ref", "$defs", "anyOf", "oneOf", "allOf", "patternProperties", "discriminator"}
    keys = 0
    for place, model in sections():
        here = schema
        for name in filter(None, place.split(".")):
            here = here["properties"][name]
            here = here.get("items", here)
        for name in model.model_fields:
            assert name in here["properties"], f"{place}.{name}"
            keys += 1
    assert keys > 100
    adapters = schema["properties"]["datasets"]["properties"]["NAME"]["properties"]["adapter"]
    assert {"folder", "folder3d", "glioma"} <= set(adapters["enum"])


@pytest.mark.parametrize("content", [{"run": "paper"}, {"studies": []}, {"sudies": {}}, {"model": {"blocks": 3}}])
def test_the_flat_schema_still_refuses_what_has_the_wrong_form(content):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content, catalog_schema())
