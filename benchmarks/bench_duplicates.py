"""How long the search for volumes that are the same takes per file: its first quarter, and all of it, on one thread.

python benchmarks/bench_duplicates.py FILE.nii.gz ...
"""

import argparse
import statistics
import time
from pathlib import Path

from imbalance_aware.cohort.volume_checks import BEGINNING, voxel_sha256


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="+")
    files = parser.parse_args().files
    print("| files | beginning, median | whole, median | beginnings of all |")
    print("|---:|---:|---:|---:|")
    beginning, whole = ([seconds(path, share) for path in files] for share in (BEGINNING, 1.0))
    medians = [f"{1000 * statistics.median(times):.0f} ms" for times in (beginning, whole)]
    print(f"| {len(files)} | {' | '.join(medians)} | {sum(beginning):.1f} s |")


def seconds(path: Path, share: float) -> float:
    """Time to read and digest a share of the slices of a file."""
    start = time.perf_counter()
    voxel_sha256(path, share)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
