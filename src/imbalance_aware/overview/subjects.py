"""One subject in the place of all that are in the same state, so that a cohort of a thousand is planned in seconds.

Two subjects are in the same state if each step has made all its outputs for both or for neither, these are newer than
what they are made of for both or for neither, and Snakemake's record of the step has the same settings and code. What a
rerun does with one of them, it then does with the other.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

State = tuple[Any, ...]


@dataclass(frozen=True)
class SubjectRule:
    """A rule with a job for each subject; ``{dataset}`` and ``{subject}`` are open in its patterns.

    Attributes:
        name: of the rule.
        inputs: patterns of those that are named in the rule; those that a function gives are the subject's scans.
        outputs: patterns of all.
        log: pattern of its log.
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    log: str

    @classmethod
    def of(cls, rule: Any) -> "SubjectRule":
        """From Snakemake's rule."""
        from snakemake.io import strip_wildcard_constraints

        named = [str(pattern) for pattern in rule.input if not callable(pattern)]
        log = strip_wildcard_constraints(str(rule.log[0]))
        inputs, outputs = (tuple(map(strip_wildcard_constraints, map(str, of))) for of in (named, rule.output))
        return cls(rule.name, inputs, outputs, log)


class Alike:
    """Which subject of each dataset represents which others; put into the workflow before its jobs are planned.

    Attributes:
        rules: those that have a job for each subject, in the order of the flow.
        used: datasets of volumes in the studies that are to run.
        listed: of them, those whose cohort is listed, and so the subjects known.
    """

    def __init__(self, workflow: Any) -> None:
        """Take the place of the function that tells the workflow who is in a cohort (``rules/subjects.smk``)."""
        self.workflow = workflow
        self.rules = [SubjectRule.of(rule) for rule in workflow.rules if "subject" in rule.wildcard_names]
        names = workflow.globals
        config, studies = names["CONFIG"], names["STUDIES"]
        datasets = {dataset for study in config.run for dataset in studies[study].settings.datasets}
        self.used = {name for name in datasets if config.datasets[name].kind == "volumes"}
        self.listed: dict[str, dict[str, int]] = {}
        self._included = names["included_rows"]
        self._rows: dict[str, dict[str, dict[str, str]]] = {}
        names["included_rows"] = self._representatives

    def represented(self, wildcards: Mapping[str, str]) -> int:
        """How many jobs one with these wildcards represents."""
        if "subject" not in wildcards:
            return 1
        return self.listed[wildcards["dataset"]][wildcards["subject"]]

    def _representatives(self, table: str, written: int) -> dict[str, dict[str, str]]:
        dataset = Path(table).parent.name
        if dataset not in self.listed:
            rows = self._included(table, written)
            members: dict[State, list[str]] = {}
            for subject, row in rows.items():
                members.setdefault(self._state(dataset, subject, row), []).append(subject)
            self.listed[dataset] = {subjects[0]: len(subjects) for subjects in members.values()}
            self._rows[dataset] = {subject: rows[subject] for subject in self.listed[dataset]}
        return self._rows[dataset]

    def _state(self, dataset: str, subject: str, row: Mapping[str, str]) -> State:
        settings = self.workflow.globals["CONFIG"].datasets[dataset]
        newest = _newest(row[name] for name in (*settings.sequences, "mask") if row.get(name))
        state: list[Any] = []
        for rule in self.rules:
            outputs = [filled(pattern, dataset, subject) for pattern in rule.outputs]
            shared = [filled(pattern, dataset, subject) for pattern in rule.inputs]
            times = [time for path in outputs if (time := _written(path)) is not None]
            made = len(times) == len(outputs)
            newest = max(newest, _newest(shared))
            state.append((made, made and min(times) >= newest))
            if made:
                newest = max(newest, *times)
                state.append(self._recorded(outputs[0], row))
        return (row.get("start"), *state)

    def _recorded(self, output: str, row: Mapping[str, str]) -> State:
        """The params that made an output, without what names the subject and its files."""
        from snakemake.io import IOFile

        record = self.workflow.persistence.metadata(IOFile(output))
        texts = [str(value) for value in (record and record.params) or ()]
        own = sorted((value for value in row.values() if value), key=len, reverse=True)
        for index, text in enumerate(texts):
            for value in own:
                text = text.replace(value, "")
            texts[index] = text
        return (record and record.code, bool(record and record.incomplete), *texts)


def filled(pattern: str, dataset: str, subject: str) -> str:
    """The file of a subject."""
    return pattern.replace("{dataset}", dataset).replace("{subject}", subject)


def _written(path: str) -> int | None:
    try:
        return os.stat(path).st_mtime_ns  # noqa: PTH116 - thousands of files
    except OSError:
        return None


def _newest(paths: Iterable[str]) -> int:
    return max((_written(path) or 0 for path in paths), default=0)
