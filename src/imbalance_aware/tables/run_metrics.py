"""The metrics of one run, ``metrics.json``, which the step `evaluate` writes with `imbalance_aware.files.write_json`.

It holds counts (``n``, ``classes``, ``test_subjects``, ``confusion_matrix``), ``status``, and under the name of each
metric a number, or null where it is undefined. The same block after post-hoc logit adjustment is under `POSTHOC`.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from imbalance_aware.class_names import metric_of_class
from imbalance_aware.errors import UserError
from imbalance_aware.metrics.catalogue import POSTHOC as POSTHOC_PREFIX
from imbalance_aware.metrics.catalogue import TEST_SUBJECTS, metric_names

POSTHOC = "posthoc_logit_adjustment"


def read_run_metrics(path: Path) -> dict[str, Any]:
    """Content of the file.

    Raises:
        UserError: no such file, or not the metrics of a run.
    """
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except ValueError as error:
        raise UserError(f"{path}: not the metrics of a run: {error!r}") from None
    if not isinstance(report, dict):
        raise UserError(f"{path}: not the metrics of a run: it holds a {type(report).__name__}")
    return report


def metric_values(path: Path) -> Iterator[tuple[str, float | None, str]]:
    """(metric, value, status) of every metric of a run, those after logit adjustment as ``posthoc_<metric>``, and of
    the number of test subjects of each class, as ``test_subjects_<class>``.

    Raises:
        UserError: no such file, or not the metrics of a run.
    """
    report = read_run_metrics(path)
    try:
        names = {*metric_names(report["classes"])}
        for prefix, block in {"": report, POSTHOC_PREFIX: report.get(POSTHOC, {})}.items():
            yield from ((prefix + name, value, block["status"]) for name, value in block.items() if name in names)
        for name, count in report.get(TEST_SUBJECTS, {}).items():
            yield metric_of_class(TEST_SUBJECTS, name), count, report["status"]
    except (KeyError, AttributeError, TypeError) as error:
        raise UserError(f"{path}: not the metrics of a run: {error!r}") from None
