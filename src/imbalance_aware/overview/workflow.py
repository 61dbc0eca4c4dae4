"""The jobs of the workflow as Snakemake plans them: its own rules, on the files that are there, without running any.

This is a dry run inside this process. Of volumes, one subject represents all that are in the same state (see
`imbalance_aware.overview.subjects`): with 1174 patients that takes a quarter of the time of a dry run with all of them.
"""

import argparse
import gc
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imbalance_aware.config import CHECKOUT, Config, Study
from imbalance_aware.errors import UserError
from imbalance_aware.overview.subjects import Alike, SubjectRule

#: Where Snakemake looks for a workflow in the working directory.
SNAKEFILES = ("Snakefile", "workflow/Snakefile")
#: Rules that train; of a cross-validated dataset the second.
TRAIN = ("train", "train_fold")


@dataclass(frozen=True)
class Job:
    """A job, or several of the same kind on subjects in the same state.

    Attributes:
        rule: its name.
        wildcards: name -> value.
        jobs: how many it represents.
        needed: whether a run would start it now.
        reasons: why, in Snakemake's words; empty if it is not needed.
        own_reason: whether one of the reasons is its own, not that a job before it runs.
        outputs: files that it makes.
        missing: those that are not there.
        log: its log.
        benchmarks: pattern of the benchmark files of jobs of the same rule, study and dataset; empty if it has none.
        memory_mb: what it requests; None if its rule leaves that to the profile.
        gpu: whether it asks for a GPU.
        params: name -> value; only of jobs that train.
    """

    rule: str
    wildcards: Mapping[str, str]
    jobs: int
    needed: bool
    reasons: tuple[str, ...]
    own_reason: bool
    outputs: tuple[Path, ...]
    missing: tuple[Path, ...]
    log: Path | None
    benchmarks: str
    memory_mb: int | None
    gpu: bool
    params: Mapping[str, Any]

    @property
    def trains(self) -> bool:
        """Whether it trains a network."""
        return self.rule in TRAIN


@dataclass(frozen=True)
class Planned:
    """The workflow with one configuration.

    Attributes:
        config: as merged and checked.
        studies: those to run, by name.
        jobs: all that their results need, done or not.
        all_listed: whether the subjects of all datasets of volumes are known, so that the jobs are complete.
        subject_rules: those that have a job for each subject.
        locked: whether a Snakemake works here, or was killed while it did.
    """

    config: Config
    studies: Mapping[str, Study]
    jobs: tuple[Job, ...]
    all_listed: bool
    subject_rules: tuple[SubjectRule, ...]
    locked: bool

    @property
    def datasets(self) -> list[str]:
        """Names of the datasets of these studies, each once."""
        return [*dict.fromkeys(name for study in self.studies.values() for name in study.settings.datasets)]


def add_configuration(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments that name the configuration, as Snakemake calls them."""
    parser.add_argument("--configfile", type=Path, nargs="+", default=[], help="files merged over config/config.yaml")
    parser.add_argument("--config", nargs="+", default=[], metavar="KEY=VALUE", help="values that override all files")


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without collecting garbage, of which importing and planning make hardly any: it takes a quarter of the time."""
    collected = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collected:
            gc.enable()


@_uncollected()
def plan_jobs(args: argparse.Namespace) -> Planned:
    """Plan the jobs of the studies that the configuration runs.

    Args:
        args: with ``configfile`` and ``config``.

    Raises:
        UserError: Snakemake or the workflow is not there, or refuses the configuration or the files.
    """
    for path in args.configfile:
        if not path.is_file():
            raise UserError(f"{path}: no such configuration file")
    try:
        from snakemake.api import SnakemakeApi
        from snakemake.cli import parse_config
        from snakemake.exceptions import WorkflowError
        from snakemake.settings import types
    except ImportError:
        raise UserError(
            "this command needs Snakemake, which is not installed in this environment (pip install "
            "'imbalance-aware[workflow]', or `make install` in the checkout)"
        ) from None
    # With exactly this, a dry run ends when the jobs are planned.
    quiet = {types.Quietness.RULES, types.Quietness.PROGRESS}
    with _silent(), _explained(WorkflowError), SnakemakeApi(types.OutputSettings(quiet=quiet)) as api:
        workflow_api = api.workflow(
            resource_settings=types.ResourceSettings(cores=1),
            config_settings=types.ConfigSettings(
                config=parse_config(args.config), configfiles=args.configfile, config_args=args.config
            ),
            snakefile=_snakefile(),
        )
        workflow = workflow_api._workflow
        alike = Alike(workflow)
        triggers = types.DAGSettings().rerun_triggers
        if alike.used:  # a part of the subjects is no other set of inputs
            triggers = frozenset(triggers) - {types.RerunTrigger.INPUT}
        dag_api = workflow_api.dag(types.DAGSettings(force_incomplete=True, rerun_triggers=triggers))
        # Without a lock: a study may be running here.
        dag_api.execute_workflow(executor="dryrun", execution_settings=types.ExecutionSettings(lock=False))
        return _planned(workflow, alike)


def _planned(workflow: Any, alike: Alike) -> Planned:
    config, studies = workflow.globals["CONFIG"], workflow.globals["STUDIES"]
    needed = {*workflow.dag.needrun_jobs()}
    order = {rule.name: number for number, rule in enumerate(workflow.rules)}
    planned = [job for job in workflow.dag.jobs if job.output]  # the others only collect targets
    planned.sort(key=lambda job: (order[job.rule.name], *map(str, job.output)))
    asked: dict[tuple[str, ...], Any] = {}
    jobs = [_job(workflow.dag, job, job in needed, alike, asked) for job in planned]
    return Planned(
        config,
        {name: studies[name] for name in config.run},
        tuple(jobs),
        all_listed=alike.used <= {*alike.listed},
        subject_rules=tuple(alike.rules),
        locked=any(Path(workflow.persistence.path, "locks").glob("*.lock")),
    )


def _job(dag: Any, job: Any, needed: bool, alike: Alike, asked: dict[tuple[str, ...], Any]) -> Job:
    """A job of Snakemake; ``asked`` keeps the resources of each rule, study and dataset, which take long to get."""
    reason = dag.reason(job)
    wildcards = dict(job.wildcards_dict)
    kind = (job.rule.name, wildcards.get("study", ""), wildcards.get("dataset", ""))
    if kind not in asked:
        asked[kind] = job.resources
    names = tuple(reason.get_names()) if needed else ()
    outputs = tuple(Path(str(path)) for path in job.output)
    trains = job.rule.name in TRAIN
    return Job(
        rule=job.rule.name,
        wildcards=wildcards,
        jobs=alike.represented(wildcards),
        needed=needed,
        reasons=names,
        own_reason=any(name != AFTER_OTHERS for name in names),
        outputs=outputs,
        missing=tuple(path for path in outputs if not path.exists()),
        log=Path(str(job.log[0])) if job.log else None,
        benchmarks=_benchmarks(job.rule.benchmark, wildcards) if job.rule.benchmark else "",
        memory_mb=asked[kind].get("mem_mb"),
        gpu=bool(asked[kind].get("gpu", 0)),
        params={name: job.params[name] for name in ("settings",)} if trains else {},
    )


#: What Snakemake says of a job that runs only because one before it does.
AFTER_OTHERS = "input files updated by another job"


def _benchmarks(pattern: Any, wildcards: Mapping[str, str]) -> str:
    """The rule's benchmark files for this study and dataset, whatever the other wildcards are."""
    from snakemake.io import get_wildcard_names, strip_wildcard_constraints

    text = strip_wildcard_constraints(str(pattern))
    for name in get_wildcard_names(text):
        value = wildcards[name] if name in ("study", "dataset") else "*"
        text = text.replace(f"{{{name}}}", value)
    return text


def _snakefile() -> Path:
    """That of the working directory, as Snakemake takes it, else of the checkout that this package is in."""
    places = [*map(Path, SNAKEFILES), CHECKOUT / SNAKEFILES[0]]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise UserError(
            f"no workflow: neither {' nor '.join(SNAKEFILES)} is here. Change to the folder of the checkout"
        )
    return found


@contextmanager
def _silent() -> Iterator[None]:
    """Snakemake says what it does on standard error; here the plan is all that is wanted."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


@contextmanager
def _explained(refusal: type[Exception]) -> Iterator[None]:
    """What ends Snakemake, as a `UserError`: the workflow's own messages, and Snakemake's."""
    try:
        yield
    except SystemExit as stop:
        if not isinstance(stop.code, str):
            raise
        raise UserError(stop.code.removeprefix("error: ")) from None
    except refusal as error:
        raise UserError(f"Snakemake cannot plan this: {error}") from None
