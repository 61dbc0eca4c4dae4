"""A person's own images, some of them damaged, from a table to metrics; and the real photographs."""

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from tiny_study import TINY

pytestmark = pytest.mark.slow
#: One looks like an option of a command, the other like the mean over classes.
CLASSES = ["-ve", "macro"]


def study(datasets: dict) -> dict:
    tiny = TINY["studies"]["tiny"] | {"datasets": list(datasets), "only": ["ce_mcc-weighted"]}
    return {"run": ["tiny"], "datasets": datasets, "studies": {"tiny": tiny}}


def write_images(folder) -> None:
    """Twenty good images of two classes, and seven that cannot be used."""
    folder.mkdir()
    random = np.random.default_rng(0)
    rows = []
    for number in range(20):
        kind = CLASSES[number % 2]
        pixels = random.integers(0, 128, (30, 30, 3)) + 100 * (number % 2)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number}.png")
        rows.append((f"{number}.png", kind, f"patient-{number // 2}"))
    whole = (folder / "0.png").read_bytes()
    (folder / "truncated.png").write_bytes(whole[: len(whole) // 2])
    (folder / "text.png").write_text("not an image")
    Image.fromarray(random.integers(0, 255, (30, 30)).astype(np.uint8)).save(folder / "grey.png")
    Image.fromarray(random.integers(0, 60000, (30, 30)).astype(np.uint16)).save(folder / "deep.png")
    Image.fromarray(random.integers(0, 255, (30, 30, 4)).astype(np.uint8)).save(folder / "alpha.png")
    for name in ("truncated", "text", "grey", "deep", "alpha", "missing"):
        rows.append((f"{name}.png", CLASSES[0], name))
    Image.fromarray(random.integers(0, 255, (30, 30, 3)).astype(np.uint8)).save(folder / "unlabelled.png")
    rows.append(("unlabelled.png", "", "unlabelled"))
    pd.DataFrame(rows, columns=["path", "class", "group"]).to_csv(folder / "images.csv", index=False)


def test_bad_images_end_as_reasons_and_the_others_go_on(workflow):
    write_images(workflow.folder / "mine")
    mine = {"adapter": "folder", "table": "mine/images.csv", "image_size": [24, 24], "classes": CLASSES}
    workflow.configure(study({"mine": mine}))
    workflow.run("results/runs/tiny/mine/ce_mcc-weighted/metrics.csv")

    cohort = pd.read_csv(workflow.folder / "results/datasets/mine/cohort.csv", keep_default_na=False)
    included = cohort[cohort["excluded"] == ""]
    assert len(included) == 20
    bad = cohort[cohort["excluded"] != ""]
    assert len(bad) == 7
    assert set(bad["split"]) == {""}
    images = np.load(workflow.folder / "results/datasets/mine/images.npy", mmap_mode="r")
    assert images.shape == (20, 3, 24, 24)

    metrics = json.loads((workflow.folder / "results/runs/tiny/mine/ce_mcc-weighted/seed-0/metrics.json").read_text())
    assert metrics["n"] == (included["split"] == "test").sum()
    patients = included.groupby(included["image"].str.extract(r"(\d+)\.png$")[0].astype(int) // 2)["split"]
    assert (patients.nunique() == 1).all(), "no patient is on both sides"


def test_the_real_photographs_from_folder_to_metrics(workflow, glaucoma_data):
    photographs = {"adapter": "ahn2018", "path": str(glaucoma_data), "image_size": [32, 32]}
    workflow.configure(study({"glaucoma_32": photographs}))
    workflow.run("results/runs/tiny/glaucoma_32/ce_mcc-weighted/metrics.csv")

    folder = workflow.folder / "results/datasets/glaucoma_32"
    samples = pd.read_csv(folder / "samples.csv")
    assert samples.groupby("label")["class"].unique().map(list).tolist() == [["no"], ["early"], ["advanced"]]
    assert samples["class"].value_counts().to_dict() == {"no": 786, "advanced": 467, "early": 289}
    assert samples["split"].value_counts().to_dict() == {"train": 1156, "test": 386}
    cohort = pd.read_csv(folder / "cohort.csv", keep_default_na=False).set_index("subject")
    assert set(cohort.index[cohort["excluded"] != ""]) == {"normal_control-584", "normal_control-732"}

    pairs = pd.read_csv(folder / "duplicates.csv").groupby("set")
    assert sorted(map(frozenset, pairs["subject"].unique()), key=sorted) == sorted(
        map(
            frozenset,
            [
                ("early_glaucoma-193", "normal_control-706"),
                ("early_glaucoma-194", "normal_control-707"),
                ("early_glaucoma-271", "normal_control-781"),
                ("early_glaucoma-272", "normal_control-782"),
            ],
        ),
        key=sorted,
    )
    assert pairs["across_split"].all().sum() == 2


def test_a_study_of_one_condition_ends_in_tables_and_figures(workflow):
    workflow.configure(TINY | {"studies": {"tiny": TINY["studies"]["tiny"] | {"only": ["ce_mcc-weighted"]}}})
    workflow.run()
    table = (workflow.folder / "results/tables/tiny/comparison_with_baseline.md").read_text()
    assert "+ Weights, prior shift" in table, "all that there is to compare it with"
    assert "One seed" in (workflow.folder / "results/tables/tiny/verdict.md").read_text()
    assert (workflow.folder / "results/figures/tiny/balanced_accuracy.png").exists()
    page = (workflow.folder / "results/tables/tiny/cohorts.html").read_text()
    assert "one cohort and no named subgroups" in page
