"""Merged settings, conditions, software versions and code revision of the study."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from imbalance_aware import __version__
from imbalance_aware.report.revision import revision
from imbalance_aware.report.study_files import StudyFiles
from imbalance_aware.report.trainings import recorded
from imbalance_aware.reporting.grid import MISSING, Cell, Panel, Row
from imbalance_aware.reporting.labels import readable

#: What a run records of where it ran, apart from versions.
PLACES = ("device", "precision", "threads", "processor")
#: Blocks of the settings, in the order of the page; conditions have a table of their own.
BLOCKS = ("study", "datasets", "model", "training", "augmentation", "evaluation")


def gather(study: StudyFiles) -> dict[str, Any]:
    """Tables of settings, conditions, versions and code."""
    runs = [(run, recorded(study, run)) for dataset in study.datasets for run in study.trainings(dataset)]
    codes: dict[str, Counter[str]] = {}
    for run, known in runs:
        codes.setdefault(run.condition, Counter())[str(known.get("code", MISSING))] += 1
    return {
        "version": __version__,
        "revision": revision(),
        "settings": _settings(study.config),
        "conditions": _conditions(study, codes),
        "several_codes": sorted(name for name, found in codes.items() if len(found) > 1),
        "versions": _versions([known for _, known in runs]),
    }


def _settings(config: Mapping[str, Any]) -> Panel:
    rows = [Row((key, value), ()) for block in BLOCKS for key, value in _flat(block, _block(block, config))]
    return Panel(("Setting", "Value"), (), tuple(rows))


def _block(name: str, config: Mapping[str, Any]) -> Any:
    """A block of the settings; of the datasets only what the configuration says."""
    if name != "datasets":
        return config[name]
    return {dataset: known["settings"] for dataset, known in config["datasets"].items()}


def _flat(place: str, value: Any) -> Iterable[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for key, below in value.items():
            yield from _flat(f"{place}.{key}", below)
    else:
        yield place, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _conditions(study: StudyFiles, codes: Mapping[str, Counter[str]]) -> Panel:
    baseline = study.config["evaluation"]["baseline"]
    rows = []
    for condition in study.config["conditions"]:
        name = condition["condition"]
        cells = [str(condition["loss"]), readable(condition["sampling"]), "yes" if condition["weighted"] else "no"]
        cells += [", ".join(codes.get(name, {})) or MISSING, "baseline" if name == baseline else ""]
        rows.append(Row((name,), tuple(map(Cell, cells))))
    return Panel(("Condition",), ("Loss", "Sampling", "Sample weights", "Code of its runs", "Role"), tuple(rows))


def _versions(runs: Iterable[Mapping[str, Any]]) -> Panel:
    """How many trainings ran with which versions, where."""
    found: Counter[tuple[tuple[str, str], ...]] = Counter()
    for known in runs:
        places = {name: known[name] for name in PLACES if name in known}
        found[tuple((name, str(value)) for name, value in {**known.get("versions", {}), **places}.items())] += 1
    names = list(dict.fromkeys(name for kind in found for name, _ in kind))
    rows = [
        Row(tuple(dict(kind).get(name, MISSING) for name in names), (Cell(str(count)),))
        for kind, count in found.most_common()
    ]
    return Panel(tuple(readable(name) for name in names), ("Trainings",), tuple(rows))
