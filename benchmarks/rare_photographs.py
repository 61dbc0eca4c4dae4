"""A table of the glaucoma photographs (Ahn et al. 2018) whose training classes are as unequal as the study's gliomas.

    python benchmarks/rare_photographs.py --out data/rare_photographs.csv

From the authors' training set, every normal photograph is taken and so many of the other two classes, drawn with a
seed, that they make up 80, 12 and 8 %. The authors' test set stays whole, so that metrics of the rare classes rest on
all their photographs. ``config/collapse.yaml`` reads the table through the `folder` adapter.
"""

import argparse
from pathlib import Path

import pandas as pd

PHOTOGRAPHS = Path(__file__).resolve().parents[1] / "resources/ahn2018_files.csv"
SHARES = {"normal_control": 0.80, "early_glaucoma": 0.12, "advanced_glaucoma": 0.08}
COMMONEST = "normal_control"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="table to write (CSV)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the draw (default: 0)")
    args = parser.parse_args()

    parts = [read_split(split) for split in ("train", "test")]
    parts[0] = thin_out(parts[0], args.seed)
    table = pd.concat(parts, ignore_index=True)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(args.out, index=False)
    print(table.value_counts(["split", "class"], sort=False).to_string())


def read_split(split: str) -> pd.DataFrame:
    """Path, class and split of each photograph on one side of the authors' split."""
    listed = pd.read_csv(PHOTOGRAPHS, keep_default_na=False)
    listed = listed[listed["split"] == split]
    return pd.DataFrame(
        {"path": listed["folder"] + "/" + listed["file"], "class": listed["folder"], "split": split}
    ).sort_values("path")


def thin_out(rows: pd.DataFrame, seed: int) -> pd.DataFrame:
    """All rows of the commonest class and a random part of the others, in the proportions of ``SHARES``."""
    total = (rows["class"] == COMMONEST).sum() / SHARES[COMMONEST]
    kept = [
        rows[rows["class"] == name].sample(round(share * total), random_state=seed) for name, share in SHARES.items()
    ]
    return pd.concat(kept).sort_values("path")


if __name__ == "__main__":
    main()
