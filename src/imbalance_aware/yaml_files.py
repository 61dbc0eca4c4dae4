"""Reading YAML and JSON that users write: every value with its line, and no key given twice."""

import json
import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imbalance_aware.errors import UserError
from imbalance_aware.text_files import read_text

Place = tuple[Hashable, ...]

#: Whole numbers that YAML 1.1 does not read as they look: 010 is 8, and 1:30 is 90.
ODD_NUMBER = re.compile(r"[-+]?(0[0-7_]+|[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?)")


@dataclass(frozen=True)
class YamlFile:
    """A file's content, and where in it each value is.

    Attributes:
        content: what was read; an empty file is an empty mapping.
        lines: keys and indices from the top down -> line of the key, or of the item of a list; empty for JSON that is
            not YAML.
    """

    content: Any
    lines: dict[Place, int] = field(default_factory=dict)


def read_yaml(path: Path) -> YamlFile:
    """Read a YAML or JSON file.

    Raises:
        UserError: there is no such file, or it is neither YAML nor JSON, gives a key twice, or writes a number in a way
            that YAML reads as another; the message names file and line.
    """
    import yaml

    text = read_text(path, "a YAML file")
    loader = yaml.SafeLoader(text)
    try:
        root = loader.get_single_node()
        lines, problems = _inspect(loader, root)
        if problems:
            raise UserError("\n".join(f"{path}, {problem}" for problem in problems))
        content = loader.construct_document(root) if root is not None else {}
    except yaml.YAMLError as error:
        return YamlFile(_read_json(path, text, error))
    finally:
        loader.dispose()
    return YamlFile({} if content is None else content, lines)


def _read_json(path: Path, text: str, error: Exception) -> Any:
    """JSON may be indented by tabs, which YAML refuses."""
    try:
        return json.loads(text, object_pairs_hook=distinct)
    except json.JSONDecodeError:
        mark = getattr(error, "problem_mark", None)
        place = f"{path}, line {mark.line + 1}" if mark else f"{path}"
        raise UserError(f"{place}: not valid YAML: {getattr(error, 'problem', None) or error}") from None
    except ValueError as twice:
        raise UserError(f"{path}: {twice}") from None


def distinct(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """The object of a JSON text (as ``object_pairs_hook``).

    Raises:
        ValueError: a key is given twice.
    """
    result = dict(pairs)
    if len(result) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f'the key "{twice}" occurs twice; keep one of them')
    return result


def _inspect(loader: Any, root: Any) -> tuple[dict[Place, int], list[str]]:
    """The line of every value below ``root``, and what is wrong with the file."""
    import yaml

    lines: dict[Place, int] = {}
    problems: list[str] = []

    def walk(node: Any, place: Place, above: frozenset[int]) -> None:
        if id(node) in above:  # an alias of what it is in
            return
        above |= {id(node)}
        if isinstance(node, yaml.MappingNode):
            first: dict[Any, int] = {}
            for key_node, value in node.value:
                line = key_node.start_mark.line + 1
                if key_node.tag == "tag:yaml.org,2002:merge":
                    continue
                key = loader.construct_object(key_node, deep=True)
                if not isinstance(key, Hashable):
                    continue  # the loader refuses it
                if key in first:
                    problems.append(
                        f'line {line}: the key "{".".join(map(str, (*place, key)))}" occurs twice, first in line '
                        f"{first[key]}; keep one of them"
                    )
                first.setdefault(key, line)
                lines[*place, key] = line
                walk(value, (*place, key), above)
        elif isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                lines[*place, index] = item.start_mark.line + 1
                walk(item, (*place, index), above)
        elif node.tag.rpartition(":")[2] in ("int", "float") and ODD_NUMBER.fullmatch(node.value):
            problems.append(
                f"line {node.start_mark.line + 1}: YAML reads {node.value} as {loader.construct_object(node)}; write "
                "the number in decimal digits, or text in quotation marks"
            )

    if root is not None:
        walk(root, (), frozenset())
    return lines, problems
