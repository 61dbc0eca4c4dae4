"""The paper's claims (``resources/paper_claims.csv``), and what the runs of a study say of them.

A claim is that one condition is better than a baseline by so many percent. ``claim_estimates.csv`` has a row for each
claim and each dataset that takes the place of the paper's: the claim's number, the same number from the runs with both
intervals in percent, and a word. A claim that nothing here speaks of has a row that says so.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from imbalance_aware.errors import UserError
from imbalance_aware.tables.csv_text import frame_csv, read_rows

if TYPE_CHECKING:
    import pandas as pd

CLAIM_COLUMNS = ("claim", "section", "text", "dataset", "metric", "also", "condition", "baseline", "percent")
CLAIMS_CONTENT = "the table of the paper's claims"
#: ``stand_in`` is the dataset of the study that takes the place of the claim's ``dataset``; empty if there is none.
COLUMNS = (
    *("claim", "stand_in", "metric", "n_seeds", "baseline_value", "value", "percent"),
    *("models_low", "models_high", "procedure_low", "procedure_high", "word", "note"),
)
NUMBERS = ("baseline_value", "value", "percent", "models_low", "models_high", "procedure_low", "procedure_high")
CONTENT = "what the runs of a study say of the paper's claims, which the step `claims` writes"


@dataclass(frozen=True)
class Claim:
    """A claim of the paper: ``condition`` is better than ``baseline`` in ``metric``, by ``percent`` of its value.

    Attributes:
        name: unique.
        section: of the paper.
        text: what it says, in other words.
        dataset: of the paper.
        metric: as in ``metrics.csv``.
        also: what the metric is called on other data of the same disease; empty if it has no other name.
        condition: as in the tables of conditions.
        baseline: the same.
        percent: 100 (value / value of the baseline - 1), as published.
    """

    name: str
    section: str
    text: str
    dataset: str
    metric: str
    also: str
    condition: str
    baseline: str
    percent: float


def read_claims(path: Path) -> list[Claim]:
    """The claims, in the order of the table.

    Raises:
        UserError: no such file, or not such a table.
    """
    _, rows = read_rows(path, CLAIMS_CONTENT, CLAIM_COLUMNS)
    claims: list[Claim] = []
    for line, row in rows:
        percent = _number(row["percent"])
        if math.isnan(percent):
            raise UserError(f'{path}, line {line}: percent is "{row["percent"]}", which is not a number')
        if row["claim"] in (claim.name for claim in claims):
            raise UserError(f"{path}, line {line}: the claim {row['claim']} is listed twice")
        name, section, text, dataset, metric, also, condition, baseline = (row[name] for name in CLAIM_COLUMNS[:-1])
        claims.append(Claim(name, section, text, dataset, metric, also, condition, baseline, percent))
    return claims


def claim_estimates_csv(rows: "pd.DataFrame") -> str:
    """Text of the table; NaN becomes an empty cell."""
    return frame_csv(rows[list(COLUMNS)])


def read_claim_estimates(path: Path) -> "pd.DataFrame":
    """Read the table; numbers that are not there are NaN.

    Raises:
        UserError: no such file, or not such a table.
    """
    import pandas as pd

    _, rows = read_rows(path, CONTENT, COLUMNS)
    table = pd.DataFrame([row for _, row in rows], columns=list(COLUMNS), dtype=str)
    return table.assign(
        **{name: table[name].map(_number) for name in NUMBERS}, n_seeds=table["n_seeds"].map(int, na_action="ignore")
    )


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
