"""What a cluster is asked for: few jobs, and more for each at the next attempt. No cluster is needed to plan it."""

import re
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow


def counted(checkout, *patients):
    """The table of benchmarks/count_submissions.py: name -> submissions, steps."""
    command = [sys.executable, checkout / "benchmarks/count_submissions.py", "--patients", *map(str, patients)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return rows(done.stdout)


def rows(text):
    found = re.findall(r"^\| \**([^|]+?)\** \|\s*\**(\d*)\**\s*\| \**(\d+)\** \|$", text, re.M)
    return {name: (int(submissions or 0), int(steps)) for name, submissions, steps in found}


def test_short_steps_of_the_papers_study_cost_no_submission_each(checkout):
    plan = counted(checkout, 3, 3, 3)
    assert plan["group subject"] == (9, 4 * 9), "one job for each patient"
    assert plan["group run"] == (60 + 60 + 12, 2 * 132), "a training with its metrics"
    submitted, _ = plan.pop("in all")
    (local,) = (name for name in plan if name.startswith("not submitted"))
    assert plan.pop(local)[1] > 100
    assert {"tables", "collect", "verdict", "ensemble", "evaluate_ensemble"} <= set(re.findall(r"\w+", local))
    others = {name: count for name, (count, _) in plan.items() if name not in ("group subject", "group run")}
    assert sum(others.values()) < 15, others

    page = rows((checkout / "docs/benchmarks.md").read_text())
    assert page["in all"][0] == submitted - 9 + 1174, "docs/benchmarks.md says what the command prints"


def test_the_next_attempt_asks_for_more(workflow):
    """As on a cluster, where each job starts Snakemake with the number of its attempt."""
    target = "results/runs/tiny/fundus_phantoms/ce-uniform/seed-0/metrics.json"

    def asked(attempt):
        profile = ["--profile", "workflow/profiles/slurm", "--attempt", str(attempt)]
        output = workflow.run(target, "--dry-run", "--quiet", "host", *profile).stdout
        return [
            (rule, int(memory), int(minutes))
            for rule, memory, minutes in re.findall(
                r"^ *(?:rule|checkpoint) (\w+):$.*?mem_mb=(\d+).*?runtime=(\d+)", output, re.M | re.S
            )
        ]

    first, third = asked(1), asked(3)
    assert {rule for rule, *_ in first} == {"phantoms", "cohort", "resize", "pack", "train", "evaluate"}
    assert third == [(rule, 3 * memory, 3 * minutes) for rule, memory, minutes in first]
