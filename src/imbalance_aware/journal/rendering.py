"""Texts from templates: as plain text, and as Markdown in which no name can act as markup."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imbalance_aware.reporting.markdown import escape_markdown
from imbalance_aware.reporting.recipe_words import recipe_words

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"
PLAIN, MARKDOWN = "plain", "markdown"
ESCAPES: Mapping[str, Callable[[str], str]] = {PLAIN: str, MARKDOWN: escape_markdown}


@cache
def environment(form: str) -> "Environment":
    """Jinja2 with the templates of this package; a name that no fact has is an error.

    Every value that a template prints is escaped for the form, but what macros return, which is escaped already.

    Args:
        form: `PLAIN` or `MARKDOWN`.
    """
    import jinja2
    from markupsafe import Markup

    escape = ESCAPES[form]
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        finalize=lambda value: value if isinstance(value, Markup) else Markup(escape(str(value))),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {
        "listed": listed,
        "counted": counted,
        "sum_of": sum_of,
        "recipe": recipe_words,
        "paragraph": lambda text: Markup(in_one_line(text)),
        "code": lambda text: Markup(text),
        "prose": lambda parts: Markup(in_one_line(" ".join(parts))),
    }
    return made


def render(template: str, form: str = MARKDOWN, **facts: Any) -> str:
    """The text of a template: every line a block or a row of a table; blocks are separated by an empty line."""
    text = str(environment(form).get_template(template).render(**facts))
    return _without_gaps([line.rstrip() for line in text.splitlines()])


def _without_gaps(lines: Sequence[str]) -> str:
    """Lines with one empty line between blocks, and none in a table, a list or a block of code."""
    kept: list[str] = []
    fenced = False
    for line in filter(None, lines):
        together = fenced or any(kept and line.startswith(mark) and kept[-1].startswith(mark) for mark in ("|", "- "))
        if kept and not together:
            kept.append("")
        kept.append(line)
        fenced ^= line.startswith("```")
    return "\n".join(kept) + "\n"


def macros(template: str, form: str) -> Mapping[str, Callable[..., str]]:
    """The macros that a template defines for others: those whose name does not begin with an underscore."""
    module = environment(form).get_template(template).module
    return {name: value for name, value in vars(module).items() if not name.startswith("_") and callable(value)}


def templates_digest(names: Iterable[str]) -> str:
    """Digest of templates' content, for the params of a rule: a text is written again when its template changes."""
    content = b"".join((TEMPLATES / name).read_bytes() for name in names)
    return hashlib.sha256(content).hexdigest()[:16]


def in_one_line(text: str) -> str:
    """A paragraph without its line breaks."""
    return " ".join(str(text).split())


def listed(values: Iterable[Any], last: str = "and") -> str:
    """``"a, b and c"``."""
    texts = [str(value) for value in values]
    if len(texts) < 2:
        return "".join(texts)
    return f"{', '.join(texts[:-1])} {last} {texts[-1]}"


def counted(n: int, noun: str) -> str:
    """``"1 image"``, ``"2 images"``, ``"2 classes"``, ``"2 studies"``."""
    if n == 1:
        return f"1 {noun}"
    if noun.endswith("y"):
        return f"{n} {noun[:-1]}ies"
    return f"{n} {noun}{'es' if noun.endswith('ss') else 's'}"


def nouns(kind: str, phantoms: bool) -> dict[str, str]:
    """What texts call one sample of a dataset, and several.

    Args:
        kind: ``images`` or ``volumes``.
        phantoms: whether the workflow drew them.
    """
    noun = "phantom" if phantoms else {"images": "image", "volumes": "subject"}[kind]
    return {"sample": noun, "samples": f"{noun}s"}


def sum_of(rows: Iterable[Mapping[str, Any]], key: str) -> Any:
    """Sum of a value over rows."""
    return sum(row[key] for row in rows)
