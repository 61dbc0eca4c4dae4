"""The metrics of one run, ``metrics.json``, which the step `evaluate` writes with `imbalance_aware.files.write_json`.

It holds counts (``n`` of samples, ``n_groups``, ``classes``, ``test_subjects`` and ``test_groups`` of each class,
``confusion_matrix``), ``status``, and under the name of each metric a number, or null where it is undefined. Of a
cross-validation, ``folds`` holds number, status and test subjects of each. The same block after post-hoc logit
adjustment is under `POSTHOC`, those under the other decision rules that can be applied are under `DECISION_RULES`, that
after temperature scaling is under `TEMPERATURE_SCALING`. The metrics of the run's own training samples are under
`TRAINING_PART`, those of its validation part under `VALIDATION_PART`, where there are predictions of these. All of it
for groups is under `BY_GROUP`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from imbalance_aware.class_names import metric_of_class
from imbalance_aware.errors import UserError
from imbalance_aware.json_text import read_object_file
from imbalance_aware.metrics.catalogue import (
    COLLAPSED_FOLDS,
    FOLDS,
    TEMPERATURE,
    TEST_GROUPS,
    TEST_SUBJECTS,
    TRAINING,
    VALIDATION,
    metric_names,
)
from imbalance_aware.metrics.catalogue import POSTHOC as POSTHOC_PREFIX

CONTENT = "the metrics of a run"
POSTHOC = "posthoc_logit_adjustment"
DECISION_RULES = "decision_rules"
TEMPERATURE_SCALING = "temperature_scaling"
TRAINING_PART, VALIDATION_PART = "training", "validation"
#: Key of the same report for groups (patients) in the place of samples, where a group has more than one sample.
BY_GROUP = "by_group"


def read_run_metrics(path: Path) -> dict[str, Any]:
    """Content of the file.

    Raises:
        UserError: no such file, or not the metrics of a run.
    """
    return read_object_file(path, CONTENT)


def metric_values(path: Path) -> Iterator[tuple[str, str, float | None, str]]:
    """(unit, metric, value, status) of every metric of a run.

    Those after an adjustment, or of another part than the test, begin with its prefix (``posthoc_<metric>``,
    ``training_<metric>``, see `imbalance_aware.metrics.catalogue.ADJUSTMENTS`). The number of test subjects and groups
    of each class is there as ``test_subjects_<class>`` and ``test_groups_<class>``; of a cross-validation also how many
    ``folds`` and ``collapsed_folds`` it has. The unit is ``sample`` or ``group``; all of the latter follow those of the
    former.

    Raises:
        UserError: no such file, or not the metrics of a run.
    """
    report = read_run_metrics(path)
    try:
        for unit, block in {"sample": report, "group": report.get(BY_GROUP)}.items():
            yield from ((unit, *values) for values in (_values_of(block, report["classes"]) if block else ()))
    except (KeyError, AttributeError, TypeError) as error:
        raise UserError(f"{path}: not {CONTENT}: {error!r}") from None


def _values_of(report: dict[str, Any], classes: list[str]) -> Iterator[tuple[str, float | None, str]]:
    names = {*metric_names(classes)}
    for prefix, block in _blocks(report).items():
        yield from ((prefix + name, value, block["status"]) for name, value in block.items() if name in names)
    for count in (TEST_SUBJECTS, TEST_GROUPS):
        for name, value in report.get(count, {}).items():
            yield metric_of_class(count, name), value, report["status"]
    if folds := report.get("folds"):
        yield FOLDS, len(folds), report["status"]
        yield COLLAPSED_FOLDS, sum(fold["status"] == "collapsed" for fold in folds), report["status"]


def _blocks(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Prefix of the names of its metrics -> block of the report."""
    rules = {f"{rule}_": block for rule, block in report.get(DECISION_RULES, {}).items()}
    other = {
        POSTHOC_PREFIX: POSTHOC,
        TEMPERATURE: TEMPERATURE_SCALING,
        TRAINING: TRAINING_PART,
        VALIDATION: VALIDATION_PART,
    }
    return {"": report, **{prefix: report.get(key, {}) for prefix, key in other.items()}, **rules}
