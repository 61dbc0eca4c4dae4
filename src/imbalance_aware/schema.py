"""Strict settings: unknown keys and wrong values are refused with messages that say what to do."""

import difflib
import json
import re
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError, core_schema

from imbalance_aware.errors import UserError
from imbalance_aware.yaml_files import distinct, read_yaml

Model = TypeVar("Model", bound=BaseModel)


#: Numbers in text: YAML reads 1e-3 as text, and values of Snakemake's ``--config`` are text below the first level.
WHOLE_NUMBER = re.compile(r"[-+]?[0-9]+")
NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")


def _exact(schema: Any) -> Any:
    """A schema in which whole numbers, numbers and truth values refuse what pydantic would take for them: true as 1,
    ``"0-2"`` as -2, 1 as true."""
    if isinstance(schema, list | tuple):
        return type(schema)(_exact(part) for part in schema)
    if not isinstance(schema, dict) or _is_exact(schema):
        return schema
    check = LEAVES.get(str(schema.get("type")))
    if check is not None:
        return core_schema.no_info_before_validator_function(check, schema)
    return {key: part if key in ("default", "metadata", "ref") else _exact(part) for key, part in schema.items()}


def _is_exact(schema: dict[str, Any]) -> bool:
    """Whether a part of a schema comes from another model that was already processed."""
    return schema.get("type") == "function-before" and schema["function"]["function"] in LEAVES.values()


def _whole_number(value: Any) -> Any:
    if isinstance(value, bool) or (isinstance(value, str) and not WHOLE_NUMBER.fullmatch(value.strip())):
        raise ValueError(f"expected a whole number{_read_as_truth(value)}")
    return value


def _number(value: Any) -> Any:
    if isinstance(value, bool) or (isinstance(value, str) and not NUMBER.fullmatch(value.strip())):
        raise ValueError(f"expected a number{_read_as_truth(value)}")
    return value


def _truth_value(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise ValueError("expected true or false")


def _read_as_truth(value: Any) -> str:
    return "; YAML reads yes, no, on and off as true or false" if isinstance(value, bool) else ""


#: Keys that tell the models of a union apart.
TAGS = ("adapter", "method")
#: Kind of a problem -> what was expected, in the words of YAML.
EXPECTED = {
    "model_type": "keys with values",
    "dict_type": "keys with values",
    "list_type": "a list",
    "tuple_type": "a list",
}
#: Type of a core schema -> what looks at a value before it.
LEAVES = {"int": _whole_number, "float": _number, "bool": _truth_value}


class Strict(BaseModel):
    """Base of all settings: unknown keys refused, values fixed once read, only numbers taken for numbers."""

    #: Keys that are no longer known -> what to say of one that is found: a sentence with the key that replaces it.
    former_keys: ClassVar[Mapping[str, str]] = {}

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return _exact(handler(source))


def misfit(keys: Sequence[Any], message: str) -> PydanticCustomError:
    """What a validator of a whole model raises about the value at ``keys`` below it."""
    return PydanticCustomError("misfit", "{message}", {"message": message, "keys": tuple(keys)})


def parse(model: type[Model], text: str) -> Model:
    """Read ``model`` from inline JSON or from a YAML / JSON file.

    Raises:
        UserError: the text is neither, or does not fit the model.
    """
    content, source = load_settings(text)
    return validate(model, content, source)


def load_settings(text: str) -> tuple[Any, str]:
    """Content of settings given as inline JSON or as the path of a YAML / JSON file, and what to call the source.

    Raises:
        UserError: the text is neither.
    """
    if not text.lstrip().startswith("{"):
        return load_yaml(Path(text)), text
    try:
        return json.loads(text, object_pairs_hook=distinct), "--settings"
    except ValueError as error:
        raise UserError(f"--settings: not valid JSON: {error}") from None


def load_yaml(path: Path) -> Any:
    """Content of a YAML (or JSON) file; see `read_yaml` for what it refuses."""
    return read_yaml(path).content or {}


def validate(model: type[Model], content: Any, source: str | Callable[[Sequence[Any]], str]) -> Model:
    """Check ``content`` against ``model``.

    Args:
        model: what is expected.
        content: what was read.
        source: the file it came from, or a function from the place (keys from the top down) to the file.

    Raises:
        UserError: one line per problem: the file, the key's place, what is wrong, and the nearest known key or value.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        lines = []
        for problem in error.errors():
            # A misfit is of a model that is there: what is not in the file, at the end of its place, is a union's tag.
            whole = problem["type"] == "misfit"
            place = [*_visible(problem["loc"], content, whole), *problem.get("ctx", {}).get("keys", ())]
            file = source if isinstance(source, str) else source(place)
            lines.append(f"{file}: {_explain(problem, place, model)}")
        raise UserError("\n".join(dict.fromkeys(lines))) from None


def nearest(word: str, known: Mapping[str, Any] | Any) -> str:
    """`` Did you mean "…"?`` with the nearest of ``known``, or the list of them if none is near."""
    names = [str(name) for name in known]
    close = difflib.get_close_matches(str(word), names, n=1, cutoff=0.6)
    if close:
        return f' Did you mean "{close[0]}"?'
    return f" Known: {', '.join(names)}." if names else ""


def _explain(problem: Mapping[str, Any], keys: Sequence[Any], model: type[BaseModel]) -> str:
    kind, location = problem["type"], problem["loc"]
    place = ".".join(str(key) for key in keys)
    if kind == "extra_forbidden":
        key = location[-1]
        models = _models_at(model, location[:-1])
        for former in (item.former_keys for item in models if issubclass(item, Strict)):
            if key in former:
                return f"{place}: {former[key]}"
        known = sorted({name for item in models for name in item.model_fields})
        inside = place.rpartition(".")[0]
        return f'unknown key "{key}"{f" in {inside}" if inside else ""}.{nearest(key, known)}'
    if kind == "missing":
        return f'"{place}" is missing.'
    if kind == "union_tag_invalid":
        tag = problem["ctx"]["tag"]
        known = [name.strip().strip("'") for name in problem["ctx"]["expected_tags"].split(",")]
        return f'{place}: unknown {problem["ctx"]["discriminator"].strip(chr(39))} "{tag}".{nearest(tag, known)}'
    if kind == "union_tag_not_found":
        return f"{place}: the key {problem['ctx']['discriminator'].strip(chr(39))} is missing."
    if kind == "literal_error":
        known = [name.strip().strip("'") for name in problem["ctx"]["expected"].replace(" or ", ", ").split(",")]
        return f'{place}: "{problem["input"]}" is not known.{nearest(problem["input"], known)}'
    if kind == "string_type" and location[-1] == "[key]":
        return f"{place.rpartition('.')[0]}: {_not_a_name(problem['input'])}"
    if kind == "string_type":
        return f"{place}: {_not_text(problem['input'])}"
    if kind in EXPECTED:
        return f"{place}: expected {EXPECTED[kind]} (got {problem['input']!r})"
    message = problem["msg"].removeprefix("Value error, ")
    if kind == "misfit":
        return f"{place}: {message}" if place else message
    message = f"{place + ': ' if place else ''}{message[:1].lower() + message[1:]}"
    return message if f'"{problem["input"]}"' in message else f"{message} (got {problem['input']!r})"


def _not_a_name(value: Any) -> str:
    """What is wrong with a key that YAML did not read as text."""
    if isinstance(value, bool):
        return f"YAML reads the name yes, no, on or off as {str(value).lower()}; put it in quotation marks"
    return f'"{value}" cannot be a name: YAML reads it as a number or date; add a letter'


def _not_text(value: Any) -> str:
    if isinstance(value, bool):
        word = str(value).lower()
        return (
            f'expected text; YAML reads "yes", "no", "on" and "off" as true or false ({word} here): use quotation marks'
        )
    if isinstance(value, int | float):
        return f"expected text; put {value} in quotation marks if it is meant as a name"
    return f"expected text (got {value!r})"


def _visible(location: Sequence[Any], content: Any, whole: bool = False) -> Iterator[Any]:
    """The parts of a pydantic location that are in the user's file (not the tags of a union, nor what marks a key).

    The last part may be a key that the file lacks, unless ``whole``.
    """
    tag = None
    for part in location:
        if part == "[key]":
            return
        if part == tag:  # once: a key may have the same name
            tag = None
            continue
        try:
            content = content[part]
        except (KeyError, IndexError, TypeError):
            if whole or part is not location[-1]:
                continue
        tag = next((content[key] for key in TAGS if key in content), None) if isinstance(content, Mapping) else None
        yield part


def _models_at(model: Any, location: Sequence[Any]) -> list[type[BaseModel]]:
    """The models, one of which describes what is at ``location`` below ``model``."""
    candidates: list[Any] = [model]
    for part in location:
        following = []
        for candidate in candidates:
            if isinstance(candidate, type) and issubclass(candidate, BaseModel) and part in _tags(candidate):
                following.append(candidate)
            elif isinstance(candidate, type) and issubclass(candidate, BaseModel) and part in candidate.model_fields:
                following += models_in(candidate.model_fields[part].annotation)
            elif isinstance(candidate, tuple):
                following += models_in(candidate[-1])
        candidates = following or candidates
    return [item for item in candidates if isinstance(item, type) and issubclass(item, BaseModel)]


def _tags(model: type[BaseModel]) -> set[str]:
    """Values by which a discriminated union may name ``model``."""
    return {str(value) for key in TAGS if key in model.model_fields for value in single(model.model_fields[key])}


def single(field: FieldInfo) -> tuple[Any, ...]:
    """The one value that a field admits; none if it admits several."""
    values = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
    return values if len(values) == 1 else ()


def models_in(annotation: Any) -> list[Any]:
    """Models (and, as a tuple of arguments, mappings and lists of models) inside the annotation of a field."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return models_in(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return [model for argument in get_args(annotation) for model in models_in(argument)]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [get_args(annotation)] if origin else []
