"""Results in an S3 storage, and jobs that have nothing else: with a real S3 server and the real plugins of Snakemake.

The Kubernetes API is a stand-in that runs each pod in an empty folder, so that what does not travel is missing.
"""

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import kubernetes_api
import plugins
import pytest
import yaml
from tiny_study import TINY, Workflow, copied

import mri_cases
import uv_packages

pytestmark = pytest.mark.slow

HEADS = {"a1": "glioblastoma", "a2": "glioblastoma", "b1": "astrocytoma", "b2": "astrocytoma"}
STEPS = {"atlas": "heads/atlas", "registration": {"samples": 3000}, "brain_extraction": {"method": "threshold"}}
CONFIGURATION = TINY | {
    "datasets": {
        "photographs": TINY["datasets"]["fundus_phantoms"] | {"split": {"method": "folds", "folds": 2}},
        "volumes": {
            "adapter": "folder3d",
            "table": "heads/table.csv",
            "preprocessing": STEPS | {"crop": {"size": 24}},
        },
    },
    "augmentation": {"volumes": {"crop": 16}},
    "studies": {"tiny": TINY["studies"]["tiny"] | {"datasets": ["photographs", "volumes"]}},
}
#: Each pod of a run: phantoms, two cohorts, one patient, the arrays of a dataset, two folds.
PODS = ["cohort", "cohort", "dataset", "fold", "fold", "phantoms", "subject"]
RUN = "results/runs/tiny/photographs/ce-uniform/seed-0"
TARGETS = [f"{RUN}/metrics.json", "results/datasets/volumes/patches/a1.npy"]
COMPARED = [
    *TARGETS,
    "results/datasets/photographs/images.npy",
    "results/datasets/photographs/samples.csv",
    "results/datasets/volumes/cohort.csv",
    f"{RUN}/predictions.csv",
    *(
        f"{RUN}/fold-{fold}/{file}"
        for fold in (0, 1)
        for file in ("model.pt", "training_predictions.csv", "config.yaml")
    ),
]
STORAGE = ["--default-storage-provider", "s3", "--default-storage-prefix"]
#: The keys of the test's server, as users give theirs.
KEYS = {"SNAKEMAKE_STORAGE_S3_ACCESS_KEY": "any", "SNAKEMAKE_STORAGE_S3_SECRET_KEY": "any"}
FETCH = """\
import sys, boto3
bucket, folder, address = sys.argv[1:]
s3 = boto3.client("s3", endpoint_url=address, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="a")
for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
    for entry in page.get("Contents", []):
        path = __import__("pathlib").Path(folder, entry["Key"])
        path.parent.mkdir(parents=True, exist_ok=True)
        s3.download_file(bucket, entry["Key"], str(path))
"""


@dataclass
class Engines:
    """Snakemake with its plugins, in a copy of the workflow, and an S3 server."""

    workflow: Workflow
    programs: Path
    address: str
    folder: Path

    def run(self, *arguments: str, **variables: str) -> str:
        """Run Snakemake; returns what it says."""
        command = [self.programs / "python", "-m", "snakemake", *arguments, "--configfile", "config/test.yaml"]
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        environment |= {"SNAKEMAKE_STORAGE_S3_ENDPOINT_URL": self.address, **KEYS, **variables}
        done = subprocess.run(
            command, cwd=self.workflow.folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{arguments}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def fetch(self, bucket: str) -> Path:
        """All files of a bucket, as a folder."""
        command = [self.programs / "python", "-c", FETCH, bucket, self.folder / bucket, self.address]
        subprocess.run(command, check=True)
        return self.folder / bucket


@pytest.fixture(scope="module")
def programs(checkout, tmp_path_factory) -> Path:
    if reason := uv_packages.missing():
        # What CI is for is not left out there in silence.
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    return plugins.install(checkout, tmp_path_factory.mktemp("plugins"))


def study(checkout: Path, folder: Path) -> Workflow:
    workflow = copied(checkout, folder)
    workflow.configure(CONFIGURATION)
    mri_cases.write_subjects(workflow.folder / "heads", HEADS)
    # Snakemake sends what git knows.
    (folder / ".gitignore").write_text(".snakemake/\nresults/\n__pycache__/\n")
    for command in (["init", "--quiet"], ["add", "."]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return workflow


@pytest.fixture(scope="module")
def engines(checkout, programs, tmp_path_factory) -> Iterator[Engines]:
    folder = tmp_path_factory.mktemp("s3")
    with plugins.s3_server(programs, folder / "server.log") as address:
        yield Engines(study(checkout, tmp_path_factory.mktemp("study")), programs, address, folder)


def options(profile: Path) -> list[str]:
    """Those options of the shipped profile that concern jobs."""
    settings = yaml.safe_load(profile.read_text())
    resources = [f"{name}={value}" for name, value in settings["default-resources"].items()]
    return ["--executor", settings["executor"], "--default-resources", *resources, "--container-image", "image:1"]


@pytest.fixture(scope="module")
def pods(engines, checkout) -> list[dict]:
    """What was submitted while the targets were made on Kubernetes, with all files in a bucket."""
    folder = engines.folder / "cluster"
    folder.mkdir()
    chosen = options(checkout / "workflow/profiles/kubernetes/profile.yaml")
    with kubernetes_api.cluster(folder, engines.programs) as cluster:
        try:
            engines.run(
                *(*TARGETS, *chosen, "--jobs", "2", "--seconds-between-status-checks", "1"),
                *(*STORAGE, "s3://study/of/mine"),
                KUBECONFIG=str(cluster.kubeconfig),
            )
        except AssertionError as error:
            raise AssertionError(f"{error}\n{cluster.logs()}") from None
    return cluster.submitted


def test_pods_that_have_a_storage_alone_make_the_files_of_a_local_run(engines, pods, checkout, tmp_path):
    stored = engines.fetch("study") / "of/mine"
    assert not (engines.workflow.folder / "results").exists()
    local = study(checkout, tmp_path)
    local.run(*TARGETS)
    for path in COMPARED:
        assert (stored / path).read_bytes() == (local.folder / path).read_bytes(), path
    unused = stored / RUN / "fold-0/validation_predictions.csv"
    assert (unused.stat().st_size, (local.folder / RUN / "fold-0" / unused.name).exists()) == (0, False)


def test_a_group_is_one_pod_and_asks_for_what_kubernetes_accepts(pods):
    def group(pod: dict) -> str:
        (command,) = pod["spec"]["template"]["spec"]["containers"][0]["args"][1:]
        (rules,) = re.findall(r"--target-jobs (.+?) --allowed-rules", command)
        named = {"register": "subject", "pack": "dataset", "train_fold": "fold"}
        found = [rule for rule in re.findall(r"'(\w+):", rules)]
        return next((named[rule] for rule in found if rule in named), found[0])

    assert sorted(map(group, pods)) == PODS
    for pod in pods:
        (container,) = pod["spec"]["template"]["spec"]["containers"]
        # Kubernetes refuses a GPU that is in the requests alone, even none of them.
        assert container["resources"]["requests"].items() >= {"ephemeral-storage": "20000M"}.items()
        assert set(container["resources"]["requests"]) == set(container["resources"]["limits"])
        assert container["image"] == "image:1"
    fold = next(pod for pod in pods if group(pod) == "fold")["spec"]["template"]["spec"]
    assert fold["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "0"


def test_a_dry_run_without_a_cluster_plans_what_the_storage_lacks(engines, pods, checkout, tmp_path):
    other = RUN.replace("ce-uniform", "mcc-oversampling")
    chosen = options(checkout / "workflow/profiles/kubernetes/profile.yaml")
    said = engines.run(
        *(f"{other}/metrics.json", *chosen, "--jobs", "2", "--dry-run", *STORAGE, "s3://study/of/mine"),
        KUBECONFIG=str(tmp_path / "none"),
    )
    table = re.search(r"^Job stats:\n.+\n[- ]+\n((?:\w+ +\d+\n)+)", said, re.MULTILINE)
    counts = dict(line.split() for line in table[1].splitlines())
    assert counts == {"train_fold": "2", "pool": "1", "evaluate_pooled": "1", "total": "4"}


def test_every_command_of_the_page_is_one_that_the_plugins_understand(checkout, programs):
    page = (checkout / "docs/other_engines.md").read_text(encoding="utf-8")
    commands = re.findall(r"^snakemake .+$", page, re.MULTILINE)
    profiles = {path.parent.name for path in checkout.glob("workflow/profiles/*/profile.yaml")} - {"default", "slurm"}
    assert {name for name in profiles if any(f"profiles/{name}" in line for line in commands)} == profiles
    script = checkout / "tests/storage/parse_commands.py"
    done = subprocess.run(
        [programs / "python", script],
        input="\n".join(commands),
        cwd=checkout,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert len(done.stdout.splitlines()) == len(commands)
