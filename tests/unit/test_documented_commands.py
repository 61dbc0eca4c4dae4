"""Commands of the documentation do what it says they do."""

import os
import re
import shlex
import subprocess

import pytest

from imbalance_aware.__main__ import STEPS

OPTIONS = {
    "--configfile": re.compile(r".+\.(yaml|yml|json)"),
    "--configfiles": re.compile(r".+\.(yaml|yml|json)"),
    "--config": re.compile(r"[A-Za-z_]\w*=.*"),
}


def commands(checkout):
    """Every call of Snakemake in the documentation, word by word."""
    files = [checkout / "README.md", *checkout.glob("docs/**/*.md"), *checkout.glob("config/*.*")]
    for path in files:
        for line in path.read_text(encoding="utf-8").splitlines():
            for found in re.findall(r"(?:^|^ *# |: |`)(snakemake (?:--|results/)[^`]*)(?:$|`)", line):
                yield path.name, shlex.split(found, comments=True)


def test_no_target_comes_after_an_option_that_would_take_it_for_a_file(checkout):
    checked = 0
    for file, words in commands(checkout):
        option = None
        for word in words:
            if word.startswith("-"):
                option = word
            elif option in OPTIONS:
                assert OPTIONS[option].fullmatch(word), f"{file}: {shlex.join(words)}"
                checked += 1
    assert checked > 10


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """Commands that answer as those of SLURM do, on a queue with jobs of this workflow and of others."""
    jobs = [
        ("11", "RUNNING", "imbalance-aware_6f0c3b1e-0d5c-4c0e-9d5e-3b1f8f0c2a11"),
        ("12", "PENDING", "imbalance-aware_6f0c3b1e-0d5c-4c0e-9d5e-3b1f8f0c2a11"),
        ("13", "RUNNING", "not-imbalance-aware_1"),
        ("14", "RUNNING", "snakemake"),
        ("15_[1-3]", "PENDING", "imbalance-aware_77aa"),
    ]
    lines = "\n".join(" ".join(job) for job in jobs)
    # Only as much of squeue as the commands use: a format of %i, %T and %j.
    (tmp_path / "squeue").write_text(
        "#!/bin/sh\n"
        '[ "$1 $2 $3" = "--me --noheader --format" ] || exit 1\n'
        f"printf '%s\\n' '{lines}' | while read -r i T j; do\n"
        '  echo "$4" | sed "s/%i/$i/; s/%T/$T/; s/%j/$j/"\n'
        "done\n"
    )
    (tmp_path / "scancel").write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/cancelled\n')
    for name in ("squeue", "scancel"):
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def test_jobs_left_on_a_cluster_are_listed_and_cancelled_by_the_commands_given(checkout, cluster):
    lines = [*(checkout / "docs/running.md").read_text().splitlines()]
    lines += (checkout / "workflow/profiles/slurm/profile.yaml").read_text().splitlines()
    found = [line.removeprefix("# ") for line in lines if line.removeprefix("# ").startswith("squeue --me")]
    assert len(found) == 3
    for line in found:
        done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True)
        if "scancel" in line:
            assert (cluster / "cancelled").read_text().split() == ["11", "12", "15_[1-3]"]
        else:
            assert [row.split()[0] for row in done.stdout.splitlines()] == ["11", "12", "15_[1-3]"]


def test_the_prefix_of_the_profile_is_the_one_that_the_commands_look_for(checkout):
    assert (
        "\nslurm-jobname-prefix: imbalance-aware\n" in (checkout / "workflow/profiles/slurm/profile.yaml").read_text()
    )


def test_scripts_and_steps_that_the_documentation_names_exist(checkout):
    files = [
        checkout / "README.md",
        *checkout.glob("*.md"),
        *checkout.glob("docs/**/*.md"),
        *checkout.glob("config/*.*"),
    ]
    text = "\n".join(path.read_text(encoding="utf-8") for path in files)
    scripts = set(re.findall(r"python ((?:benchmarks|docs)/[\w/]+\.py)", text))
    steps = set(re.findall(r"(?:python -m imbalance_aware|(?:^|`)imbalance-aware) ([a-z_]+)", text, re.M))
    assert len(scripts) > 5
    assert not [name for name in scripts if not (checkout / name).is_file()]
    assert steps
    assert steps <= set(STEPS)
