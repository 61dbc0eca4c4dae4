"""Settings for the texts for a journal: those of the study and its datasets, and descriptions of losses."""

import ast
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel

from imbalance_aware.config import Config, Study
from imbalance_aware.losses import LOSSES
from imbalance_aware.losses.arguments import takes_class_counts
from imbalance_aware.provenance import PACKAGE, module_path
from imbalance_aware.sources.lookup import is_generated
from imbalance_aware.sources.user_table import Listed
from imbalance_aware.study_design import study_design
from imbalance_aware.training.sampling import SAMPLERS

#: Begins the paragraph of a loss's docstring that names where its formula is from.
SOURCE = "Source:"


def journal_settings(study: Study, config: Config) -> dict[str, Any]:
    """The settings of a study that its texts state, as values of JSON.

    Raises:
        UserError: the table that decides a dataset's split cannot be read.
    """
    design = study_design(study, config)
    datasets = {
        name: shown | about_dataset(config.datasets[name]) | _of_data(config.datasets[name])
        for name, shown in design["datasets"].items()
    }
    terms = dict.fromkeys(term for condition in study.conditions.values() for term in condition.terms)
    samplings = dict.fromkeys(condition.sampling for condition in study.conditions.values())
    return design | {
        "datasets": datasets,
        "losses": {term: loss_reference(term) | _arguments(term, study) for term in terms},
        "samplings": {name: SAMPLERS[name].meaning for name in samplings},
    }


def about_dataset(settings: Any) -> dict[str, Any]:
    """What a dataset is: ``kind``, ``phantoms``, ``sources``, ``sequences`` (of volumes), as values of JSON.

    ``sources`` describes the source and its cohorts in one sentence each. It is empty for images that users list
    themselves, of which only they know the source.
    """
    parts = [settings, *getattr(settings, "cohorts", ())]
    known = [] if isinstance(settings, Listed) else [part for part in parts if isinstance(part, BaseModel)]
    return {
        "kind": settings.kind,
        "phantoms": is_generated(settings.adapter),
        "sources": [_first_paragraph(type(part).__doc__ or "") for part in known],
        "sequences": [*settings.sequences] if settings.kind == "volumes" else [],
    }


def card_settings(settings: Any) -> dict[str, Any]:
    """What a model card states of the dataset that is in no file of the run, as values of JSON.

    Raises:
        UserError: the table that decides the dataset's split cannot be read.
    """
    return about_dataset(settings) | {"split": settings.chosen_split().method, "shape": [*settings.training_shape]}


def _of_data(settings: Any) -> dict[str, Any]:
    shown = {
        "conflicts": settings.conflicts,
        "subgroups": [*getattr(settings, "subgroups", ())],
        "ordered": settings.ordered,
        "has_costs": settings.costs is not None,
        "prevalence": settings.deployment_prevalence,
    }
    if settings.kind == "volumes":
        steps = settings.preprocessing
        shown |= {
            # The wheel holds one atlas, whose bytes are checked; of a folder, only its owner knows what it is.
            "atlas": "SRI24 in the space of BraTS"
            if getattr(steps, "atlas", None) and steps.atlas.suffix == ".whl"
            else "",
            "brain_volume_ml": list(steps.brain_extraction.volume_ml),
            "min_atlas_overlap": steps.brain_extraction.min_atlas_overlap,
            "min_edge_match": steps.brain_extraction.min_edge_match,
            "min_inside_brain": steps.mask.min_inside_brain,
        }
    return shown


def loss_reference(name: str) -> dict[str, Any]:
    """What a loss is and where its formula is from, as its docstring says: ``summary``, ``source``, ``takes_counts``.

    Args:
        name: of a loss in `LOSSES`.

    Returns:
        ``source`` is empty where the docstring names none. The module is read, not imported, so that torch is not.
    """
    module, _, cls = LOSSES[name].partition(":")
    tree = ast.parse(module_path(module.removeprefix(f"{PACKAGE}.")).read_text(encoding="utf-8"))
    docs = [ast.get_docstring(node) for node in tree.body if isinstance(node, ast.ClassDef) and node.name == cls]
    paragraphs = [" ".join(part.split()).replace("``", "") for part in (docs[0] or "").split("\n\n")] if docs else []
    sources = [part.removeprefix(SOURCE).strip() for part in paragraphs if part.startswith(SOURCE)]
    return {
        "summary": paragraphs[0] if paragraphs else "",
        "source": sources[0] if sources else "",
        "takes_counts": takes_class_counts(LOSSES[name]),
    }


def _arguments(term: str, study: Study) -> dict[str, list[str]]:
    """Different sets of arguments with which the conditions of a study use a loss, each as text."""
    given: Iterable[Mapping[str, Any]] = (
        condition.kwargs.get(term, {}) for condition in study.conditions.values() if term in condition.terms
    )
    texts = (", ".join(f"{key} = {value}" for key, value in arguments.items()) for arguments in given)
    return {"arguments": [text for text in dict.fromkeys(texts) if text]}


def _first_paragraph(docstring: str) -> str:
    return " ".join(docstring.partition("\n\n")[0].split())
