"""Settings that refuse what they do not know, in words a person can act on."""

import difflib
import json
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError

from imbalance_aware.errors import UserError

Model = TypeVar("Model", bound=BaseModel)


class Strict(BaseModel):
    """Base of all settings: unknown keys refused, values fixed once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def parse(model: type[Model], text: str) -> Model:
    """Read ``model`` from inline JSON or from a YAML / JSON file.

    Raises:
        UserError: the text is neither, or does not fit the model.
    """
    if text.lstrip().startswith("{"):
        content, source = _load_json(text), "--settings"
    else:
        content, source = load_yaml(Path(text)), text
    return validate(model, content, source)


def load_yaml(path: Path) -> Any:
    """Content of a YAML (or JSON) file; `UserError` naming file and line if there is none or it does not parse."""
    import yaml

    try:
        return yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not valid YAML: {error}") from None


def _load_json(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise UserError(f"--settings: not valid JSON: {error}") from None


def validate(model: type[Model], content: Any, source: str | Callable[[Sequence[Any]], str]) -> Model:
    """Check ``content`` against ``model``.

    Args:
        model: what is expected.
        content: what was read.
        source: the file it came from, or a function that tells the file from the place (keys from the top down).

    Raises:
        UserError: one line per problem: the file, the key's place, what is wrong, and the nearest known key or value.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        lines = []
        for problem in error.errors():
            place = list(_visible(problem["loc"], content))
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
        known = _fields_at(model, location[:-1])
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
    message = problem["msg"].removeprefix("Value error, ")
    return f"{place + ': ' if place else ''}{message[:1].lower() + message[1:]} (got {problem['input']!r})"


def _visible(location: Sequence[Any], content: Any) -> Iterator[Any]:
    """The parts of a pydantic location that stand in the user's file (not the tags of a union)."""
    for part in location:
        try:
            content = content[part]
        except (KeyError, IndexError, TypeError):
            if part is not location[-1]:
                continue
        yield part


def _fields_at(model: Any, location: Sequence[Any]) -> list[str]:
    """Names of the keys known at ``location`` below ``model``."""
    candidates: list[Any] = [model]
    for part in location:
        following = []
        for candidate in candidates:
            if isinstance(candidate, type) and issubclass(candidate, BaseModel) and part in candidate.model_fields:
                following += _models(candidate.model_fields[part].annotation)
            elif isinstance(candidate, type) and issubclass(candidate, BaseModel) and part in _tags(candidate):
                following.append(candidate)
            elif isinstance(candidate, tuple):
                following += _models(candidate[-1])
        candidates = following or candidates
    return sorted({name for item in candidates if isinstance(item, type) for name in item.model_fields})


def _tags(model: type[BaseModel]) -> set[str]:
    """Values by which a discriminated union may name ``model``."""
    return {str(value) for field in model.model_fields.values() for value in get_args(field.annotation)}


def _models(annotation: Any) -> list[Any]:
    """Models (and, as a tuple of arguments, mappings and lists of models) inside an annotation."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _models(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return [model for argument in get_args(annotation) for model in _models(argument)]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [get_args(annotation)] if origin else []
