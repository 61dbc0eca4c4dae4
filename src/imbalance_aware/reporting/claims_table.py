"""The table of the paper's claims: published, recomputed from the runs, with intervals and a word."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from imbalance_aware.metrics.catalogue import named
from imbalance_aware.reporting.grid import MISSING, Cell, Grid, Panel, Row, number, without_repeats
from imbalance_aware.reporting.labels import readable
from imbalance_aware.reporting.notes import PAPER
from imbalance_aware.reporting.paper_checks import claim_note, condition_label
from imbalance_aware.reporting.table_catalogue import CLAIMS
from imbalance_aware.tables.claims import Claim, read_claim_estimates, read_claims

MEANING = (
    "Claims: relative improvement over the baseline, 100 (value / value of the baseline − 1). In brackets: 95 % "
    "intervals, for these models (other patients) and for this procedure (other patients and other seeds), not "
    "adjusted for the number of claims. The conclusion follows from the interval for this procedure. holds: above 0 "
    "and not below the published number. does not hold: below the published number, so that an improvement of that "
    "size is excluded, although a smaller one is possible. undecided: it contains 0 and is not below the published "
    "number, or there is no interval. All values refer to the data, networks and training of this study."
)
COLUMNS = ("Paper", "Obtained", "Baseline → condition", "Seeds", "95 %, these models", "95 %, this procedure", "")


def make_claims(estimates: Path, claims: Path, published: pd.DataFrame) -> tuple[Grid, pd.DataFrame]:
    """The table, ready to print, and the numbers behind it.

    Args:
        estimates: ``claim_estimates.csv``, from the step ``claims``.
        claims: the table of the paper's claims.
        published: from `read_published`, for what does not fit in the paper itself.

    Raises:
        UserError: a table is not there, or is another one.
    """
    known = {claim.name: claim for claim in read_claims(claims)}
    table = read_claim_estimates(estimates)
    stated = pd.DataFrame(
        [
            {"claim": claim.name, "section": claim.section, "text": claim.text, "dataset": claim.dataset}
            | {"condition": claim.condition, "baseline": claim.baseline, "published_percent": claim.percent}
            | {"paper_note": claim_note(published, claim)}
            for claim in known.values()
        ]
    )
    table = stated.merge(table, on="claim", how="left", validate="one_to_many")
    rows = table.to_dict("records")
    names = without_repeats([_labels(known[row["claim"]], row) for row in rows])
    lines = tuple(
        Row(label, _cells(row), rule=place > 0 and label[0] != "")
        for place, (label, row) in enumerate(zip(names, rows, strict=True))
    )
    panel = Panel(("Claim", "Data here"), COLUMNS, lines)
    notes = [MEANING, *_texts(known.values()), *_remarks(known, rows), *filter(None, stated["paper_note"])]
    return Grid(CLAIMS, f"The claims of {PAPER}, recomputed", (panel,), tuple(notes)), table


def _labels(claim: Claim, row: dict) -> tuple[str, str]:
    return _name(claim), readable(row["stand_in"]) if row["stand_in"] else MISSING


def _name(claim: Claim) -> str:
    what = named(claim.metric)
    metric = f"{what.metric.label} of {what.of_class}" if what.of_class else what.metric.label
    return f"{readable(claim.dataset)}: {metric}"


def _cells(row: dict) -> tuple[Cell, ...]:
    published = Cell(_percent(row["published_percent"]))
    if pd.isna(row["percent"]):
        return (published, *[Cell(MISSING)] * 5, Cell(row["word"], bold=True))
    return (
        published,
        Cell(_percent(row["percent"])),
        Cell(f"{number(row['baseline_value'], 3)} → {number(row['value'], 3)}"),
        Cell(str(row["n_seeds"])),
        *(Cell(_interval(row, name)) for name in ("models", "procedure")),
        Cell(row["word"], bold=True),
    )


def _percent(value: float) -> str:
    return f"{number(value, 1, signed=True)} %"


def _interval(row: dict, name: str) -> str:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    if pd.isna(low) or pd.isna(high):
        return MISSING
    return f"[{number(low, 1, signed=True)}, {number(high, 1, signed=True)}] %"


def _texts(claims: Iterable[Claim]) -> list[str]:
    """What each claim says, in full."""
    return [
        f"{_name(claim)} (section {claim.section}): {claim.text}, +{claim.percent:g} %; "
        f"{condition_label(claim.condition)} against {condition_label(claim.baseline)}."
        for claim in claims
    ]


def _remarks(known: Mapping[str, Claim], rows: Sequence[dict]) -> list[str]:
    """What is said beside each interval, and why there is none."""
    found: dict[str, list[str]] = {}
    for row in rows:
        if row["note"]:
            name, stand_in = _labels(known[row["claim"]], row)
            place = f"{name} ({stand_in})" if row["stand_in"] else name
            found.setdefault(row["note"].rstrip("."), []).append(place)
    return [f"{'; '.join(places)} – {note}." for note, places in found.items()]
