"""A study small enough for a test, and a copy of the workflow to run it in."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

#: A study small enough for a test: three conditions, one seed, two epochs on a few phantoms.
TINY = {
    "run": ["tiny"],
    "datasets": {"fundus_phantoms": {"adapter": "fundus_phantoms", "subjects": 40, "image_size": [24, 24]}},
    "studies": {
        "tiny": {
            "datasets": ["fundus_phantoms"],
            "conditions": "config/tiny.tsv",
            "seeds": [0],
            "model": {"blocks": [1, 1, 1, 1], "widths": [4, 4, 8, 8], "stem_kernel": 3, "stem_pool": False},
            "training": {"epochs": 2, "batch_size": 10, "device": "cpu"},
        }
    },
}
ROWS = {
    "ce-uniform": "ce\tuniform\tfalse\t{}",
    "ce_mcc-weighted": "ce+soft_mcc\tuniform\ttrue\t{}",
    "mcc-oversampling": "soft_mcc\toversampling\tfalse\t{}",
}


@dataclass
class Workflow:
    """A copy of the workflow in a folder of its own."""

    folder: Path

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run Snakemake there, with whatever configuration files the test has written as ``config/test.yaml``."""
        command = [sys.executable, "-m", "snakemake", "--cores", "2", *arguments, "--configfile", "config/test.yaml"]
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)
        if check and done.returncode:
            raise AssertionError(f"{' '.join(command)}\n{done.stdout}\n{done.stderr}")
        return done

    def configure(self, config: dict) -> None:
        (self.folder / "config/test.yaml").write_text(yaml.safe_dump(config, sort_keys=False))

    def conditions(self, rows: dict[str, str]) -> None:
        lines = ["condition\tloss\tsampling\tweighted\tkwargs", *(f"{name}\t{row}" for name, row in rows.items())]
        (self.folder / "config/tiny.tsv").write_text("\n".join(lines) + "\n")

    def planned(self, *arguments: str) -> set[str]:
        """Jobs that a run would start: "rule" or "rule condition"."""
        output = self.run(*arguments, "--dry-run", "--quiet", "host").stdout
        jobs, rule = set(), ""
        for line in map(str.strip, output.splitlines()):
            if line.startswith(("rule ", "localrule ", "checkpoint ")):
                rule = line.split()[1].rstrip(":")
                jobs.add(rule)
            elif line.startswith("wildcards:") and "condition=" in line:
                condition = line.partition("condition=")[2].partition(",")[0]
                jobs.discard(rule)
                jobs.add(f"{rule} {condition}")
        return jobs

    def jobs(self, *arguments: str) -> list[tuple[str, dict[str, str]]]:
        """Rule and wildcards of every job that a run would start."""
        output = self.run(*arguments, "--dry-run", "--quiet", "host").stdout
        jobs: list[tuple[str, dict[str, str]]] = []
        for line in map(str.strip, output.splitlines()):
            if line.startswith(("rule ", "localrule ", "checkpoint ")):
                jobs.append((line.split()[1].rstrip(":"), {}))
            elif line.startswith("wildcards:"):
                pairs = line.removeprefix("wildcards:").split(",")
                jobs[-1][1].update(pair.strip().split("=", 1) for pair in pairs)
        return jobs


def copied(checkout: Path, folder: Path) -> Workflow:
    """A copy of the workflow in an empty folder, with the tiny study as its configuration."""
    for name in ("Snakefile", "workflow", "config", "envs", "src", "resources"):
        source = checkout / name
        ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
        if source.is_dir():
            shutil.copytree(source, folder / name, symlinks=True, ignore=ignore)
        else:
            shutil.copy(source, folder / name)
    (folder / "profiles").symlink_to("workflow/profiles")
    copy = Workflow(folder)
    copy.configure(TINY)
    copy.conditions(ROWS)
    return copy
