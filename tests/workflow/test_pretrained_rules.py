"""Runs from a file of pretrained weights: by the workflow and from a bundle, and what reruns them."""

import hashlib
import shutil
import subprocess
import sys
import tarfile

import pytest
import torch
import yaml
from tiny_study import ROWS, TINY

from imbalance_aware.models.residual_network import ResidualNetwork

pytestmark = pytest.mark.slow

RUN = "results/runs/tiny/fundus_phantoms/ce-uniform/seed-0"


def write_weights(path, seed=1):
    """Weights of a network with another head; what `model.weights` needs of them."""
    torch.manual_seed(seed)
    torch.save(ResidualNetwork(2, 3, 5, **TINY["studies"]["tiny"]["model"]).state_dict(), path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"path": str(path), "sha256": digest, "mean": [0.5] * 3, "std": [0.25] * 3}


def configure(workflow, weights):
    study = TINY["studies"]["tiny"]
    model = study["model"] | {"weights": weights, "freeze": True}
    workflow.configure(TINY | {"studies": {"tiny": study | {"model": model}}})


def test_weights_are_used_and_only_their_content_reruns(workflow, tmp_path):
    workflow.conditions({"ce-uniform": ROWS["ce-uniform"]})
    file = tmp_path / "weights with a space.pth"
    weights = write_weights(file)
    configure(workflow, weights)
    workflow.run(f"{RUN}/model.pt", "results/bundles/tiny/fundus_phantoms.tar")
    folder = workflow.folder / RUN
    given, kept = torch.load(file), torch.load(folder / "model.pt", weights_only=True)["weights"]
    assert torch.equal(kept["conv1.weight"], given["conv1.weight"])
    assert kept["fc.weight"].shape != given["fc.weight"].shape
    assert yaml.safe_load((folder / "config.yaml").read_text())["recorded"]["normalisation"]["mean"] == [0.5] * 3

    with tarfile.open(workflow.folder / "results/bundles/tiny/fundus_phantoms.tar") as archive:
        archive.extractall(tmp_path, filter="data")
    subprocess.run([sys.executable, "tiny-fundus_phantoms/run.py"], cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / RUN / "model.pt").read_bytes() == (folder / "model.pt").read_bytes()

    configure(workflow, weights | {"path": str(shutil.move(file, tmp_path / "moved.pth"))})
    assert workflow.planned(f"{RUN}/model.pt") == set()
    configure(workflow, write_weights(tmp_path / "moved.pth", seed=2))
    assert workflow.planned(f"{RUN}/model.pt") == {"train ce-uniform"}
    configure(workflow, weights | {"path": str(tmp_path / "moved.pth")})
    refused = workflow.run(f"{RUN}/model.pt", check=False)
    assert refused.returncode != 0
    assert "has the sha256" in refused.stderr + refused.stdout
