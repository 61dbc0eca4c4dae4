"""Names that become folders, wildcards and cells of tables: of datasets, studies, conditions, cohorts and sequences."""

import re
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema

LONGEST = 100
PATTERN = rf"[A-Za-z0-9][A-Za-z0-9_.-]{{0,{LONGEST - 1}}}"
#: Words that programs read as a missing value or a truth value where a table has them.
WORDS = {"na", "n.a.", "null", "none", "true", "false"}


def check_name(name: str) -> str:
    """``name`` if it can name a folder and be read back from a table.

    Raises:
        ValueError: it cannot.
    """
    if not re.fullmatch(PATTERN, name):
        raise ValueError(
            f'"{name}" cannot be a name; use letters (A to Z), digits, "_", "-" and "." only, a letter or digit first, '
            f"at most {LONGEST} of them, since it names a folder"
        )
    if name.lower() in WORDS or _is_number(name):
        raise ValueError(
            f'"{name}" cannot be a name: tables read it as a number, a truth value or an empty cell; add a letter'
        )
    return name


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


#: A name in settings.
Name = Annotated[str, AfterValidator(check_name), WithJsonSchema({"type": "string", "pattern": f"^{PATTERN}$"})]
