"""Conditions of made-up studies, as steps take them from the workflow."""

LOSSES = {"f1": "soft_f1", "mcc": "soft_mcc"}


def conditions(*names):
    """A row for each name: ``mcc-oversampling`` and so on; ``ce-weighted`` is sampled uniformly, with weights."""
    return [_row(name) for name in names]


def _row(name):
    losses, _, sampling = name.partition("-")
    weighted = sampling == "weighted"
    loss = "+".join(LOSSES.get(part, part) for part in losses.split("_"))
    return {
        "condition": name,
        "loss": loss,
        "sampling": "uniform" if weighted else sampling,
        "weighted": weighted,
    }
