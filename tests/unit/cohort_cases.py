"""Predictions of patients from several hospitals, some with many images, as a study's folders hold them."""

from pathlib import Path

import numpy as np
import pandas as pd

CLASSES = ("no", "early", "advanced")
HOSPITALS = ("north", "south", "west")


def table_of(
    rng: np.random.Generator, patients: int = 60, images: int = 4, lacking: str = "advanced", skill: float = 1.5
) -> pd.DataFrame:
    """One row per image: patients of three hospitals, the last of which lacks a class, with 1 to ``images`` images."""
    rows = []
    for number in range(patients):
        hospital = HOSPITALS[number % 3]
        classes = [name for name in CLASSES if hospital != "west" or name != lacking]
        kind = classes[number // 3 % len(classes)]
        effect = rng.normal(size=3)
        for image in range(rng.integers(1, images + 1)):
            scores = skill * np.eye(3)[CLASSES.index(kind)] + effect + rng.normal(size=3)
            probabilities = np.exp(scores) / np.exp(scores).sum()
            rows.append(
                {"subject": f"s{number}-{image}", "group": f"p{number}", "cohort": hospital, "class": kind}
                | {"label": CLASSES.index(kind), "sex": "FM"[number % 2]}
                | {f"prob_{name}": p for name, p in zip(CLASSES, probabilities, strict=True)}
            )
    return pd.DataFrame(rows)


def write_study(folder: Path, tables: dict[str, pd.DataFrame], dataset: str = "glaucoma") -> list[Path]:
    """``predictions.csv`` of runs, by ``condition/seed-N``."""
    paths = []
    for place, table in tables.items():
        path = folder / "runs/s" / dataset / place / "predictions.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        table.to_csv(path, index=False)
        paths.append(path)
    return paths
