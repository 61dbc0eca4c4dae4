"""JSON that a step gets as an argument or reads from a file; the messages say where a mistake is."""

import json
from pathlib import Path
from typing import Any

from imbalance_aware.errors import UserError
from imbalance_aware.text_files import read_text


def read_argument(text: str, argument: str) -> Any:
    """The value of a JSON text from the command line.

    Args:
        text: the JSON.
        argument: that it is of, such as ``--settings``, for the message.

    Raises:
        UserError: the text is not JSON.
    """
    try:
        return json.loads(text)
    except ValueError as error:
        raise UserError(f"{argument}: not valid JSON: {error}") from None


def read_object_argument(text: str, argument: str) -> dict[str, Any]:
    """The object of a JSON text from the command line; see `read_argument`.

    Raises:
        UserError: the text is not JSON, or not an object.
    """
    content = read_argument(text, argument)
    if not isinstance(content, dict):
        raise UserError(f"{argument}: expected keys with values (got {content!r})")
    return content


def read_object_file(path: Path, content: str) -> dict[str, Any]:
    """The object that a JSON file holds.

    Args:
        path: the file.
        content: what such a file is, such as "the metrics of a run", for the message.

    Raises:
        UserError: there is no such file, or it holds something else.
    """
    try:
        found = json.loads(read_text(path, content))
    except ValueError as error:
        raise UserError(f"{path}: not {content}: {error}") from None
    if not isinstance(found, dict):
        raise UserError(f"{path}: not {content}: it contains a {type(found).__name__}")
    return found
