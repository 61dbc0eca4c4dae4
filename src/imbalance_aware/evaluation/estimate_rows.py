"""An estimate as cells of a table: its intervals, variance parts and notes."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from imbalance_aware.statistics.estimates import Estimate
from imbalance_aware.statistics.intervals import Interval
from imbalance_aware.tables.frames import MODELS, NEW_DATA, PROCEDURE

#: What an interval of a metric of a wider range than any is cut to.
UNBOUNDED = (-np.inf, np.inf)


def cells(estimate: Estimate, bounds: tuple[float, float] = UNBOUNDED) -> dict[str, Any]:
    """Cells of `imbalance_aware.tables.frames.INTERVALS` and ``PARTS``, ``n_replicates`` and ``note``.

    Args:
        estimate: a value or a difference.
        bounds: the smallest and largest value that it can have.
    """
    parts = estimate.parts
    intervals: Mapping[str, Interval | None] = {
        MODELS: estimate.models,
        PROCEDURE: estimate.procedure,
        NEW_DATA: estimate.new_training_data,
    }
    found: dict[str, Any] = {"n_replicates": parts.replicates}
    for name, interval in intervals.items():
        if interval is not None:
            low, high = np.clip((interval.low, interval.high), *bounds)
            found |= {f"{name}_low": float(low), f"{name}_high": float(high)}
    return found | {
        "se_models": float(np.sqrt(parts.V)),
        "se_patients": float(np.sqrt(parts.B)),
        "se_replicates": float(np.sqrt(parts.T)),
        "nu": parts.nu,
        "note": note(estimate),
    }


def note(estimate: Estimate) -> str:
    """Why there is no interval, or all notes in one cell."""
    return "; ".join(
        said.rstrip(".") for said in ([estimate.not_estimable] if estimate.not_estimable else estimate.notes)
    )
