"""Conditions (loss, sampling mode, sample weights) and reading of the tables that list them."""

import json
import math
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from imbalance_aware.errors import UserError
from imbalance_aware.names import check_name
from imbalance_aware.schema import nearest
from imbalance_aware.table_files import read_records
from imbalance_aware.yaml_files import distinct

CONTENT = "a table of conditions, tab-separated, with a row per condition"
COLUMNS = ("condition", "loss", "sampling", "weighted", "kwargs")
#: Between the name of a condition and that of a rival that uses its networks; names of conditions cannot have one.
RIVAL_MARK = "+"
TRUTH = {"true": True, "false": False}
TERM = re.compile(r"(?:(?P<factor>\d+(?:\.\d+)?)\*)?(?P<loss>[A-Za-z_][A-Za-z0-9_]*)")


@dataclass(frozen=True)
class Condition:
    """One row of a table of conditions.

    Attributes:
        name: folder and wildcard name, such as ``ce_f1-oversampling``.
        terms: loss name -> factor in the sum, in the order written.
        sampling: how batches are drawn.
        weighted: whether each sample's loss is scaled by its class's normalised inverse frequency.
        kwargs: loss name -> arguments of its class.
        line: of the table, for messages.
        rival: name of the rival that classifies by the features of the condition's networks; empty for the networks
            themselves. The other attributes are then those of the networks, but for the name, ``ce-uniform+crt``.
    """

    name: str
    terms: dict[str, float]
    sampling: str
    weighted: bool
    kwargs: dict[str, dict[str, Any]]
    line: int
    rival: str = ""

    def columns(self) -> dict[str, Any]:
        """Columns of the condition in tables: its name, loss (as a sum), sampling and weighting.

        Those of a rival are those of the networks that it uses; its name tells it apart.
        """
        loss = "+".join(name if factor == 1 else f"{factor:g}*{name}" for name, factor in self.terms.items())
        return {"condition": self.name, "loss": loss, "sampling": self.sampling, "weighted": self.weighted}


def read_conditions(path: Path, losses: list[str], samplings: list[str]) -> dict[str, Condition]:
    """Read a table of conditions (columns condition, loss, sampling, weighted, kwargs; lines with ``#`` are comments).

    Args:
        path: the table.
        losses: names that the ``loss`` column may use, alone or in sums such as ``ce+0.5*soft_mcc``.
        samplings: names that the ``sampling`` column may use.

    Raises:
        UserError: one line for every problem in the table.
    """
    conditions: dict[str, Condition] = {}
    problems = []
    for line, cells in read_rows(path):
        place = f'{path}, line {line}: condition "{cells["condition"]}"'
        try:
            condition = _condition(cells, line, losses, samplings)
        except ValueError as problem:
            problems.append(f"{place}: {problem}")
            continue
        if condition.name in conditions:
            problems.append(f"{place} is listed twice")
        conditions[condition.name] = condition
    if problems:
        raise UserError("\n".join(problems))
    return conditions


def read_rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Line and cells of every row of a table of conditions, as they are written.

    Raises:
        UserError: no such file, or a table of other columns.
    """
    columns, records = read_records(path, CONTENT, comments=True, short_rows=True)
    if tuple(columns) != COLUMNS:
        raise UserError(f"{path}: the columns are {', '.join(columns)}; expected {', '.join(COLUMNS)} (tab-separated)")
    return [(line, dict(zip(COLUMNS, map(str.strip, record), strict=True))) for line, record in records]


def _condition(cells: dict[str, str], line: int, losses: list[str], samplings: list[str]) -> Condition:
    check_name(cells["condition"])
    terms = parse_loss(cells["loss"], losses)
    if cells["sampling"] not in samplings:
        raise ValueError(f'unknown sampling "{cells["sampling"]}".{nearest(cells["sampling"], samplings)}')
    if cells["weighted"] not in TRUTH:
        raise ValueError(f'weighted is "{cells["weighted"]}"; expected true or false')
    return Condition(
        name=cells["condition"],
        line=line,
        terms=terms,
        sampling=cells["sampling"],
        weighted=TRUTH[cells["weighted"]],
        kwargs=_kwargs(cells["kwargs"], terms),
    )


def parse_loss(text: str, losses: list[str]) -> dict[str, float]:
    """Terms of a sum of losses: ``"ce+0.5*soft_mcc"`` -> ``{"ce": 1.0, "soft_mcc": 0.5}``.

    Raises:
        ValueError: a term does not parse, is unknown or given twice, or its factor is 0.
    """
    terms: dict[str, float] = {}
    for part in text.split("+"):
        match = TERM.fullmatch(part.strip())
        if not match:
            raise ValueError(f'the loss "{text}" is not a sum of names such as ce+0.5*soft_mcc')
        name = match["loss"]
        if name not in losses:
            raise ValueError(f'unknown loss "{name}".{nearest(name, losses)}')
        if name in terms:
            raise ValueError(f'the loss "{name}" is given twice in "{text}"')
        factor = float(match["factor"] or 1)
        if not 0 < factor < math.inf:
            raise ValueError(f'the factor {match["factor"]} of "{name}" in "{text}"; expected a number above 0')
        terms[name] = factor
    return terms


def _kwargs(text: str, terms: dict[str, float]) -> dict[str, dict[str, Any]]:
    try:
        kwargs = json.loads(text or "{}", object_pairs_hook=distinct)
    except json.JSONDecodeError as error:
        raise ValueError(f"kwargs is not valid JSON: {error}") from None
    if not isinstance(kwargs, dict) or not all(isinstance(value, dict) for value in kwargs.values()):
        raise ValueError('kwargs is keyed by loss, such as {"focal": {"gamma": 2}}')
    for name in kwargs:
        if name not in terms:
            raise ValueError(f'kwargs for "{name}", which is not in the loss.{nearest(name, terms)}')
    return kwargs


def rival_name(condition: str, rival: str) -> str:
    """The name of a condition for a rival that uses its networks: ``"ce-uniform+crt"``."""
    return f"{condition}{RIVAL_MARK}{rival}"


def trained_and_rival(condition: str) -> tuple[str, str]:
    """The two that `rival_name` joined; the rival is empty in the name of a condition that is trained."""
    trained, _, rival = condition.partition(RIVAL_MARK)
    return trained, rival


def with_rival(condition: Condition, rival: str) -> Condition:
    """The condition of a rival that uses the networks of ``condition``."""
    return replace(condition, name=rival_name(condition.name, rival), rival=rival)


def loss_key(condition: str, sampling: str, weighted: bool) -> str:
    """The part of a condition's name that names its loss: ``"ce_f1-weighted"`` -> ``"ce_f1"``; of a rival, that of the
    networks that it uses."""
    condition, _ = trained_and_rival(condition)
    stem, _, ending = condition.rpartition("-")
    return stem if stem and ending in (sampling, "weighted" if weighted else sampling) else condition
