"""A made-up study for tests of its report: names that break pages, small pictures, tables by the real steps."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from PIL import Image

from imbalance_aware.__main__ import main
from imbalance_aware.image_digests import image_digest, short
from imbalance_aware.report.study_files import StudyFiles, study_files
from imbalance_aware.reporting.figure_catalogue import FIGURES
from imbalance_aware.runs.run_config import PARTS

SCRIPT = "<script>document.title='broken'</script>"
HEBREW = "גידול מוחי"
#: Names of classes, each of which would be markup, a cell of a table or letters of another direction.
CLASSES = (SCRIPT, "a & b | c", "Übelkeit", HEBREW)
COHORTS = ("Zürich <b>", "عمان")
STUDY, DATASET, CONDITIONS = "made_up", "heads", ("ce-uniform", "soft_mcc-oversampling")
SEQUENCES = ("t1", "flair")
#: One table in several panels, with and without groups of columns.
TABLES = ("table1_balanced_accuracy", "table2_f1_by_class", "comparison_with_baseline", "overfitting", "cohorts")


def subject_name(index: int) -> str:
    """Names that would be markup, but may be those of folders."""
    return (f"<img src=x onerror=alert({index})>", f"Müller & Söhne | {index}", f"מטופל {index}")[index % 3]


@dataclass(frozen=True)
class MadeUp:
    """The folder of results and the settings of the study."""

    results: Path
    settings: dict

    @property
    def files(self) -> StudyFiles:
        return study_files(STUDY, self.settings, self.results)

    def write_page(self) -> Path:
        """The report, by the step."""
        page = self.results / f"report/{STUDY}.html"
        step = ["report", "--study", STUDY, "--settings", json.dumps(self.settings), "--results", str(self.results)]
        assert main([*step, "--out", str(page)]) == 0
        return page


def made_up_study(results: Path, patients: int, tested: int, phantoms: bool = False) -> MadeUp:
    """All files of a study that its report reads.

    Args:
        results: folder to make.
        patients: of the dataset.
        tested: the first so many of them.
        phantoms: whether the data is said to be phantom.
    """
    rng = np.random.default_rng(0)
    samples = _samples(patients, tested)
    _write_dataset(results / "datasets" / DATASET, samples, rng)
    paths = [_write_run(results, samples, condition, rng) for condition in CONDITIONS]
    _write_tables(results, paths)
    _write_figures(results / "figures" / STUDY)
    return MadeUp(results, _settings(phantoms))


def _samples(patients: int, tested: int) -> pd.DataFrame:
    label = np.arange(patients) % len(CLASSES)
    subjects = [subject_name(index) for index in range(patients)]
    return pd.DataFrame(
        {
            "subject": subjects,
            "group": subjects,
            "cohort": [COHORTS[index // 4 % 2] for index in range(patients)],
            "class": [CLASSES[k] for k in label],
            "label": label,
            "split": ["test" if index < tested else "train" for index in range(patients)],
        }
    )


def _write_dataset(folder: Path, samples: pd.DataFrame, rng: np.random.Generator) -> None:
    folder.mkdir(parents=True)
    images = rng.integers(0, 256, (len(samples), len(SEQUENCES), 8, 8, 8), np.uint8)
    images[1] = images[0]
    np.save(folder / "images.npy", images)
    samples.assign(image_sha256=[short(image_digest(image)) for image in images]).to_csv(
        folder / "samples.csv", index=False
    )
    listed = samples.assign(excluded="", t1="t1.nii.gz", flair="flair.nii.gz")
    for name in ("cohort.csv", "preprocessed.csv"):
        listed.to_csv(folder / name, index=False)
    counts = samples.groupby(["cohort", "class"], sort=False).size().reset_index(name="subjects")
    flow = pd.concat([counts.assign(stage=stage, criterion="") for stage in ("found", "included")])
    for name in ("flow.csv", "preprocessed_flow.csv"):
        flow[["cohort", "class", "stage", "criterion", "subjects"]].to_csv(folder / name, index=False)
    twins = samples.iloc[:2].assign(set=1, kind="equal pixels", excluded="", conflicting_label=True, across_split=False)
    twins = twins.assign(across_groups=True, image="t1.nii.gz", pixel_sha256="0")
    columns = "set,kind,subject,group,cohort,class,split,excluded,conflicting_label,across_split,across_groups,image"
    twins[[*columns.split(","), "pixel_sha256"]].to_csv(folder / "duplicates.csv", index=False)
    _write_quality(folder, samples, rng)


def _write_quality(folder: Path, samples: pd.DataFrame, rng: np.random.Generator) -> None:
    """A picture of each subject; every 40th failed, every 25th is to be looked at."""
    index = np.arange(len(samples))
    failed, marked = index % 40 == 39, index % 25 == 24
    quality = samples[["subject", "cohort", "class", "split"]].assign(passed=~failed)
    quality["step"] = np.where(failed, "strip", "")
    quality["reason"] = np.where(failed, "brain of 90 ml < 700 ml & <b>no</b> scalp", "")
    quality["file"], quality["warnings"] = "", np.where(marked, "axes differ", "")
    quality["brain_ml"], quality["tumour_ml"] = 1400 + index, 30.0
    quality.to_csv(folder / "qc.csv", index=False)
    for subject in samples["subject"]:
        (folder / "subjects" / subject).mkdir(parents=True)
        grey = Image.fromarray(rng.integers(0, 256, (20, 30), np.uint8))
        grey.resize((450, 300)).save(folder / "subjects" / subject / "qc.png", compress_level=1)


def _write_run(results: Path, samples: pd.DataFrame, condition: str, rng: np.random.Generator) -> Path:
    run = results / "runs" / STUDY / DATASET / condition / "seed-0"
    run.mkdir(parents=True)
    _predictions(samples[samples["split"] == "test"], rng).to_csv(run / "predictions.csv", index=False)
    _predictions(samples[samples["split"] == "train"], rng).to_csv(run / "training_predictions.csv", index=False)
    epochs = range(1, 4)
    history = pd.DataFrame({"epoch": epochs, "learning_rate": 0.001, "train_loss": [1.0 / k for k in epochs]})
    history.assign(train_balanced_accuracy=0.5, seconds=1.5).to_csv(run / "history.csv", index=False)
    recorded = {"seed": 0, "code": "0123456789abcdef", "device": "cpu", "precision": "float32", "threads": 1}
    recorded["versions"] = {"imbalance_aware": "0.1.0", "python": "3.11.7"}
    (run / "config.yaml").write_text(yaml.safe_dump({key: {} for key in PARTS} | {"recorded": recorded}))
    step = ["evaluate", "--predictions", str(run / "predictions.csv"), "--out", str(run / "metrics.json")]
    dataset = results / "datasets" / DATASET / "samples.csv"
    assert main([*step, "--samples", str(dataset), "--training", str(run / "training_predictions.csv")]) == 0
    return run


def _predictions(samples: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    scores = np.exp(rng.normal(size=(len(samples), len(CLASSES))) + 1.2 * np.eye(len(CLASSES))[samples["label"]])
    shares = pd.DataFrame(scores / scores.sum(axis=1, keepdims=True), columns=[f"prob_{name}" for name in CLASSES])
    known = samples[["subject", "group", "cohort", "class", "label"]].reset_index(drop=True)
    return pd.concat([known, shares], axis=1)


def _write_tables(results: Path, runs: list[Path]) -> None:
    folder, dataset = results / "tables" / STUDY, results / "datasets" / DATASET
    predictions = [str(run / "predictions.csv") for run in runs]
    conditions, samples, metrics = json.dumps(_conditions()), str(dataset / "samples.csv"), str(folder / "metrics.csv")
    collected = ["collect", "--study", STUDY, "--conditions", conditions, "--batch-size", "8", "--out", metrics]
    steps = [
        [*collected, *(str(run / "metrics.json") for run in runs)],
        [
            "statistics",
            "--conditions",
            conditions,
            "--samples",
            samples,
            "--out",
            str(folder),
            "--predictions",
            *predictions,
        ],
        ["cohort_metrics", "--out", str(folder / "cohort_metrics.csv"), *predictions],
        ["failures", "--out", str(folder / "failures.csv"), *predictions],
        [
            *("tables", "--metrics", metrics, "--out", str(folder), "--comparison", str(folder / "comparisons.csv")),
            *("--cohorts", str(folder / "cohort_metrics.csv"), "--overfitting", "balanced_accuracy"),
            *("--tables", *(name for name in TABLES if name.startswith("table"))),
        ],
        [
            *("verdict", "--study", STUDY, "--tables", str(folder), "--metrics", metrics, "--out", str(folder)),
            *("--samples", samples, "--duplicates", str(dataset / "duplicates.csv")),
        ],
    ]
    for step in steps:
        assert main(step) == 0, step[0]


def _write_figures(folder: Path) -> None:
    """A picture and a document in the place of each figure."""
    for figure in FIGURES:
        place = folder / (DATASET if figure.scope == "dataset" else "")
        place.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (1050, 800), "white").save(place / f"{figure.name}.png")
        (place / f"{figure.name}.pdf").write_bytes(b"%PDF-1.4\n%%EOF\n")


def _conditions() -> list[dict]:
    parts = [condition.split("-") for condition in CONDITIONS]
    return [
        {"condition": condition, "loss": loss, "sampling": sampling, "weighted": False}
        for condition, (loss, sampling) in zip(CONDITIONS, parts, strict=True)
    ]


def _settings(phantoms: bool) -> dict:
    dataset = {"kind": "volumes", "phantoms": phantoms, "folds": None, "repeats": 1, "licence": "Ours & <b>yours</b>"}
    return {
        "study": {"datasets": [DATASET], "seeds": [0]},
        "datasets": {DATASET: {**dataset, "settings": {"adapter": "folder3d", "sequences": list(SEQUENCES)}}},
        "conditions": _conditions(),
        "model": {"network": "resnet"},
        "training": {"epochs": 3, "batch_size": 8},
        "augmentation": {"volumes": {"crop": 8}},
        "evaluation": {"primary": "balanced_accuracy", "baseline": CONDITIONS[0], "relevant_difference": 0.02},
        "tables": list(TABLES),
    }
