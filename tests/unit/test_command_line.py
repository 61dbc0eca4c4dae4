"""The command line: what a person reads when something goes wrong."""

import ast
import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from imbalance_aware import __main__
from imbalance_aware.provenance import module_path

SENTENCE = "error: results/metrics.json: no space left to write to; free some and run again\n"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_one_sentence(monkeypatch, capsys, number):
    class Step:
        """A step that cannot write."""

        add_arguments = staticmethod(lambda parser: None)

        @staticmethod
        def run(args):
            raise OSError(number, "full", "results/metrics.json")

    monkeypatch.setattr(__main__.importlib, "import_module", lambda name: Step)
    assert __main__.main(["evaluate"]) == __main__.NO_SPACE
    assert capsys.readouterr() == (SENTENCE, SENTENCE), "in the log, and where Snakemake runs"


#: What a step meets -> its status, and what is said of it.
FAILURES = {
    "UserError('no such dataset')": (2, "error: no such dataset\n"),
    "OSError(28, 'full', 'results/metrics.json')": (74, SENTENCE),
    "OSError(13, 'Permission denied', 'results')": (2, "error: results: Permission denied\n"),
    "ZeroDivisionError('a defect')": (1, "ZeroDivisionError: a defect\n"),
}
STEP = """
import logging, sys, types
from imbalance_aware import __main__
from imbalance_aware.provenance import module_path
from imbalance_aware.errors import UserError

def run(args):
    logging.getLogger("step").info("words that find no room in the log")
    {act}

step = types.SimpleNamespace(add_arguments=lambda parser: None, run=run, __doc__="")
__main__.importlib = types.SimpleNamespace(import_module=lambda name: step)
sys.exit(__main__.main(["evaluate"]))
"""


def run_step(act, log):
    """A process whose step does ``act``, with ``log`` as its standard error."""
    # Without a buffer, as in some containers, nothing waits to be written.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    command = [sys.executable, "-c", STEP.format(act=act)]
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment)


needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, which Linux has")


@needs_full
@pytest.mark.parametrize("failure", FAILURES)
def test_where_the_log_cannot_be_written_the_reason_is_seen_on_standard_output(failure):
    status, message = FAILURES[failure]
    with Path("/dev/full").open("w") as log:
        done = run_step(f"raise {failure}", log)
    assert done.stdout.startswith("error: " if status != 1 else "Traceback")
    assert message in done.stdout
    assert done.returncode == status, "what could not be written to the log does not change the status"


@needs_full
@pytest.mark.parametrize(("act", "status"), [("pass", 0), ("raise SystemExit(143)", 143)])
def test_a_step_that_is_done_or_stopped_stays_so_though_its_log_is_lost(act, status):
    with Path("/dev/full").open("w") as log:
        done = run_step(act, log)
    assert (done.returncode, done.stdout) == (status, "the log could not be written: No space left on device\n")


@pytest.mark.parametrize("failure", FAILURES)
def test_with_a_log_each_reason_is_in_it(failure, tmp_path):
    status, message = FAILURES[failure]
    with (tmp_path / "log").open("w") as log:
        done = run_step(f"raise {failure}", log)
    assert done.returncode == status
    assert (tmp_path / "log").read_text().count(message) == 1
    assert done.stdout == (message if status == 74 else "")


def test_other_errors_of_the_system_keep_their_traceback(monkeypatch, capsys):
    class Step:
        """A step with a defect."""

        add_arguments = staticmethod(lambda parser: None)

        @staticmethod
        def run(args):
            raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(__main__.importlib, "import_module", lambda name: Step)
    assert __main__.main(["evaluate"]) == __main__.UNEXPECTED
    assert "Traceback" in (told := capsys.readouterr().err) and "broken" in told


@pytest.mark.parametrize("step", __main__.STEPS)
def test_what_a_step_takes_and_does_is_documented(step):
    """Its module, `add_arguments` and `run` have a docstring."""
    module = ast.parse(module_path(__main__.STEPS[step][0]).read_text(encoding="utf-8"))
    functions = {node.name: ast.get_docstring(node) for node in module.body if isinstance(node, ast.FunctionDef)}
    assert ast.get_docstring(module)
    assert functions["add_arguments"]
    assert functions["run"]
