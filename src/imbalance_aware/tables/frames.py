"""Tables of numbers, words and flags between steps, read and written with pandas."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from imbalance_aware.errors import UserError
from imbalance_aware.tables.csv_text import frame_csv, make_again
from imbalance_aware.tables.whole import require_whole

if TYPE_CHECKING:
    import pandas as pd

#: How a flag is written; an empty cell is false too.
FLAG = {True: "true", False: "false"}


@dataclass(frozen=True)
class TableForm:
    """Columns of a table in their order.

    Attributes:
        step: that writes it.
        columns: all of them.
        numbers: those that hold numbers; an empty cell is NaN.
        flags: those that hold ``true`` or ``false``.
        All others hold text, and no text is taken for a missing value.
    """

    step: str
    columns: tuple[str, ...]
    numbers: tuple[str, ...]
    flags: tuple[str, ...] = ()

    def csv(self, rows: "pd.DataFrame") -> str:
        """Text of the table; what a row lacks, and NaN, becomes an empty cell."""
        known = rows.reindex(columns=list(self.columns))
        for name in self.flags:
            known[name] = [FLAG[cell is True or cell == 1] for cell in known[name]]
        return frame_csv(known)

    def read(self, path: Path) -> "pd.DataFrame":
        """The table, which may have no rows.

        Raises:
            UserError: no such file, or another table.
        """
        import pandas as pd

        require_whole(path, f"a table that the step `{self.step}` writes")
        try:
            table = pd.read_csv(path, dtype=str, keep_default_na=False)
        except ValueError as error:
            raise UserError(f"{path}: not a table that {self.step} wrote: {error}") from None
        if missing := [name for name in self.columns if name not in table]:
            raise UserError(f"{path}: lacks the column {', '.join(missing)}. {make_again(path)}")
        for name in self.numbers:
            table[name] = self._number(path, table[name], name)
        for name in self.flags:
            table[name] = table[name] == FLAG[True]
        return table[list(self.columns)]

    @staticmethod
    def _number(path: Path, cells: "pd.Series", name: str) -> list[float]:
        try:
            return [float(cell) if cell else math.nan for cell in cells]
        except ValueError as error:
            raise UserError(f"{path}: {name} is not a number: {error}. {make_again(path)}") from None


def of_unit(table: "pd.DataFrame", unit: str) -> "pd.DataFrame":
    """The rows of one unit. A dataset without rows of groups has one sample in each: its rows of samples are kept.

    Args:
        table: with the columns ``dataset`` and ``unit``.
        unit: ``sample`` or ``group``.
    """
    has_unit = table["dataset"].isin(table.loc[table["unit"] == unit, "dataset"])
    return table[table["unit"].where(has_unit, unit) == unit]


def interval_columns(names: Sequence[str]) -> tuple[str, ...]:
    """``<name>_low`` and ``<name>_high`` of each."""
    return tuple(f"{name}_{side}" for name in names for side in ("low", "high"))


#: The two questions that an interval can answer, and for cross-validated datasets the third: columns begin with these.
MODELS, PROCEDURE, NEW_DATA = "models", "procedure", "new_data"
INTERVALS = interval_columns((MODELS, PROCEDURE, NEW_DATA))
#: Standard errors for these models, sqrt(V), of patients, sqrt(B), and of replicates, sqrt(T), and the degrees of
#: freedom of the latter.
PARTS = ("se_models", "se_patients", "se_replicates", "nu")
#: Values of the column ``role``.
PRIMARY, EXPLORATORY = "primary", "exploratory"
