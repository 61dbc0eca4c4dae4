"""Common parts of the steps of one subject: a report that is passed from step to step, and failures that do not stop
other subjects.

A report holds what every step so far has measured, and of a step that failed what it measured before. When a file
turns out to be unusable, a check fails or anything unforeseen happens, the step writes the reason into the report,
leaves empty what it has not written, and succeeds; later steps pass the report on. The step ``preprocessed`` turns the
last reports into the table of subjects, so no subject is lost. A step ends with an error only for problems that do not
concern the subject: a mistake in the configuration or set-up, or a full disk.
"""

import argparse
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from imbalance_aware.errors import UserError
from imbalance_aware.files import atomic, write_json
from imbalance_aware.nifti import read_volume
from imbalance_aware.system_errors import is_disk_full
from imbalance_aware.volumes import FORMS_MM, BadVolume, Placement, Volume, describe_grid

log = logging.getLogger(__name__)

Measures = dict[str, Any]
#: What a step does, given the measures of all steps so far and an empty mapping for its own.
Work = Callable[[dict[str, Measures], Measures], None]
#: Characters of an unforeseen error's message that the tables show; the log has all.
SHOWN = 300


class Failure(Exception):
    """This subject cannot be processed further; the message is ``criterion: detail`` as the table of subjects shows
    it."""

    def __init__(self, reason: str, file: Path | str = ""):
        super().__init__(reason)
        self.file = str(file)


def read_report(path: Path) -> dict[str, Any]:
    """A report that an earlier step wrote."""
    return json.loads(path.read_text(encoding="utf-8"))


def warnings_of(report: Mapping[str, Any]) -> list[str]:
    """Warnings that do not exclude the subject, one sentence each."""
    return [text for measures in report["steps"].values() for text in measures.get("warnings", [])]


def first_step(name: str, subject: str, report: Path, work: Callable[[Measures], None]) -> None:
    """Do ``work``, which fills in this step's measures, as the first step of ``subject``; write the report."""
    content: dict[str, Any] = {"subject": subject, "failed": None, "steps": {}}
    _do(name, content, work)
    write_json(report, content)


def next_step(name: str, previous: Path, report: Path, outputs: Sequence[Path], work: Work) -> None:
    """`next_steps` with one step; write the report."""
    write_json(report, next_steps(read_report(previous), outputs, {name: work}))


def next_steps(report: Mapping[str, Any], outputs: Sequence[Path], parts: Mapping[str, Work]) -> dict[str, Any]:
    """Do the steps ``parts`` one after the other, up to the first that fails; none if an earlier step failed.

    Args:
        report: of the step before.
        outputs: files that the steps write; on failure, those that they have not written are left empty.
        parts: name of a step -> what it does, given the measures so far (step -> measures) and an empty mapping that
            it fills with its own, each as soon as it is known: what was measured before a check failed is kept.

    Returns:
        The report with the measures of these steps, and the failure, if there is one.
    """
    report = {**report, "steps": dict(report["steps"])}
    for output in outputs:
        output.unlink(missing_ok=True)
    for name, work in parts.items():
        if not report["failed"]:
            _do(name, report, partial(work, report["steps"]))
    if report["failed"]:
        for output in outputs:
            if not output.exists():
                with atomic(output):
                    pass
    return report


def _do(name: str, content: dict[str, Any], work: Callable[[Measures], None]) -> None:
    """Do ``work`` and enter what it measured, or why it failed, into the report ``content``."""
    measures: Measures = {}
    try:
        work(measures)
    except UserError:
        raise
    except ImportError as error:
        raise UserError(f"the step {name} cannot load a package: {error}; install it and run the step again") from error
    except (Failure, BadVolume) as failure:
        log.warning("%s, %s: %s %s", content["subject"], name, failure, getattr(failure, "file", ""))
        content["failed"] = {"step": name, "reason": str(failure), "file": getattr(failure, "file", "")}
    except Exception as error:
        if is_disk_full(error):
            raise
        log.exception("%s, %s: unexpected", content["subject"], name)
        content["failed"] = {"step": name, "reason": _unexpected(name, error), "file": ""}
    if measures or not content["failed"]:
        content["steps"][name] = measures


def _unexpected(name: str, error: Exception) -> str:
    """The reason that the tables show for an unexpected error, in one line."""
    message = " ".join(str(error).split())[:SHOWN] or "no message"
    return f"unexpected: {type(error).__name__}: {message} (step {name})"


def read_all(paths: Mapping[str, Path]) -> dict[str, Volume]:
    """Every sequence, read and checked.

    Raises:
        Failure: naming the sequence and the file.
    """
    volumes = {}
    for name, path in paths.items():
        try:
            volumes[name] = read_volume(path)
        except BadVolume as bad:
            criterion, _, detail = str(bad).partition(": ")
            raise Failure(f"{criterion}: {name}{', ' + detail if detail else ''}", path) from None
    return volumes


def placement_warnings(name: str, path: Path, place: Placement) -> list[str]:
    """Warnings about the positions of voxels in a header, one sentence each; logged too.

    Sform and qform that are more than `FORMS_MM` apart, and a unit of length that is not mm.
    """
    found = []
    if place.unit:
        found.append(f"the header of {name} gives lengths in {place.unit}, which were converted to mm")
    if place.forms and place.sform_qform_mm is not None and place.sform_qform_mm > FORMS_MM:
        sform, qform = map(describe_grid, place.forms)
        found.append(
            f"sform and qform of {name} place its voxels up to {place.sform_qform_mm:.1f} mm apart, and the sform "
            f"was used (sform: {sform}, qform: {qform})"
        )
    for sentence in found:
        log.warning("%s: %s", path, sentence)
    return found


def named_paths(text: str) -> tuple[str, Path]:
    """Type of a command-line argument ``t1=path/to/t1.nii.gz``."""
    name, equals, path = text.partition("=")
    if not (name and equals and path):
        raise argparse.ArgumentTypeError(f"expected NAME=PATH, got {text}")
    return name, Path(path)
