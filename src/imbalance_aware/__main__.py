"""The command line: ``imbalance-aware STEP --help``, or ``python -m imbalance_aware STEP --help``."""

import argparse
import importlib
import io
import logging
import os
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from imbalance_aware import __version__
from imbalance_aware.errors import UserError
from imbalance_aware.reporting.figure_catalogue import FIGURES
from imbalance_aware.system_errors import WRONG_PATH, is_disk_full

#: Exit status of a step: done; an unexpected error; a mistake of the user; no space left on a disk (EX_IOERR of
#: sysexits.h). A cluster records the number even if no log can be written.
DONE, UNEXPECTED, MISTAKE, NO_SPACE = 0, 1, 2, 74

#: What all steps need; `pip install imbalance-aware` installs what the losses need.
EVERYTHING = "imbalance-aware[preprocess,strip,train,monai,analysis]"

#: The installed script (pyproject.toml).
SCRIPT = "imbalance-aware"
#: Interactive commands: name -> (module, what it does).
COMMANDS = {
    "plan": ("overview.plan", "resources of a study before it runs: jobs, hours, disk, memory; detectable difference"),
    "status": ("overview.status", "finished, running, missing and failed jobs, and the effects of a rerun"),
    "compare": ("overview.compare_results", "compare two results folders: bytes, probabilities, metrics"),
}
#: Commands, then steps in the order of the flow. A module is imported only when it runs.
STEPS = {
    **COMMANDS,
    "phantoms": ("phantoms.generate", "generate a phantom dataset"),
    "cohort": ("cohort.list_subjects", "list and check the samples of a source"),
    "resize": ("preprocessing.resize", "resize photographs to one size"),
    "atlas": ("preprocessing.atlas", "copy the brain atlas into the results"),
    "register": ("preprocessing.register", "register a subject's sequences to each other and to the atlas"),
    "strip": ("preprocessing.strip", "extract a subject's brain"),
    "mask": ("preprocessing.mask", "resample a subject's tumour mask to the atlas's grid"),
    "patch": ("preprocessing.patch", "create a subject's patch and its quality control picture"),
    "preprocessed": (
        "cohort.preprocessed",
        "list included and excluded subjects after preprocessing, with all measurements",
    ),
    "pack": ("preprocessing.pack", "pack all samples of a dataset into one array"),
    "folds": ("cohort.list_folds", "assign each sample to a part of each fold, for one repeat"),
    "augmentation_examples": ("reporting.augmentation_examples", "apply every augmentation to one training image"),
    "train": ("runs.train", "train one condition with one seed"),
    "bundle": ("runs.bundle", "pack everything needed to train a study on another machine into one file"),
    "train_bundle": ("runs.train_bundle", "train the runs of an unpacked bundle"),
    "predict": ("prediction.predict", "classify new images with a trained model"),
    "part_features": ("rivals.keep_features", "keep what a trained network makes of all samples of its run"),
    "rival": ("rivals.classify", "classify the test samples of a run by its features alone"),
    "pool": ("evaluation.pool", "pool the predictions of all folds of a cross-validation in one table"),
    "ensemble": ("evaluation.ensemble", "average the predictions of a condition's seeds"),
    "evaluate": ("evaluation.evaluate", "compute the metrics of one run from its predictions"),
    "collect": ("reporting.collect", "collect the metrics of all runs of a study"),
    "statistics": ("evaluation.compare", "compare and rank all conditions of a study, with intervals and tests"),
    "cohort_metrics": ("evaluation.by_cohort", "compute every metric on each cohort and subgroup, with intervals"),
    "failures": ("evaluation.failures", "list misclassified test subjects, and how confident the conditions are"),
    "claims": ("evaluation.claims", "recompute the paper's claims from the runs of a study"),
    "tables": ("reporting.tables", "write the tables of a study"),
    "explanations": ("reporting.explanations", "compute Grad-CAM maps of the best and the baseline condition"),
    "journal": ("journal.journal", "write reporting checklists and a methods section for a journal"),
    "verdict": ("reporting.verdict", "write the findings of a study and their certainty"),
    "report": ("report.page", "write the report of a study as one HTML file"),
    "html_table": ("reporting.html_table", "write a CSV table as a page for the report"),
    **{figure.step: (f"reporting.{figure.step}", figure.summary) for figure in FIGURES},
    "manual": ("manual", "write the manual of the configuration"),
}


def main(arguments: list[str] | None = None) -> int:
    """Run one step.

    Returns:
        `DONE`, or why not: `MISTAKE`, `NO_SPACE` or `UNEXPECTED`, with the reason on standard error.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(prog=_called(), description=__doc__.splitlines()[0])
    parser.add_argument("--version", action="version", version=__version__)
    steps = parser.add_subparsers(dest="step", metavar="STEP", required=True)
    for name, (_, summary) in STEPS.items():
        steps.add_parser(name, help=summary, add_help=False)
    step = parser.parse_known_args(arguments[:1])[0].step
    return explained(lambda: _run(step, f"{parser.prog} {step}", arguments[1:]))


def explained(work: Callable[[], None]) -> int:
    """Do the work of a step; if it fails, say why on standard error.

    Returns:
        as `main`.
    """
    try:
        work()
    except UserError as error:
        _say(f"error: {error}")
        return MISTAKE
    except Exception as error:
        return _explain(error)
    except SystemExit:  # stopped by a signal, with a status of its own
        _check_log()
        raise
    _check_log()
    return DONE


def _called() -> str:
    """What the user called: the script that is installed, or Python."""
    return SCRIPT if Path(sys.argv[0]).stem == SCRIPT else "python -m imbalance_aware"


def _run(step: str, name: str, arguments: list[str]) -> None:
    module = importlib.import_module(f"imbalance_aware.{STEPS[step][0]}")
    parser = argparse.ArgumentParser(
        prog=name, description=module.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    module.add_arguments(parser)
    start_logging()
    module.run(parser.parse_args(arguments))


def start_logging() -> None:
    """Write the messages of this process to standard error."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr)


def _explain(error: Exception) -> int:
    """Explain an error that is not a `UserError`; returns its status."""
    if is_disk_full(error):
        place = getattr(error, "filename", None) or "the disk"
        message = f"error: {place}: no space left to write to; free some and run again"
        _say(message)
        # On a network disk the log may stay empty although writing succeeded, so the reason goes to the terminal too.
        if not sys.stderr.isatty():
            with suppress(OSError):
                print(message, flush=True)
        return NO_SPACE
    if isinstance(error, OSError) and error.errno in WRONG_PATH and error.filename:
        _say(f"error: {error.filename}: {error.strerror}")
        return MISTAKE
    if isinstance(error, ModuleNotFoundError) and error.name and error.name.partition(".")[0] != "imbalance_aware":
        _say(f"error: the package {error.name} is not installed; all steps: pip install '{EVERYTHING}'")
        return MISTAKE
    _say("".join(traceback.format_exception(error)).rstrip())
    return UNEXPECTED


def _say(message: str) -> None:
    """Write to standard error; to standard output where that is impossible, such as a log on a full disk.

    Snakemake sends a step's standard error into its log, and leaves its standard output on the terminal.
    """
    try:
        print(message, file=sys.stderr, flush=True)
    except OSError:
        _drop_unwritten()
        with suppress(OSError):
            print(message, flush=True)


def _check_log() -> None:
    """Report if the log could not be written; a finished step stays finished."""
    try:
        sys.stderr.flush()
    except OSError as error:
        _drop_unwritten()
        with suppress(OSError):
            print(f"the log could not be written: {error.strerror}", flush=True)


def _drop_unwritten() -> None:
    """Discard what could not be written to standard error: another failure at exit would change the status."""
    with suppress(OSError, io.UnsupportedOperation), Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        os.dup2(nowhere.fileno(), sys.stderr.fileno())
        sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
