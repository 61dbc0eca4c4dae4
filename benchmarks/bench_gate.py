"""How well two measures tell a patient's own sequences from a stranger's: the error rates behind the gate of `strip`.

    python benchmarks/bench_gate.py --table data/mri/tcga_lgg_8bit/scans.csv --work DIR

Needs a table as `folder3d` reads it, of scans with skull whose sequences share a grid, and the atlas (``make atlas``).
Every patient is placed in the atlas (quickly: 2 mm, 8000 samples); the atlas's brain is the mask. Compared with the
reference sequence of a patient are

* *own*: the patient's other sequences;
* *stranger, in the atlas*: another patient's sequence, both in their places in the atlas;
* *stranger, by the header*: another patient's sequence, laid on the patient by the headers alone;
* *stranger, registered*: the same after a rigid registration, as for scans that start `raw`;
* *mirrored*: the patient's own other sequence, left and right exchanged in the atlas, where a head is most symmetric;
* *shifted*: the patient's own other sequence, some mm off.

Limits are chosen on every second patient and the rates are reported on the others; strangers of the second half are
compared with each other only. Intervals are Clopper and Pearson's, 95 %.
"""

import argparse
import csv
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import ndimage, stats

from imbalance_aware.files import write_csv, write_text
from imbalance_aware.nifti import read_volume
from imbalance_aware.preprocessing.atlas import from_wheel
from imbalance_aware.preprocessing.registration import register, resample
from imbalance_aware.preprocessing.similarity import Edges, correlation, edge_match, edges
from imbalance_aware.volume_settings import BrainExtractionSettings, VolumePreprocessing
from imbalance_aware.volumes import Volume
from page_section import replace_section

CHECKOUT = Path(__file__).resolve().parents[1]
SEED = 0
SAMPLES = 8000
#: Bins and tails of the normalised mutual information, and its limit, as the gate was before.
BINS, TAILS, NMI_LIMIT = 16, 0.01, 1.04
#: How far the patient's own sequence is moved for the rows *shifted*.
SHIFTS_MM = (4, 8)
CASES = ("own", "stranger, in the atlas", "stranger, by the header", "stranger, registered", "mirrored")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", type=Path, required=True, help="table of scans with skull, sequences on one grid")
    parser.add_argument("--sequences", nargs="+", default=["t1", "t1c", "flair"], help="the first is the reference")
    parser.add_argument("--atlas", type=Path, default=CHECKOUT / VolumePreprocessing().atlas, help="wheel with SRI24")
    parser.add_argument("--work", type=Path, required=True, help="folder that keeps what was measured; resumed from")
    parser.add_argument("--pairs", type=int, default=2000, help="pairs of strangers, both in the atlas")
    parser.add_argument("--others", type=int, default=40, help="pairs by the header, and as many registered")
    parser.add_argument("--page", type=Path, help="page whose section `gate` is rewritten; left out: printed only")
    parser.add_argument("--only", help="measure one part only: own, signs, atlas, header, registered")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    study = Study(args.table, args.sequences, args.atlas, args.work)
    parts = {
        "own": own(study),
        "signs": signs(study),
        "atlas": in_the_atlas(study, args.pairs),
        "header": laid_on(study, args.others),
        "registered": registered(study, args.others),
    }
    rows = measure(study, parts, args.only)
    if args.only:
        return
    text = section(rows, study)
    print(text)
    if args.page:
        replace_section(args.page, "gate", Path(__file__).name, text)


class Study:
    """The patients, each placed in the atlas."""

    def __init__(self, table: Path, sequences: list[str], atlas: Path, work: Path):
        self.folder, self.work = table.parent, work
        self.reference, *self.others = sequences
        self.head, self.brain = from_wheel(atlas)
        self.mask = self.brain.array > 0
        self.box = [np.flatnonzero(self.mask.any(axis=axes))[[0, -1]] for axes in ((1, 2), (0, 2), (0, 1))]
        with table.open(newline="", encoding="utf-8") as handle:
            self.rows = {row["subject"]: row for row in csv.DictReader(handle) if row[self.reference]}
        self.subjects = sorted(self.rows)
        self.scan, self.features = lru_cache(None)(self._scan), lru_cache(None)(self._features)
        self.matrices = {subject: self._placed(subject) for subject in self.subjects}

    def has(self, subject: str, sequence: str) -> bool:
        return bool(self.rows[subject][sequence])

    def _scan(self, subject: str, sequence: str) -> Volume:
        return read_volume(self.folder / self.rows[subject][sequence])

    def values(self, scan: Volume, matrix: np.ndarray) -> np.ndarray:
        """A scan on the atlas's grid."""
        return resample(scan, self.brain, matrix).array

    def own_values(self, subject: str, sequence: str) -> np.ndarray:
        return self.values(self.scan(subject, sequence), self.matrices[subject])

    def _features(self, subject: str, sequence: str) -> "Features":
        return Features.of(self.own_values(subject, sequence), self)

    def _placed(self, subject: str) -> np.ndarray:
        path = self.work / f"{subject}.json"
        if not path.exists():
            region = coarse(
                Volume(ndimage.binary_dilation(self.mask, iterations=3).astype(np.float32), self.brain.affine)
            )
            found = register(coarse(self.head), self.scan(subject, self.reference), region.array > 0.5, samples=SAMPLES)
            write_text(path, json.dumps({"matrix": found.matrix.tolist()}))
        return np.array(json.loads(path.read_text())["matrix"])


@dataclass(frozen=True)
class Features:
    """What is compared of a sequence.

    Attributes:
        edges: normalised gradients, voxels of 2 mm.
        bins: (x, y, z), intensities in bins from 0 up at every second voxel; -1 outside the brain.
        atlas: correlation with the atlas's T1 inside the brain.
    """

    edges: Edges
    bins: np.ndarray
    atlas: float = 0.0

    @classmethod
    def of(cls, values: np.ndarray, study: "Study") -> "Features":
        """Features of a scan on the atlas's grid."""
        thin = tuple(slice(first, last + 1, 2) for first, last in study.box)
        inside, values_there = study.mask[thin], values[thin]
        low, high = np.quantile(values_there[inside], [TAILS, 1 - TAILS])
        bins = np.clip((values_there - low) / max(high - low, 1e-12) * BINS, 0, BINS - 1).astype(np.int64)
        return cls(
            edges(values, study.mask, study.brain.spacing),
            np.where(inside, bins, -1),
            correlation(values_there[inside], study.brain.array[thin][inside]),
        )

    def mirrored(self) -> "Features":
        """Left and right exchanged in the box around the brain, about as symmetric as a head can be."""
        field = self.edges.field[:, ::-1] * np.array([-1, 1, 1], np.float32)[:, None, None, None]
        return Features(Edges(field, self.edges.spacing), self.bins[::-1])

    def moved(self, distance_mm: float) -> "Features":
        """Shifted to one side."""
        voxels = round(distance_mm / self.edges.spacing[0])
        bins = np.full_like(self.bins, -1)
        bins[voxels:] = self.bins[:-voxels]
        return Features(Edges(np.roll(self.edges.field, voxels, axis=1), self.edges.spacing), bins)


def compare(one: Features, other: Features) -> tuple[float, float]:
    """Match of the edges; normalised mutual information (Studholme et al. 1999, doi:10.1016/S0031-3203(98)00091-0)."""
    both = (one.bins >= 0) & (other.bins >= 0)
    joint = np.bincount(one.bins[both] * BINS + other.bins[both], minlength=BINS**2).reshape(BINS, BINS)
    information = (entropy(joint.sum(axis=0)) + entropy(joint.sum(axis=1))) / entropy(joint.ravel())
    return edge_match(one.edges, other.edges), information


def entropy(counts: np.ndarray) -> float:
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())


def coarse(volume: Volume) -> Volume:
    """Half the voxels along each axis."""
    array = ndimage.gaussian_filter(volume.array, 1.0)[1::2, 1::2, 1::2]
    affine = volume.affine @ np.diag([2, 2, 2, 1])
    affine[:3, 3] = (volume.affine @ np.array([1, 1, 1, 1]))[:3]
    return Volume(np.ascontiguousarray(array), affine)


def measure(study: Study, parts: dict[str, Iterable[dict]], only: str | None) -> list[dict]:
    """A row per comparison: case, both subjects, sequence, the two measures. What is there already is read."""
    rows = []
    for name, part in parts.items():
        path = study.work / f"{name}.csv"
        if not path.exists() and only in (None, name):
            write_csv(path, pd.DataFrame(part))
        if path.exists():
            rows += pd.read_csv(path).to_dict("records")
    return rows


def row(case: str, subject: str, other: str, sequence: str, measures: tuple[float, float]) -> dict:
    return {"case": case, "subject": subject, "other": other, "sequence": sequence} | dict(
        zip(("edge_match", "nmi"), measures, strict=True)
    )


def own(study: Study) -> Iterable[dict]:
    """Genuine pairs, mirrored ones and shifted ones."""
    for subject in study.subjects:
        reference = study.features(subject, study.reference)
        for sequence in study.others:
            if study.has(subject, sequence):
                other = study.features(subject, sequence)
                changed = {"own": other, "mirrored": other.mirrored()}
                changed |= {f"shifted {distance} mm": other.moved(distance) for distance in SHIFTS_MM}
                for case, features in changed.items():
                    yield row(case, subject, subject, sequence, compare(reference, features))


def signs(study: Study) -> Iterable[dict]:
    """Correlation of every scan with the atlas's T1."""
    for subject in study.subjects:
        for sequence in (study.reference, *study.others):
            if study.has(subject, sequence):
                yield {"case": "sign", "subject": subject, "sequence": sequence} | {
                    "edge_match": study.features(subject, sequence).atlas
                }


def drawn(study: Study, count: int, seed: int) -> Iterable[tuple[str, str, str]]:
    """Pairs of strangers, both from one half of the patients, and a sequence of the second."""
    rng, halves = np.random.default_rng(seed), (study.subjects[::2], study.subjects[1::2])
    seen = set()
    while len(seen) < count:
        half = halves[rng.integers(2)]
        subject, other = rng.choice(len(half), 2, replace=False)
        sequence = study.others[rng.integers(len(study.others))]
        triple = half[subject], half[other], sequence
        if study.has(half[other], sequence) and triple not in seen:
            seen.add(triple)
            yield triple


def in_the_atlas(study: Study, count: int) -> Iterable[dict]:
    """Strangers, both in their places in the atlas."""
    for subject, other, sequence in drawn(study, count, SEED):
        measures = compare(study.features(subject, study.reference), study.features(other, sequence))
        yield row("stranger, in the atlas", subject, other, sequence, measures)


def laid_on(study: Study, count: int) -> Iterable[dict]:
    """Strangers by their headers alone."""
    for subject, other, sequence in drawn(study, count, SEED + 1):
        there = Features.of(study.values(study.scan(other, sequence), study.matrices[subject]), study)
        measures = compare(study.features(subject, study.reference), there)
        yield row("stranger, by the header", subject, other, sequence, measures)


def registered(study: Study, count: int) -> Iterable[dict]:
    """Strangers after a registration, as for scans that start `raw`."""
    region = coarse(Volume(study.mask.astype(np.float32), study.brain.affine)).array > 0.5
    for subject, other, sequence in drawn(study, count, SEED + 2):
        fixed = coarse(Volume(study.own_values(subject, study.reference), study.brain.affine))
        scan = study.scan(other, sequence)
        found = register(fixed, scan, region, samples=SAMPLES)
        there = Features.of(study.values(scan, found.matrix), study)
        yield row(
            "stranger, registered", subject, other, sequence, compare(study.features(subject, study.reference), there)
        )


def section(rows: list[dict], study: Study) -> str:
    """The tables as Markdown."""
    settings = BrainExtractionSettings()
    limits = {"refused": settings.min_edge_match, "marked or refused": settings.sure_edge_match}
    first, second = ({*study.subjects[start::2]} for start in (0, 1))
    lines = [
        "```bash",
        "python benchmarks/bench_gate.py --table data/mri/tcga_lgg_8bit/scans.csv --work DIR \\",
        "    --page docs/preprocessing.md",
        "```",
        "",
        f"{len(study.subjects)} patients, {count(rows, 'own')} genuine pairs; "
        f"the measure takes {cost(study):.2f} CPU seconds a sequence.",
        "",
        "| second sequence | pairs | match of edges: lowest, 5 %, median, 95 %, highest | the same of NMI |",
        "|---|---:|---|---|",
    ]
    cases = [*CASES, *(f"shifted {distance} mm" for distance in SHIFTS_MM)]
    for case in cases:
        parts = [spread([row[name] for row in rows if row["case"] == case]) for name in ("edge_match", "nmi")]
        lines.append(f"| {case} | {count(rows, case)} | {' | '.join(parts)} |")
    held_out = [row for row in rows if row["subject"] in second]
    chosen = limits_of([row for row in rows if row["subject"] in first])
    lines += [
        "",
        f"Chosen on the first half of the patients: refuse below {chosen[0]:.3f} (three fifths of the lowest genuine "
        f"pair), mark below {chosen[1]:.3f} (what 95 % of the genuine pairs exceed). The defaults are "
        f"{settings.min_edge_match:g} and {settings.sure_edge_match:g}. With these, on the second half:",
        "",
        "| second sequence | pairs | " + " | ".join(limits) + f" | NMI below {NMI_LIMIT} |",
        "|---|---:|" + "---:|" * (len(limits) + 1),
    ]
    for case in cases:
        here = [row for row in held_out if row["case"] == case]
        below = [share(sum(row["edge_match"] < limit for row in here), len(here)) for limit in limits.values()]
        below.append(share(sum(row["nmi"] < NMI_LIMIT for row in here), len(here)))
        lines.append(f"| {case} | {len(here)} | {' | '.join(below)} |")
    signs = {
        name: [row["edge_match"] for row in rows if row["case"] == "sign" and row["sequence"] == name]
        for name in (study.reference, *study.others)
    }
    lines += [
        "",
        "| correlation with the atlas's T1 inside the brain | scans | below 0 | median |",
        "|---|---:|---:|---:|",
    ]
    for name, values in signs.items():
        lines.append(f"| {name} | {len(values)} | {sum(value < 0 for value in values)} | {np.median(values):.2f} |")
    return "\n".join(lines)


def limits_of(rows: list[dict]) -> tuple[float, float]:
    """Limits from genuine pairs: three fifths of the lowest, a margin for other scanners, and what 95 % exceed."""
    genuine = np.array([row["edge_match"] for row in rows if row["case"] == "own"])
    return 0.6 * genuine.min(), float(np.quantile(genuine, 0.05))


def cost(study: Study) -> float:
    """CPU seconds that the measure takes for one sequence of the first patient, on the atlas's grid."""
    subject = study.subjects[0]
    reference, values = study.features(subject, study.reference), study.own_values(subject, study.reference)
    start = time.process_time()
    edge_match(reference.edges, edges(values, study.mask, study.brain.spacing))
    return time.process_time() - start


def count(rows: list[dict], case: str) -> int:
    return sum(row["case"] == case for row in rows)


def spread(values: list[float]) -> str:
    return ", ".join(f"{value:.3f}" for value in np.quantile(values, [0, 0.05, 0.5, 0.95, 1])) if values else "–"


def share(hits: int, total: int) -> str:
    """Percentage with the interval of Clopper and Pearson."""
    if not total:
        return "–"
    interval = stats.binomtest(hits, total).proportion_ci(method="exact")
    return f"{hits / total:.1%} ({interval.low:.1%}–{interval.high:.1%})"


if __name__ == "__main__":
    main()
