"""Every figure of the workflow, one row each; its rule, targets, caption and step are derived from the row.

To add a figure, write a module that draws it and add a row here. Planning reads this, so it imports nothing heavy.
Modules that draw do not import it, so that editing a caption does not redraw figures.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Figure:
    """One figure, as ``results/figures/{study}/<name>.png`` and ``.pdf``, in the dataset's folder if it has one.

    Attributes:
        name: file name without suffix.
        step: the module in `reporting` that draws it; also the name of the command and of the rule.
        summary: what the command does, for ``--help``.
        label: its title in the report.
        scope: whether one figure shows the whole study or one of its datasets.
        options: of the command, besides ``--png`` and ``--pdf``: names of ``INPUTS`` in ``workflow/rules/figures.smk``,
            such as ``metrics`` for ``--metrics`` and its path, or of ``OPTIONS`` there.
        files: the one of ``INPUTS`` whose files the command takes without a name; empty if there is none.
        caption: for the report, in reStructuredText; ``{study}`` and ``{dataset}`` are replaced by their names.
        waits_for: those of ``INPUTS`` that are not arguments of the command, since it finds them next to other inputs.
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
        name="figure1_study_design",
        step="study_design",
        summary="draw the design of a study from its configuration",
        label="Study design",
        scope="study",
        options=("design",),
        files="samples_of_datasets",
        caption=(
            "**Design of the study** *{study}*, from its configuration: for each dataset the samples of each class in "
            "the study, the split, preprocessing and augmentation; the conditions, one dot each, with the "
            "baseline circled; training; and the declared evaluation. Excluded subjects are not counted; the flow "
            "table gives the reasons."
        ),
    ),
    Figure(
        name="figure5_class_distribution",
        step="class_distribution",
        summary="draw how many samples each class has",
        label="Class distribution",
        scope="study",
        files="samples_of_datasets",
        caption=(
            "**Class distribution** of the datasets of the study *{study}*: share and number of subjects of each "
            "class, in total and per cohort or, with a single cohort, per part of the split (a cross-validated "
            "dataset has no parts: all its subjects are tested). Excluded subjects are not counted; the flow table "
            "gives the reasons."
        ),
    ),
    Figure(
        name="balanced_accuracy",
        step="metric_dots",
        summary="draw a metric of every condition with its intervals",
        label="Balanced accuracy by condition",
        scope="study",
        options=("metrics", "values", "published", "unit"),
        caption=(
            "**Balanced accuracy of every condition**, study *{study}*. Large mark: the mean over seeds, with its 95 "
            "% intervals. Thick: for other patients and these trained models; thin: for other patients and other "
            "seeds (not available with one seed); dotted, for cross-validated datasets: for other training data too. "
            "Small dots above: the single seeds (for a cross-validated dataset, one seed and repeat with the "
            "predictions of all folds pooled). Open diamond: the paper's value, if there is one. A dagger in place "
            "of a dot: the run collapsed, that is, it predicts one class for every subject. Runs that diverged have "
            "no value and no dot. A note names classes with fewer than five test subjects. To judge whether two "
            "conditions differ, use the figure of differences, not the overlap of their intervals."
        ),
    ),
    Figure(
        name="f1_by_class",
        step="f1_by_class",
        summary="draw the F1 score of every class with its intervals",
        label="F1 by class",
        scope="dataset",
        options=("metrics", "values", "dataset", "unit"),
        caption=(
            "**F1 score of each class**, dataset *{dataset}*, study *{study}*; above each panel the class and its "
            "number of test subjects. Large mark: the mean over seeds, with 95 % intervals. Thick: for other "
            "patients and these trained models; thin: for other patients and other seeds (not available with one "
            "seed); dotted, for cross-validated datasets: for other training data too. Small dots above: the single "
            "seeds; a dagger: a run that collapsed. A class with fewer than five patients has no interval."
        ),
    ),
    Figure(
        name="differences",
        step="difference_forest",
        summary="draw the differences from the baseline with both intervals",
        label="Differences from the baseline",
        scope="dataset",
        options=("metrics", "values", "comparisons", "dataset", "relevant"),
        caption=(
            "**Difference of every condition from the baseline** in the primary metric, dataset *{dataset}*, study "
            "*{study}*, under every decision rule (@prior: a prior shift). Thick: 95 % interval for other patients "
            "and these trained models. Thin: for other patients and other seeds, that is, if training were repeated "
            "on the same training data; not available with one seed. Dotted, for cross-validated datasets: for other "
            "training data too. Each interval is for one difference; the conclusion on its right is corrected for "
            "all comparisons with the baseline, for other patients and seeds (with one seed, for these models). "
            "*Equivalent*: the difference is smaller than the relevant difference; *undecided*: the data are "
            "inconclusive; *not estimable*: too few patients in a class, or no patient changes the difference."
        ),
    ),
    Figure(
        name="ranks",
        step="rank_intervals",
        summary="draw the ranks with intervals",
        label="Ranks",
        scope="dataset",
        options=("metrics", "values", "ranks", "dataset"),
        caption=(
            "**Ranks by the primary metric**, dataset *{dataset}*, study *{study}*. Mark: expected rank over "
            "resamples of patients and seeds (with one seed, of patients only); line: its 95 % range; grey tick: the "
            "rank by the observed values. Blue rows may be best: no other condition is better than them by "
            "simultaneous intervals of all pairs. On the right, the share of resamples in which a condition ranks "
            "first, which is not the probability that it is the best."
        ),
    ),
    Figure(
        name="all_pairs",
        step="all_pairs",
        summary="draw every condition against every other",
        label="All pairs",
        scope="dataset",
        options=("metrics", "values", "comparisons", "ranks", "dataset"),
        caption=(
            "**Every condition against every other** in the primary metric, dataset *{dataset}*, study *{study}*, in "
            "order of their values, the best first. Below the diagonal: by how much the column is better than the "
            "row. Above it: the conclusion about the row by simultaneous 95 % intervals of all pairs, "
            "for other patients and other seeds (with one seed for these trained models): better, worse, equivalent "
            "or undecided. Undecided is not equivalent."
        ),
    ),
    Figure(
        name="roc_curves",
        step="roc_curves",
        summary="draw the ROC curve of each class",
        label="ROC curves",
        scope="dataset",
        options=("metrics", "unit"),
        files="run_predictions",
        caption=(
            "**ROC curve of each class against the rest**, dataset *{dataset}*, study *{study}*; in brackets the "
            "number of test subjects of the class. Lines: mean sensitivity over seeds at equal specificity; bands: "
            "from the lowest to the highest seed, not a confidence interval. The area under a line is the mean AUROC "
            "of the class. For a cross-validated dataset, curves are computed within each fold and averaged over the "
            "folds. A dagger: some runs of this condition collapsed, that is, they predict one class for every "
            "subject."
        ),
    ),
    Figure(
        name="precision_recall_curves",
        step="precision_recall_curves",
        summary="draw the precision-recall curve of each class",
        label="Precision-recall curves",
        scope="dataset",
        options=("metrics", "unit"),
        files="run_predictions",
        caption=(
            "**Precision-recall curve of each class against the rest**, dataset *{dataset}*, study *{study}*; "
            "dashed: the class prevalence, which is the precision of chance. Lines: mean precision over seeds at "
            "equal recall; bands: from the lowest to the highest seed, not a confidence interval. The area under a "
            "line is the mean average precision of the class. For a cross-validated dataset, curves are computed "
            "within each fold and averaged over the folds. A dagger: some runs of this condition collapsed."
        ),
    ),
    Figure(
        name="reliability",
        step="reliability",
        summary="draw the reliability diagram of each class",
        label="Reliability by class",
        scope="dataset",
        options=("metrics", "unit"),
        files="run_predictions",
        caption=(
            "**Reliability diagrams** of each class, dataset *{dataset}*, study *{study}*: share of test subjects "
            "that belong to the class against their mean predicted probability, in ten bins with equal numbers of "
            "subjects. Points: the mean over seeds; bands: from the lowest to the highest seed, not a confidence "
            "interval. Below the diagonal, probabilities are too high. The mean distance of the points of a run from "
            "the diagonal is the calibration error of the class. Folds of a cross-validated dataset are together."
        ),
    ),
    Figure(
        name="decision_curves",
        step="net_benefit_curves",
        summary="draw the net benefit of acting on each class's probability",
        label="Decision curves",
        scope="dataset",
        options=("metrics", "unit", "context"),
        files="run_predictions",
        caption=(
            "**Decision curves** (Vickers and Elkin 2006) of each class against the rest, dataset *{dataset}*, study "
            "*{study}*: net benefit, in true positives per subject, of treating those whose probability of the class "
            "is at least the threshold; the threshold also defines how many false positives one true positive is "
            "worth. Grey: treating all (dashed) or none (solid); panels are cut slightly below 0. Computed at the "
            "deployment prevalence if the dataset declares one, otherwise at that of the test set. Lines: the mean "
            "over seeds; bands: from the lowest to the highest seed, not a confidence interval. Folds of a "
            "cross-validated dataset are pooled."
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
            "**Training loss per epoch**, dataset *{dataset}*, study *{study}*. Line: mean over seeds, and over folds "
            "if the dataset is cross-validated; band: from the lowest to the highest of them; cross: the last "
            "finite loss of a run that diverged. Each loss has its own scale: values of different losses are not "
            "comparable. If there is a validation part, its loss (without augmentation) and the primary metric on it "
            "are shown next to it."
        ),
    ),
    Figure(
        name="confusion_matrices",
        step="confusion_matrices",
        summary="draw the confusion matrix of each condition",
        label="Confusion matrices",
        scope="dataset",
        options=("metrics",),
        files="reports",
        caption=(
            "**Confusion matrices** on the test set, dataset *{dataset}*, study *{study}*. Percentage of the "
            "subjects of each true class (rows) that are predicted as each class (columns); counts of all seeds are "
            "summed first, as are those of all folds and repeats of a cross-validated dataset. In brackets: number "
            "of test subjects per class. A dagger: the number of runs that collapsed, that is, predict one class for "
            "every subject. A note names classes with fewer than five test subjects: their percentages are "
            "unreliable."
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
            "and of the patch (blue); on the right, the same slice of the patch, the input of training. The "
            "patient's left is on the right. Below the class, the tumour volume: the patient is the one with "
            "the median volume among those of the class. Each sequence is shown from 0 to the 99.5th percentile of its "
            "slice."
        ),
    ),
    Figure(
        name="figure4_augmentations",
        step="augmentation_figure",
        summary="draw the effect of augmentation on one image",
        label="Augmentation",
        scope="dataset",
        options=("sequences",),
        files="examples",
        caption=(
            "**Effect of augmentation** on the first training image (for a cross-validated dataset, the first "
            "image), dataset *{dataset}*: each augmentation alone, then all together, created by the code that "
            "creates the training batches. Single augmentations are shown at the ends of their ranges; the position "
            "of the random crop (its distance from the centre along each axis) and the strengths of the combination "
            "are drawn as in training, where each augmentation has its own probability. For volumes, three planes "
            "through the middle of one sequence are shown."
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
            "macro F1 among the runs of one seed; dataset *{dataset}*, study *{study}*. Each mark is a test subject "
            "in the colour of its true class; below, the run's F1 scores. For a cross-validated dataset, the map "
            "shows the first fold only; the F1 scores are of all folds. A note names classes with fewer than five "
            "test subjects. Distances between clusters are not meaningful in t-SNE."
        ),
    ),
    Figure(
        name="explanations",
        step="figure_explanations",
        summary="draw Grad-CAM maps of the best and the baseline condition",
        label="Explanations (Grad-CAM)",
        scope="dataset",
        options=("metrics", "similarity", "sequences"),
        files="maps",
        caption=(
            "**Image regions that raise the score of a class** (Grad-CAM, Selvaraju et al. 2017), dataset "
            "*{dataset}*, study *{study}*: the baseline, the best condition by the primary metric, and untrained "
            "networks of the same architecture (sanity check of Adebayo et al. 2018). Networks are those of the "
            "first seed (for a cross-validated dataset, of its first fold); all subjects are from their test set. "
            "For each true class: the subject that the best condition classifies correctly with median confidence, "
            "and the one that it misclassifies with the highest confidence. All maps in a row explain the class that "
            "the best condition predicts. Below each map: the predicted class with its probability, in brackets the "
            "explained class if it is different, and the mean Spearman correlation with the maps of ten untrained "
            "networks, over the cells of the layer (undefined if a map is constant). The untrained network shown is "
            "the first whose map is not 0 everywhere. Each map has its own scale, from 0 to its maximum over the "
            "image or volume, so colours are not comparable between maps. Maps are interpolated linearly from few "
            "cells, so their edges are not outlines of structures. For volumes, the middle axial slice of the "
            "network's input; the patient's left is on the right. Grad-CAM shows where, not what or why; it omits "
            "evidence against the class; a map on the lesion does not show that the prediction depends on the "
            "lesion; and a few subjects are not representative. If the maps of trained networks are as similar to "
            "those of untrained networks as to each other, they show image and architecture rather than what was "
            "learned."
        ),
    ),
)
