"""Names of classes: which are allowed, which look alike, and the names of a class's metrics."""

import json
import re
import unicodedata
from argparse import ArgumentTypeError
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

#: Unicode categories that no table or figure can show: control, surrogate, line and paragraph separator.
UNPRINTABLE = {"Cc", "Cs", "Zl", "Zp"}
LINE_BREAKS = "\n\r\v\f\x85\u2028\u2029"
#: Names that would give a metric the name of a mean over classes, such as ``f1_macro``.
LIKE_A_MEAN = re.compile(r"(class )*macro")


def problem(name: str) -> str:
    """Why a class cannot have this name, as the end of a sentence that begins with the name; empty if it can.

    Any printable text in one line is allowed that is not empty and has no spaces around it.
    """
    if not name.strip():
        return "is empty"
    for sign in name:
        if unicodedata.category(sign) in UNPRINTABLE:
            kind = "a line break" if sign in LINE_BREAKS else "a control character"
            return f"holds {kind} (U+{ord(sign):04X})"
    if name != name.strip():
        return "begins or ends with a space, which table cells lose"
    return ""


def metric_of_class(metric: str, name: str) -> str:
    """Name of a metric of one class: ``f1_early``; of a class called ``macro``: ``f1_class macro``.

    No two classes share a name, and none has that of a mean over classes (``f1_macro``).
    """
    return f"{metric}_class {name}" if LIKE_A_MEAN.fullmatch(name) else f"{metric}_{name}"


def look_alikes(counts: Mapping[str, int]) -> list[str]:
    """One line per group of names that differ only in case, blanks, underscores or the form of their letters.

    Args:
        counts: class -> number of samples.
    """
    alike: dict[str, list[str]] = {}
    for name in counts:
        alike.setdefault(_bare(name), []).append(name)
    return [
        "classes that look alike: "
        + ", ".join(f"{json.dumps(name, ensure_ascii=False)} ({counts[name]} samples)" for name in names)
        + "; they are trained as different classes; if they are one, give them one name"
        for names in alike.values()
        if len(names) > 1
    ]


def _bare(name: str) -> str:
    visible = "".join(sign for sign in unicodedata.normalize("NFKC", name) if unicodedata.category(sign) != "Cf")
    return re.sub(r"[_\s]+", " ", visible.casefold()).strip()


def classes_argument(text: str) -> list[str]:
    """Classes from a command-line argument, as a JSON list, because a name could begin with ``-`` like an option."""
    try:
        names = json.loads(text)
    except json.JSONDecodeError as error:
        raise ArgumentTypeError(f'expected a JSON list such as ["no", "yes"]: {error}') from None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ArgumentTypeError(f'expected a JSON list of names such as ["no", "yes"], got {text}')
    return names


def _as_text(names: Any) -> Any:
    """Grades written as numbers are names too; the spelling of an unquoted ``no`` is lost in YAML."""
    if not isinstance(names, list | tuple):
        return names
    if any(isinstance(name, bool) for name in names):
        raise ValueError('write "no", "yes", "on" and "off" with quotation marks: YAML reads them as true or false')
    return tuple(str(name) if isinstance(name, int) else name for name in names)


def _usable(names: tuple[str, ...]) -> tuple[str, ...]:
    reasons = [f"{json.dumps(name)} {reason}" for name in names if (reason := problem(name))]
    if reasons:
        raise ValueError(f"the class {'; '.join(reasons)}")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f'"{twice[0]}" is listed twice')
    return names


def unusable(names: Iterable[str]) -> str:
    """The first of ``names`` that a class cannot have, with the reason; empty if there is none."""
    return next((f"the class {json.dumps(name)} {reason}" for name in names if (reason := problem(name))), "")


#: Type of the setting that lists the classes of a dataset in the order of their labels.
ClassNames = Annotated[tuple[str, ...], Field(min_length=2), BeforeValidator(_as_text), AfterValidator(_usable)]
