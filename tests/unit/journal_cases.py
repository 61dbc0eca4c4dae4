"""The files of a small study, as the steps before `journal` write them, for tests of its texts."""

import copy
import json
from pathlib import Path

import yaml
from condition_rows import conditions

from imbalance_aware.tables.comparisons import COMPARISONS
from imbalance_aware.tables.csv_text import csv_text
from imbalance_aware.tables.values import VALUES

RESOURCES = Path(__file__).resolve().parents[2] / "resources"
CLASSES = {"benign": (61, 7, 23), "malignant": (19, 3, 11)}
PARTS = ("train", "validation", "test")

IMAGES = {
    "kind": "images",
    "phantoms": False,
    "sources": ["Photographs of Somebody et al. 2031."],
    "sequences": [],
    "split": {"method": "authors", "validation": 0},
    "folds": None,
    "repeats": 1,
    "shape": [96, 80],
    "conflicts": "keep",
    "subgroups": [],
    "ordered": False,
    "has_costs": False,
    "prevalence": None,
}
VOLUMES = IMAGES | {
    "kind": "volumes",
    "sequences": ["t1", "flair"],
    "shape": [64, 64, 64],
    "start": "raw",
    "reference_sequence": "t1",
    "atlas_transform": "rigid",
    "atlas": "SRI24 in the space of BraTS",
    "brain_extraction": "deepbet",
    "percentiles": [0, 100],
    "mask": "provided",
    "brain_volume_ml": [701, 2301],
    "min_atlas_overlap": 0.77,
    "min_edge_match": 0.13,
    "min_inside_brain": 0.81,
}
SETTINGS = {
    "datasets": {"moles": IMAGES},
    "conditions": conditions("ce-uniform", "mcc-oversampling"),
    "losses": {
        "ce": {"summary": "Cross-entropy.", "source": "A textbook.", "takes_counts": False, "arguments": []},
        "soft_mcc": {"summary": "One minus MCC.", "source": "Scholz et al.", "takes_counts": False, "arguments": []},
    },
    "samplings": {"uniform": "every sample once an epoch", "oversampling": "equal portions of each class"},
    "seeds": [0, 4],
    "evaluation": {
        "primary": "balanced_accuracy",
        "relevant_difference": 0.03,
        "unit": "sample",
        "baseline": "ce-uniform",
    },
}
CONFIG = {
    "condition": {"loss": {"ce": 1.0}, "kwargs": {}, "sampling": "uniform", "weighted": False},
    "model": {
        "blocks": [3, 4, 6, 3],
        "widths": [32, 64, 128, 256],
        "stem_kernel": 7,
        "stem_stride": 2,
        "stem_pool": True,
    },
    "training": {
        "epochs": 41,
        "batch_size": 48,
        "learning_rate": 0.002,
        "optimiser": "adam",
        "schedule": "cosine",
        "select": "last",
        "patience": None,
        "training_predictions": True,
    },
    "augmentation": {
        "probability": 0.6,
        "gamma": [0.55, 1.45],
        "contrast_gain": None,
        "blur_sigma": None,
        "flip_axes": [0],
        "crop": None,
    },
    "max_value": None,
    "recorded": {
        "seed": 0,
        "code": "0123456789abcdef",
        "device": "cpu",
        "precision": "float32",
        "threads": 1,
        "versions": {"imbalance_aware": "0.1.0", "python": "3.11.7", "torch": "2.13.0", "numpy": "2.4.6"},
    },
}
CANDIDATES = {"ce-uniform": ("CE, Uniform", 0.613), "mcc-oversampling": ("MCC, Oversampling", 0.657)}


class Case:
    """Content of all files of a study; a test changes it, then writes and reads it."""

    def __init__(self, **datasets: dict) -> None:
        self.settings = copy.deepcopy(SETTINGS)
        self.settings["datasets"] = copy.deepcopy(datasets or {"moles": IMAGES})
        self.config = copy.deepcopy(CONFIG)
        self.classes = dict(CLASSES)
        self.cohorts = ["clinic"]
        self.starts = ["raw"]
        self.images_of_a_patient = 1
        self.size = ("100", "100")
        self.excluded = {"no class": 5}
        self.duplicates: list[dict[str, str]] = []
        self.results = {name: self._result() for name in self.settings["datasets"]}

    def _result(self) -> dict:
        candidates = [
            {
                "candidate": name,
                "label": label,
                "value": value,
                "models": [value - 0.05, value + 0.04],
                "procedure": [value - 0.09, value + 0.08],
                "new_data": None,
                "note": "",
            }
            for name, (label, value) in CANDIDATES.items()
        ]
        return {
            "unit": "sample",
            "folds": None,
            "replicate": "seed",
            "n_patients": 34,
            "n_images": 34,
            "question": "procedure",
            "n_replicates": 2,
            "primary": {"metric": "balanced_accuracy", "label": "Balanced accuracy", "better": "higher"},
            "condition_labels": {name: label for name, (label, _) in CANDIDATES.items()},
            "candidates": candidates,
            "leader": candidates[1],
            "not_told_from_leader": [{"candidate": "ce-uniform"}],
            "against_baseline": {"better": []},
            "could_have_shown": {"detectable": [0.101, 0.117, 0.139]},
            "warnings": [{"kind": "no_validation"}],
        }

    def write(self, folder: Path) -> list[str]:
        """Write all files; returns the arguments of the step."""
        for name, dataset in self.settings["datasets"].items():
            self._write_dataset(folder / "datasets" / name, dataset)
        tables = folder / "tables"
        tables.mkdir(parents=True, exist_ok=True)
        (tables / "verdict.json").write_text(json.dumps({"datasets": self.results}))
        (tables / "values.csv").write_text(VALUES.csv(self._values()))
        (tables / "comparisons.csv").write_text(COMPARISONS.csv(self._comparisons()))
        configs = []
        for name in self.settings["datasets"]:
            for seed in self.settings["seeds"]:
                configs.append(folder / f"runs/s/{name}/ce-uniform/seed-{seed}/config.yaml")
                configs[-1].parent.mkdir(parents=True, exist_ok=True)
                configs[-1].write_text(yaml.safe_dump(self.config))
        pins = ["simpleitk==2.5.7", "deepbet==1.0.2", "scikit-image==0.26.0", "scikit-learn==1.9.1", "scipy==1.17.1"]
        environment = folder / "envs/all.yaml"
        environment.parent.mkdir(exist_ok=True)
        environment.write_text(yaml.safe_dump({"dependencies": ["python=3.11", {"pip": pins}]}))
        return [
            *("--study", "s", "--settings", json.dumps(self.settings), "--tables", str(tables)),
            *("--items", str(RESOURCES / "reporting_items.csv"), "--environments", str(environment)),
            *("--datasets", *(str(folder / "datasets" / name) for name in self.settings["datasets"])),
            *("--configs", *map(str, configs), "--revision", "v9-g0f0f0f0", "--out", str(folder / "journal")),
        ]

    def _write_dataset(self, folder: Path, dataset: dict) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        volumes = dataset["kind"] == "volumes"
        samples, cohort = [], []
        for label, (name, counts) in enumerate(self.classes.items()):
            for part, n in zip(PARTS, counts, strict=True):
                for number in range(n):
                    subject = f"{label}-{part}-{number}"
                    many = self.images_of_a_patient > 1
                    group = f"{label}-{part}-{number // self.images_of_a_patient}" if many else subject
                    split = "" if dataset["folds"] else part
                    row = (subject, group, self.cohorts[len(samples) % len(self.cohorts)], name)
                    start = self.starts[len(samples) % len(self.starts)]
                    samples.append((*row, label, split, "0" * 16))
                    cohort.append((*row, split, "", *([start] if volumes else self.size)))
        columns = ["subject", "group", "cohort", "class"]
        (folder / "samples.csv").write_text(csv_text([*columns, "label", "split", "image_sha256"], samples))
        own = ["start"] if volumes else ["height", "width"]
        table, flow = ("preprocessed", "preprocessed_flow") if volumes else ("cohort", "flow")
        (folder / f"{table}.csv").write_text(csv_text([*columns, "split", "excluded", *own], cohort))
        found = len(samples) + sum(self.excluded.values())
        stages = [("found", "", found), *(("excluded", reason, n) for reason, n in self.excluded.items())]
        rows = [("clinic", "", stage, reason, n) for stage, reason, n in (*stages, ("included", "", len(samples)))]
        (folder / f"{flow}.csv").write_text(csv_text(["cohort", "class", "stage", "criterion", "subjects"], rows))
        keys = ["set", "kind", "subject", "group", "cohort", "class", "split", "excluded", "conflicting_label"]
        keys += ["across_split", "across_groups", "image", "pixel_sha256"]
        lines = [[row.get(key, "") for key in keys] for row in self.duplicates]
        (folder / "duplicates.csv").write_text(csv_text(keys, lines))

    def _values(self):
        import pandas as pd

        return pd.DataFrame(
            {"dataset": dataset, "condition": name, "rule": rule, "unit": "sample", "metric": metric, "role": role}
            | {"value": value, "n_collapsed": 0, "n_diverged": 0}
            for dataset in self.settings["datasets"]
            for name, (_, primary) in CANDIDATES.items()
            for rule in self.rules
            for metric, role, value in (("balanced_accuracy", "primary", primary), ("ece", "exploratory", 0.087))
        )

    rules = ("argmax", "prior")

    def _comparisons(self):
        import pandas as pd

        return pd.DataFrame(
            {"dataset": dataset, "unit": "sample", "metric": "balanced_accuracy", "a": f"c{number}", "b": "ce-uniform"}
            | {"with_baseline": number < 3}
            for dataset in self.settings["datasets"]
            for number in range(6)
        )
