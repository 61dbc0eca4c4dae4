"""Every figure of the workflow, one row each; its rule, its targets, its caption and its step are made from the row.

Another figure is a module that draws it and a row here. Planning reads this, so it imports nothing heavy; and no module
that draws imports it, so that the wording of a caption redraws nothing.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Figure:
    """One figure, as ``results/figures/{study}/<name>.png`` and ``.pdf``, in the dataset's folder if it has one.

    Attributes:
        name: of its files, without suffix.
        step: the module below `reporting` that draws it, which is also the name of the command and of the rule.
        summary: what the command does, for ``--help``.
        label: what the report calls it.
        scope: whether one figure shows the whole study or one of its datasets.
        options: of the command, besides ``--png`` and ``--pdf``: names of ``INPUTS`` in ``workflow/rules/figures.smk``,
            such as ``metrics`` for ``--metrics`` and its path, or of ``OPTIONS`` there.
        files: the one of ``INPUTS`` whose files the command takes without a name; empty if there is none.
        caption: for the report, in reStructuredText; ``{study}`` and ``{dataset}`` stand for their names.
        waits_for: those of ``INPUTS`` that the command is not given, since it finds them beside the others.
        kind: the only kind of datasets that have it, if not all do.
    """

    name: str
    step: str
    summary: str
    label: str
    scope: Literal["study", "dataset"]
    caption: str
    options: tuple[str, ...] = ()
    files: str = ""
    waits_for: tuple[str, ...] = ()
    kind: Literal["images", "volumes"] | None = None

    @property
    def place(self) -> str:
        """Wildcards of what it shows."""
        return {"study": "{study}", "dataset": "{study}/{dataset}"}[self.scope]

    @property
    def path(self) -> str:
        """Its files, without suffix, with wildcards for study and dataset."""
        return f"results/figures/{self.place}/{self.name}"


FIGURES = (
    Figure(
        name="figure5_class_distribution",
        step="class_distribution",
        summary="draw how many samples each class has",
        label="Class distribution",
        scope="study",
        files="samples_of_datasets",
        caption=(
            "**Class distribution** of the datasets of the study *{study}*: share and number of subjects of each "
            "class, in all and per cohort, or per side of the split where there is one cohort. Excluded subjects do "
            "not count; the flow table says why they are out."
        ),
    ),
    Figure(
        name="balanced_accuracy",
        step="metric_dots",
        summary="draw a metric of every condition",
        label="Balanced accuracy by condition",
        scope="study",
        options=("metrics", "published"),
        caption=(
            "**Balanced accuracy of every condition and seed**, study *{study}*. Each filled mark is one seed, the bar "
            "their mean, the open diamond the paper's value where there is one. A dagger in place of a filled mark: "
            "the run collapsed, that is, predicts one class for every subject. Runs that diverged have no value and no "
            "mark. A note names the classes that have fewer than five test subjects."
        ),
    ),
    Figure(
        name="learning_curves",
        step="learning_curves",
        summary="draw the training loss of every condition",
        label="Learning curves",
        scope="dataset",
        options=("metrics",),
        files="histories",
        caption=(
            "**Training loss per epoch**, dataset *{dataset}*, study *{study}*. Line: mean over seeds; band: from the "
            "lowest to the highest seed; cross: the last finite loss of a seed that diverged. Each loss has its own "
            "scale: values of different losses do not compare."
        ),
    ),
    Figure(
        name="confusion_matrices",
        step="confusion_matrices",
        summary="draw what each condition mistakes for what",
        label="Confusion matrices",
        scope="dataset",
        options=("metrics",),
        files="reports",
        caption=(
            "**Confusion matrices** on the test set, dataset *{dataset}*, study *{study}*. Percent of the subjects of "
            "each true class (rows) that are predicted as each class (columns); counts of all seeds are added up "
            "first. In brackets: the test subjects of each class. A dagger: so many runs collapsed, that is, predict "
            "one class for every subject. A note names the classes that have fewer than five test subjects: their "
            "percentages rest on next to nothing."
        ),
    ),
    Figure(
        name="figure3_sequences",
        step="sequences",
        summary="draw a patient of each class in every sequence",
        label="Sequences",
        scope="dataset",
        options=("sequences", "images", "samples", "qc", "subjects"),
        waits_for=("slices",),
        kind="volumes",
        caption=(
            "**One patient of each class**, dataset *{dataset}*: on the left, the axial slice of each sequence through "
            "the middle of the patch, scaled to [0, 1] inside the brain, with the outline of the tumour mask (orange) "
            "and of the patch (blue); on the right, the same slice of the patch, which is what training reads. The "
            "patient's left is on the right. Below the class, the volume of the tumour: the patient is the one with "
            "the median volume among those of the class. Each sequence is shown from 0 to the 99.5th percentile of its "
            "slice."
        ),
    ),
    Figure(
        name="figure4_augmentations",
        step="augmentation_figure",
        summary="draw what augmentation does to one image",
        label="Augmentation",
        scope="dataset",
        options=("sequences",),
        files="examples",
        caption=(
            "**What augmentation does** to the first training image, dataset *{dataset}*: each change alone, then all "
            "together, made by the code that makes the batches of training. Strengths alone are the ends of their "
            "ranges; the place of the random crop (its distance from the centre, along each axis) and the strengths of "
            "all together are drawn as in training, where each change is made with its own probability. Of volumes, "
            "three planes through the middle of one sequence are shown."
        ),
    ),
    Figure(
        name="figure2_feature_map",
        step="feature_map",
        summary="draw the features of the best and the worst condition",
        label="t-SNE of the features",
        scope="dataset",
        options=("metrics",),
        files="features",
        waits_for=("predictions",),
        caption=(
            "**Features of the last layer**, mapped to the plane by t-SNE, for the best and the worst condition by "
            "macro F1 among the runs of one seed; dataset *{dataset}*, study *{study}*. Each mark is a test subject in "
            "the colour of its true class; below, the run's F1 scores. A note names the classes that have fewer than "
            "five test subjects. Distances between clusters mean little in t-SNE."
        ),
    ),
)
