"""The tiny study with both arms: photographs that are drawn, and drawn heads in a table of the user's."""

from pathlib import Path

from tiny_study import ROWS, TINY, Workflow, copied

import mri_cases

#: Subject -> class of the heads.
HEADS = {"a1": "glioblastoma", "a2": "glioblastoma", "b1": "astrocytoma", "b2": "astrocytoma"}
CONDITIONS = ("ce-uniform", "mcc-oversampling")
STUDY = TINY["studies"]["tiny"] | {"datasets": ["volumes", "fundus_phantoms"]}


def configuration(studies: dict[str, dict], datasets: dict[str, dict] | None = None, **volumes: object) -> dict:
    """The configuration of studies like `STUDY`.

    Args:
        studies: settings of each study; a study named ``tiny`` is the one that runs.
        datasets: datasets beside the heads and the photographs of the tiny study.
        volumes: keys of the dataset of heads that its table and its preprocessing do not say.
    """
    steps = {"atlas": "heads/atlas", "registration": {"samples": 3000}, "brain_extraction": {"method": "threshold"}}
    heads = {"adapter": "folder3d", "table": "heads/table.csv", "preprocessing": steps | {"crop": {"size": 24}}}
    return TINY | {
        "datasets": TINY["datasets"] | {"volumes": heads | volumes} | (datasets or {}),
        "augmentation": {"volumes": {"crop": 16}},
        "studies": studies,
    }


def written(checkout: Path, folder: Path, config: dict) -> Workflow:
    """A copy of the workflow in an empty folder, with a configuration of both arms and the heads that it reads."""
    workflow = copied(checkout, folder)
    workflow.configure(config)
    workflow.conditions({name: ROWS[name] for name in CONDITIONS})
    mri_cases.write_subjects(workflow.folder / "heads", HEADS)
    return workflow
