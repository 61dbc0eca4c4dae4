"""Resources that a study needs, before it runs: jobs, hours, disk, memory; and the detectable difference.

Jobs are those that Snakemake plans with the configuration. Hours come from benchmark files of finished jobs of the same
rule, study and dataset; with --time-step, those of training that has not run yet from a few real steps on made-up
images. What neither tells is called unknown.

With --samples or --test-images, only the detectable difference of that test set, as Markdown.
"""

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imbalance_aware.errors import UserError
from imbalance_aware.overview import detectable
from imbalance_aware.overview.durations import cores_here, hours_on
from imbalance_aware.overview.job_kinds import SHORT, UNKNOWN, Kind, kinds, place
from imbalance_aware.overview.known_samples import KnownDataset, known_dataset
from imbalance_aware.overview.space import finished_model_bytes, network_bytes
from imbalance_aware.overview.terminal import count, duration, heading, paragraph, size, table
from imbalance_aware.overview.timed_step import TimedStep, read_settings, time_step
from imbalance_aware.overview.workflow import Job, Planned, add_configuration, plan_jobs
from imbalance_aware.runs.run_config import read_config
from imbalance_aware.runs.run_folder import CONFIG
from imbalance_aware.statistics.planning import detectable_with

RUNS = Path("results/runs")


@dataclass(frozen=True)
class Cost:
    """What the jobs of one kind take.

    Attributes:
        kind: the jobs.
        seconds: of each; None if unknown.
        source: how that is known.
    """

    kind: Kind
    seconds: float | None
    source: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    add_configuration(parser)
    parser.add_argument(
        "--cores",
        type=int,
        nargs="+",
        help="numbers of cores for which hours are given (default: all of this machine)",
    )
    parser.add_argument("--gpus", type=int, default=0, help="number of GPUs, each with one job at a time (default: 0)")
    parser.add_argument(
        "--time-step",
        action="store_true",
        help="time a few steps of each training job without a benchmark file, and count the network's parameters",
    )
    given = parser.add_mutually_exclusive_group()
    given.add_argument(
        "--samples", type=Path, help="samples.csv of a dataset (created by snakemake …/DATASET/samples.csv)"
    )
    given.add_argument("--test-images", type=int, nargs="+", help="test images per class, one image per patient")
    detectable.add_assumptions(parser)


def run(args: argparse.Namespace) -> None:
    """Print the plan."""
    detectable.check_assumptions(args)
    if args.samples or args.test_images:
        tested = detectable.test_set(args.samples) if args.samples else detectable.of_counts(args.test_images)
        print("\n".join(detectable.differences(tested, args)))
        return
    cores = args.cores or [cores_here()]
    if min(cores) < 1 or args.gpus < 0:
        raise UserError("--cores: at least 1; --gpus: at least 0")
    planned = plan_jobs(args)
    print("\n".join(plan(planned, cores, args)))


def plan(planned: Planned, cores: Sequence[int], args: argparse.Namespace) -> list[str]:
    """Lines of the plan."""
    datasets = {name: known_dataset(name, planned.config.datasets[name]) for name in planned.datasets}
    costs = [_cost(kind, datasets, args.time_step) for kind in kinds(planned.jobs)]
    lines = _studies(planned)
    lines += jobs_table(planned, costs)
    lines += _hours(costs, cores, args)
    lines += _disk(planned, datasets, args.time_step)
    lines += memory_table(costs)
    return lines + _differences(planned, datasets, args)


def _studies(planned: Planned) -> list[str]:
    lines = []
    for name, study in planned.studies.items():
        of = [job for job in planned.jobs if job.trains and job.wildcards["study"] == name]
        left = sum(job.needed for job in of)
        lines += paragraph(
            f"Study {name}: {count(len(study.trained), 'condition')}{_rivals(study)}, "
            f"{count(len(study.settings.seeds), 'seed')}, on {', '.join(study.settings.datasets)}; "
            f"{count(len(of), 'training run')}, {left} to do"
        )
    return lines


def _rivals(study: Any) -> str:
    n = len(study.conditions) - len(study.trained)
    return f" and {count(n, 'rival')} of them" if n else ""


def jobs_table(planned: Planned, costs: Sequence[Cost]) -> list[str]:
    """Lines of the table of jobs."""
    rows = [
        [
            cost.kind.name,
            str(cost.kind.to_do),
            str(cost.kind.done),
            duration(cost.seconds) if cost.seconds is not None else "",
            duration(cost.seconds * cost.kind.to_do) if cost.seconds is not None and cost.kind.to_do else "",
            cost.source,
        ]
        for cost in costs
    ]
    total = ["all jobs", *(str(sum(getattr(cost.kind, of) for cost in costs)) for of in ("to_do", "done")), "", "", ""]
    lines = ["", *table(["jobs", ">to do", ">done", ">each", ">left", "from"], [*rows, total])]
    if not planned.all_listed:
        lines += paragraph(
            "Not counted: the jobs of each patient of a cohort that is not listed yet. To list it: snakemake --cores 1 "
            "results/datasets/DATASET/cohort.csv"
        )
    return lines


def _hours(costs: Sequence[Cost], cores: Sequence[int], args: argparse.Namespace) -> list[str]:
    left = [cost for cost in costs if cost.kind.to_do]
    known = [cost for cost in left if cost.seconds is not None]
    unknown = [cost for cost in left if cost.seconds is None and cost.kind.name != SHORT]
    lines = heading("Hours left")
    for number in cores:
        on_gpu = [cost for cost in known if cost.kind.gpu and args.gpus]
        hours = hours_on(number, _seconds(cost for cost in known if cost not in on_gpu))
        hours += hours_on(args.gpus, _seconds(on_gpu)) if on_gpu else 0
        where = count(number, "core") + (f" and {count(args.gpus, 'GPU')}" if args.gpus else "")
        lines += paragraph(f"On {where}: {duration(hours * 3600) if known or not left else UNKNOWN}", "  ")
    if unknown:
        lines += paragraph(f"Unknown, and not in it: {', '.join(cost.kind.name for cost in unknown)}.", "  ")
        if any(cost.kind.jobs[0].trains for cost in unknown) and not args.time_step:
            lines += paragraph("--time-step times a few steps of training, where the samples are known.", "  ")
    if short := sum(cost.kind.to_do for cost in left if cost.kind.name == SHORT):
        lines += paragraph(f"Not in it either: {count(short, 'short step')}, which no benchmark file measures.", "  ")
    return lines


def _seconds(costs: Iterable[Cost]) -> list[tuple[int, float]]:
    return [(cost.kind.to_do, cost.seconds) for cost in costs if cost.seconds is not None]


def _cost(kind: Kind, datasets: Mapping[str, KnownDataset], time_steps: bool) -> Cost:
    first = kind.jobs[0]
    if kind.measured:
        files = count(len(kind.measured.seconds), "benchmark file")
        device = f", {of}" if first.trains and (of := _device(RUNS / place(first.wildcards))) else ""
        return Cost(kind, kind.measured.typical_s, files + device)
    if kind.name == SHORT:
        return Cost(kind, None, "not measured")
    if first.trains and time_steps and kind.to_do:
        return _timed(kind, datasets[first.wildcards["dataset"]])
    return Cost(kind, None, UNKNOWN)


def _timed(kind: Kind, dataset: KnownDataset) -> Cost:
    if not dataset.train:
        return Cost(kind, None, "unknown: samples not listed")
    job = next(job for job in kind.jobs if job.needed)
    settings = read_settings(json.loads(job.params["settings"]))
    step: TimedStep = time_step(settings, dataset)
    seconds = step.of_run(dataset.train, settings.training.epochs)
    return Cost(kind, seconds, f"step of {duration(step.seconds)}, {step.device}")


def _device(folder: Path) -> str:
    """What a finished run of a study on a dataset was trained on; empty if there is none that says so."""
    path = next((path for depth in ("*/*", "*/*/*") for path in folder.glob(f"{depth}/{CONFIG}")), None)
    try:
        return str(read_config(path)["recorded"].get("device", "")) if path else ""
    except (UserError, OSError):
        return ""


def _disk(planned: Planned, datasets: Mapping[str, KnownDataset], time_steps: bool) -> list[str]:
    rows, total, unknown = [], 0, []
    for name, dataset in datasets.items():
        if not dataset.samples:
            unknown.append(f"images of {name}")
            continue
        # Patches of volumes are kept beside the array that holds them all.
        copies = 2 if planned.config.datasets[name].kind == "volumes" else 1
        of = copies * dataset.samples * dataset.image_bytes
        shape = " x ".join(map(str, dataset.shape))
        rows.append([f"{name}: {dataset.samples} images of {shape}, {dataset.dtype}", size(of)])
        total += of
    for study, jobs in _trainings(planned).items():
        dataset, each = datasets[jobs[0].wildcards["dataset"]], finished_model_bytes(RUNS / study)
        if each is None and time_steps and len(dataset.classes) > 1:
            each = network_bytes(read_settings(json.loads(jobs[0].params["settings"])), dataset)
        if each is None:
            unknown.append(f"{count(len(jobs), 'model')} of {study}")
            continue
        of = len(jobs) * each
        rows.append([f"{study}: {count(len(jobs), 'model')}", size(of)])
        total += of
    lines = heading("Disk, of all results")
    lines += table(["what", ">size"], [*rows, ["together", size(total)]]) if rows else []
    if unknown:
        lines += paragraph(f"Unknown, and not in it: {', '.join(unknown)}.", "  ")
        lines += paragraph(
            "Images are known when the cohort is listed; models after the first run, or with --time-step.", "  "
        )
    return lines


def _trainings(planned: Planned) -> dict[str, list[Job]]:
    """Training jobs by study and dataset."""
    found: dict[str, list[Job]] = {}
    for job in planned.jobs:
        if job.trains:
            found.setdefault(place(job.wildcards), []).append(job)
    return found


def memory_table(costs: Sequence[Cost]) -> list[str]:
    """Lines of the table of memory, measured and requested."""
    rows = []
    for cost in costs:
        used = cost.kind.measured.memory_mib if cost.kind.measured else ()
        if used or cost.kind.asked_mb:
            asked = size(cost.kind.asked_mb * 1e6) if cost.kind.asked_mb else "profile"
            rows.append([cost.kind.name, size(max(used) * 2**20) if used else UNKNOWN, asked])
    rows.sort(key=lambda row: row[0].startswith(SHORT))
    return [*heading("Memory of one job"), *table(["jobs", ">measured, largest", ">requested"], rows)]


def _differences(planned: Planned, datasets: Mapping[str, KnownDataset], args: argparse.Namespace) -> list[str]:
    rows = []
    for study, of in planned.studies.items():
        seeds = len(of.settings.seeds)
        for name in of.settings.datasets:
            tested, about = datasets[name].test, f"{study}/{name}"
            if datasets[name].table is None or not all(tested.images.values()):
                rows.append([about, str(seeds), "", UNKNOWN])
                continue
            found = detectable_with(detectable.standard_error(tested, seeds, args), args.power)
            counts = ", ".join(f"{label} {number}" for label, number in tested.images.items())
            rows.append([about, str(seeds), counts, f"{found:.3f}"])
    lines = heading("Smallest difference in balanced accuracy that it could show")
    lines += table(["study/dataset", ">seeds", "test images", ">difference"], rows)
    return lines + paragraph(
        f"With a power of {args.power:g}, for one comparison declared beforehand, if two runs differ on "
        f"{args.discordance:g} of the images; `plan --samples` shows all assumptions and other numbers of seeds."
    )
