"""The schema of the configuration for tools that read ``properties`` and nothing else, such as the workflow catalog.

They follow no reference and no alternative. So in the flat schema references are replaced by what they refer to, of
several forms of a value there is one with the keys of all, and keys that are names (of datasets, studies) are shown
once, as `NAME`. It refuses less than the full schema and accepts all that the full schema accepts.
"""

from collections.abc import Iterable, Mapping
from typing import Any

Schema = dict[str, Any]
#: What says how a value is written, and may differ between the forms of a value.
KEPT = ("title", "description", "default", "enum", "const", "items")
#: A key that stands for any name.
NAME = "NAME"


def flat(schema: Any, definitions: Mapping[str, Schema]) -> Any:
    """``schema`` without ``$ref``, ``$defs``, ``anyOf`` and patterns of keys.

    Args:
        schema: a JSON schema, or a part of one.
        definitions: those that references name.
    """
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        target = definitions[schema["$ref"].rpartition("/")[2]]
        # What stands beside a reference is about this place, such as its description.
        schema = target | {key: value for key, value in schema.items() if key != "$ref"}
    forms = [flat(form, definitions) for form in schema.get("anyOf", [])]
    own = {key: flat(schema[key], definitions) if key == "items" else schema[key] for key in KEPT if key in schema}
    if types := _types([*([schema] if "type" in schema else []), *forms]):
        own["type"] = types[0] if len(types) == 1 else types
    if forms and all("enum" in form or "const" in form for form in forms):
        values = [value for form in forms for value in form.get("enum", [form.get("const")])]
        own["enum"] = list(dict.fromkeys(values))
    named = [*schema.get("patternProperties", {}).values()]
    if isinstance(open_keys := schema.get("additionalProperties"), dict):
        named.append(open_keys)
    properties = {key: flat(value, definitions) for key, value in schema.get("properties", {}).items()}
    properties |= {NAME: _merged([flat(value, definitions) for value in named])} if named else {}
    for form in forms:
        for key, value in form.get("properties", {}).items():
            properties[key] = _merged([properties[key], value]) if key in properties else value
    if properties:
        own["properties"] = properties
    if not named and not forms and open_keys is False:
        own["additionalProperties"] = False
    return own


def _types(schemas: Iterable[Schema]) -> list[str]:
    """Every type of these values, each once; empty if one may be of any type."""
    types: list[str] = []
    for schema in schemas:
        if "type" in schema:
            types += [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
        elif "const" in schema:
            types.append(_type_of(schema["const"]))
        elif "enum" in schema:
            types += [_type_of(value) for value in schema["enum"]]
        else:
            return []
    return list(dict.fromkeys(types))


def _type_of(value: Any) -> str:
    return {bool: "boolean", int: "integer", float: "number", str: "string"}[type(value)]


def _merged(schemas: list[Schema]) -> Schema:
    """One schema that accepts what any of these accepts."""
    first, *others = schemas
    if all(other == first for other in others):
        return first
    return flat({"anyOf": schemas, **{key: first[key] for key in ("title", "description") if key in first}}, {})
