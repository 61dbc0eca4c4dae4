"""State of a study: done, running, missing and failed jobs, with reasons and logs; times; effects of a rerun.

Nothing is started or written. Which jobs a rerun would start, and why, is what Snakemake plans with this configuration.
"""

import argparse
import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from imbalance_aware.overview.durations import cores_here, hours_on
from imbalance_aware.overview.job_kinds import SHORT, kinds, place
from imbalance_aware.overview.known_samples import COHORTS, cohort_table
from imbalance_aware.overview.logs import failure
from imbalance_aware.overview.run_states import (
    DONE,
    FAILED,
    INTERRUPTED,
    RUNNING,
    STATES,
    RunState,
    folder_of,
    run_states,
)
from imbalance_aware.overview.subjects import filled
from imbalance_aware.overview.terminal import count, duration, heading, paragraph, table
from imbalance_aware.overview.workflow import AFTER_OTHERS, Job, Planned, add_configuration, plan_jobs
from imbalance_aware.runs.run_folder import CONFIG
from imbalance_aware.tables.cohort import COLUMNS, CONTENT, included_subjects
from imbalance_aware.tables.csv_text import read_rows

DATASETS = Path("results/datasets")
#: Table of a cohort that is refused.
REFUSED = "cohort_refused.csv"
#: Reasons of Snakemake -> what they mean here.
REASONS = {
    "output files have to be generated": "files are missing",
    "incomplete output files": "it was killed while it wrote files",
    "updated input files": "an input is newer",
    "set of input files has changed since last execution": "the list of inputs changed",
    "code has changed since last execution": "the command of its rule changed",
    "params have changed since last execution": "settings or code changed",
    "software environment definition has changed since last execution": "the conda environment changed",
    AFTER_OTHERS: "a step before it runs again",
}
#: Longer lists are cut, and the rest is counted.
SHOWN = 12


@dataclass(frozen=True)
class Failure:
    """A job that ended with an error and has not succeeded since.

    Attributes:
        name: rule and what it was for.
        reason: last error of its log.
        log: that log.
    """

    name: str
    reason: str
    log: Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    add_configuration(parser)
    parser.add_argument("--all", action="store_true", help="show complete lists instead of their first entries")


def run(args: argparse.Namespace) -> None:
    """Print the status."""
    print("\n".join(status(plan_jobs(args), None if args.all else SHOWN)))


def status(planned: Planned, shown: int | None = SHOWN) -> list[str]:
    """Lines of the status.

    Args:
        planned: the jobs.
        shown: how much of each list; None: all of it.
    """
    states = run_states(planned.jobs)
    lines = _runs(states)
    if planned.locked:
        lines += paragraph("Snakemake is working in this folder, or was killed while it did.")
    for state, title in ((RUNNING, "Running"), (INTERRUPTED, "Interrupted; a rerun continues them")):
        entries = [[f"{run.name}: {run.detail}"] for run in states if run.state == state]
        lines += _list(title, entries, shown)
    failed = [[f"{one.name}: {one.reason}", str(one.log)] for one in failures(planned, states)]
    lines += _list("Failed", failed, shown)
    lines += _list("Cohorts", [*_cohorts(planned)], None)
    return [*lines, *_times(states), *_rerun(planned)]


def failures(planned: Planned, states: Sequence[RunState]) -> list[Failure]:
    """Jobs whose outputs are missing and whose logs end with an error; of subjects, each by itself."""
    found = [
        Failure(f"{run.job.rule} {run.name}", run.detail, run.job.log)
        for run in states
        if run.state == FAILED and run.job.log
    ]
    for job in planned.jobs:
        by_itself = not job.trains and "subject" not in job.wildcards
        if by_itself and job.needed and job.missing and job.log and (why := failure(job.log)):
            found.append(Failure(f"{job.rule} {'/'.join(job.wildcards.values())}", why, job.log))
    return [*found, *_failures_of_subjects(planned)]


def _failures_of_subjects(planned: Planned) -> Iterator[Failure]:
    for dataset in planned.datasets:
        table = DATASETS / dataset / COHORTS[-1]
        if planned.config.datasets[dataset].kind != "volumes" or not table.is_file():
            continue
        for subject in included_subjects(table):  # thousands of files: `os.path` is faster than `Path`
            for rule in planned.subject_rules:
                log = filled(rule.log, dataset, subject)
                made = (os.path.exists(filled(output, dataset, subject)) for output in rule.outputs)  # noqa: PTH110
                if os.path.exists(log) and not all(made) and (why := failure(Path(log))):  # noqa: PTH110
                    yield Failure(f"{rule.name} {dataset}/{subject}", why, Path(log))


def _runs(states: Sequence[RunState]) -> list[str]:
    of: dict[str, Counter[str]] = {}
    for run in states:
        of.setdefault(place(run.job.wildcards), Counter())[run.state] += 1
    head = ["training runs", *(f">{state}" for state in STATES)]
    rows = [[name, *(str(counts[state]) for state in STATES)] for name, counts in of.items()]
    together = Counter(run.state for run in states)
    if len(rows) > 1:
        rows.append(["together", *(str(together[state]) for state in STATES)])
    return table(head, rows)


def _list(title: str, entries: Sequence[Sequence[str]], shown: int | None) -> list[str]:
    """A heading and entries: each a sentence, and below it paths, which are never broken."""
    if not entries:
        return []
    lines = heading(f"{title}:")
    for sentence, *paths in entries[:shown]:
        lines += [*paragraph(sentence, "  "), *(f"    {path}" for path in paths)]
    if shown is not None and len(entries) > shown:
        lines += paragraph(f"… and {len(entries) - shown} more; --all shows them", "  ")
    return lines


def _cohorts(planned: Planned) -> Iterator[list[str]]:
    """Of each dataset: how many were found and are in, and why others are not."""
    for dataset in planned.datasets:
        folder = DATASETS / dataset
        if (refused := folder / REFUSED).is_file():
            yield [f"{dataset}: refused; every subject with its reason:", str(refused)]
        table = cohort_table(folder)
        if table is None:
            yield [f"{dataset}: not listed yet"]
            continue
        reasons = [row["excluded"] for _, row in read_rows(table, CONTENT, COLUMNS)[1]]
        why = Counter(filter(None, reasons))
        yield [f"{dataset}: {len(reasons)} found, {len(reasons) - why.total()} included, {why.total()} excluded"]
        for reason, number in why.most_common(3):
            yield [f"  {number} x {reason}"]
        if len(why) > 3:
            yield [f"  {why.total() - sum(n for _, n in why.most_common(3))} for other reasons, in", str(table)]


def _times(states: Sequence[RunState]) -> list[str]:
    rows = []
    for kind in kinds(run.job for run in states):
        if kind.measured:
            total = sum(kind.measured.seconds)
            rows.append(
                [kind.name, duration(kind.measured.typical_s), duration(max(kind.measured.seconds)), duration(total)]
            )
    lines = (
        [*heading("Times of training runs:"), *table(["runs", ">median", ">longest", ">together"], rows)]
        if rows
        else []
    )
    finished = [(folder_of(run.job) / CONFIG).stat().st_mtime for run in states if run.state == DONE]
    if finished:
        last = time.strftime("%Y-%m-%d %H:%M", time.localtime(max(finished)))
        lines += paragraph(f"The last training run ended at {last}.")
    return lines


def _rerun(planned: Planned) -> list[str]:
    needed = [job for job in planned.jobs if job.needed]
    if not needed:
        return ["", "A rerun would do nothing: all results are there and up to date."]
    runs = [job for job in needed if job.trains]
    others = Counter(job.rule for job in needed if not job.trains for _ in range(job.jobs))
    lines = heading(f"A rerun would train {count(len(runs), 'run')} and run {count(others.total(), 'other job')}.")
    lines += _because("training", runs)
    if others:
        lines += _because("others", [job for job in needed if not job.trains and job.own_reason])
        listed = ", ".join(f"{rule} {number}" for rule, number in others.most_common(SHOWN))
        lines += paragraph(f"Most jobs: {listed}", "  ")
    seconds = [(kind.to_do, kind.measured.typical_s) for kind in kinds(needed) if kind.measured]
    unmeasured = sum(kind.to_do for kind in kinds(needed) if not kind.measured and kind.name != SHORT)
    if seconds:
        cores = cores_here()
        about = f"About {duration(3600 * hours_on(cores, seconds))} on {count(cores, 'core')}"
        lines += paragraph(
            about + (f", without {count(unmeasured, 'job')} not measured yet" if unmeasured else ""), "  "
        )
    return lines


def _because(what: str, jobs: Iterable[Job]) -> list[str]:
    why: Counter[str] = Counter()
    for job in jobs:
        own = [reason for reason in job.reasons if reason != AFTER_OTHERS] or [*job.reasons]
        why["; ".join(REASONS.get(reason, reason) for reason in own)] += job.jobs
    return [
        line for reason, number in why.most_common() for line in paragraph(f"{what}: {number}, because {reason}", "  ")
    ]
