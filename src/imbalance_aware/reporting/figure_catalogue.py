"""Every figure of the workflow, one row each; its rule, its targets, its caption and its step are made from the row.

To add a figure, write a module that draws it and add a row here. Planning reads this, so it imports nothing heavy.
Modules that draw do not import it, so that editing a caption does not redraw figures.
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
            "the study, who is tested on whom, preprocessing and augmentation; the conditions, one dot each, with the "
            "baseline in a ring; training; and what the study is judged by. Excluded subjects do not count; the flow "
            "table says why they are out."
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
            "class, in all and per cohort, or per side of the split where there is one cohort (a cross-validated "
            "dataset has no sides: all its subjects are tested). Excluded subjects do not count; the flow table says "
            "why they are out."
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
            "**Balanced accuracy of every condition**, study *{study}*. Large mark: the mean over seeds, with its 95 % "
            "intervals. Thick: for other patients and these trained models; thin: for other patients and other seeds "
            "(with one seed there is none); dotted, of cross-validated datasets: for other training data too. Small "
            "dots above: the single seeds (of a cross-validated dataset one seed and repeat, the predictions of all "
            "folds pooled). Open diamond: the paper's value where there is one. A dagger in place of a dot: the run "
            "collapsed, that is, predicts one class for every subject. Runs that diverged have no value and no dot. A "
            "note names the classes that have fewer than five test subjects. Whether two conditions differ is read "
            "from the figure of differences, not from whether their intervals overlap."
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
            "**F1 score of each class**, dataset *{dataset}*, study *{study}*; above each panel the class with its "
            "test subjects. Large mark: the mean over seeds, with its 95 % intervals. Thick: for other patients and "
            "these trained models; thin: for other patients and other seeds (with one seed there is none); dotted, of "
            "cross-validated datasets: for other training data too. Small dots above: the single seeds; a dagger: a "
            "run that collapsed. A class with fewer than five patients has no interval."
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
            "*{study}*, under every decision rule (@prior: a prior shift). Thick: 95 % "
            "interval for other patients and these trained models. Thin: for other patients and other seeds, that is, "
            "if training were done again on the same training data; with one seed there is none. Dotted, of "
            "cross-validated datasets: for other training data too. Each interval is for one difference; the "
            "conclusion on its right holds for all comparisons with the baseline together, for other patients and "
            "seeds (with one seed, for these models). *Equivalent* means that the difference is smaller than the "
            "relevant one, *undecided* that the data cannot tell. *Not estimable*: too few patients in a class, or no "
            "patient changes the difference."
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
            "**Ranks by the primary metric**, dataset *{dataset}*, study *{study}*. Mark: expected rank over resamples "
            "of patients and seeds (of patients alone with one seed); line: its 95 % range; grey tick: the rank of the "
            "values as they are. Blue rows may be best: no other condition is better than they by intervals that hold "
            "for all pairs together. On the right, the share of resamples in which a condition ranks first, which is "
            "not the probability that it is the best."
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
            "the order of their values, the best first. Below the diagonal: by how much the column is better than the "
            "row. Above it: what may be said of the row by 95 % intervals that hold for all pairs together, "
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
            "**ROC curve of each class against the rest**, dataset *{dataset}*, study *{study}*; in brackets the test "
            "subjects of the class. Lines: the mean over seeds, of sensitivity at equal specificity; bands: from the "
            "lowest to the highest seed, not an interval for other patients. The area under a line is the mean AUROC "
            "of the class. Of a cross-validated dataset, curves are made within each fold and averaged over the folds. "
            "A dagger: some runs of this condition collapsed, that is, predict one class for every subject."
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
            "**Precision-recall curve of each class against the rest**, dataset *{dataset}*, study *{study}*; dashed: "
            "the share of the class, which is the precision of chance. Lines: the mean over seeds, of precision at "
            "equal recall; bands: from the lowest to the highest seed, not an interval for other patients. The area "
            "under a line is the mean average precision of the class. Of a cross-validated dataset, curves are made "
            "within each fold and averaged over the folds. A dagger: some runs of this condition collapsed."
        ),
    ),
    Figure(
        name="reliability",
        step="reliability",
        summary="draw how well each class's probabilities are calibrated",
        label="Reliability by class",
        scope="dataset",
        options=("metrics", "unit"),
        files="run_predictions",
        caption=(
            "**Reliability of the probabilities of each class**, dataset *{dataset}*, study *{study}*: share of test "
            "subjects that are of the class over the mean probability that they are given, in ten bins of equally many "
            "subjects. Points: the mean over seeds; bands: from the lowest to the highest seed, not an interval for "
            "other patients. Below the diagonal the probabilities are too high. The mean distance of the points of a "
            "run from the diagonal is the calibration error of the class. Folds of a cross-validated dataset are taken "
            "together."
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
            "is at least the threshold, which also says how many false positives one true positive is worth. Grey: "
            "treating all (dashed) or none (full); panels are cut a little below 0. At the deployment prevalence where "
            "the dataset declares one, else at that of the test set. Lines: the mean over seeds; bands: from the "
            "lowest to the highest seed, not an interval for other patients. Folds of a cross-validated dataset are "
            "taken together."
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
            "where the dataset is cross-validated; band: from the lowest to the highest of them; cross: the last "
            "finite loss of a training that diverged. Each loss has its own scale: values of different losses do not "
            "compare. Where there is a validation part, its loss (without augmentation) and the primary metric on it "
            "are shown beside it."
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
            "first, and of all folds and repeats of a cross-validated dataset. In brackets: the test subjects of each "
            "class. A dagger: so many runs collapsed, that is, predict one class for every subject. A note names the "
            "classes that have fewer than five test subjects: their percentages rest on next to nothing."
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
            "**What augmentation does** to the first training image (of a cross-validated dataset, the first "
            "of all), dataset *{dataset}*: each change alone, then all "
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
            "the colour of its true class; below, the run's F1 scores. Of a cross-validated dataset, the map shows the "
            "first fold only, the F1 scores are of all folds. A note names the classes that have fewer than five test "
            "subjects. Distances between clusters mean little in t-SNE."
        ),
    ),
    Figure(
        name="explanations",
        step="figure_explanations",
        summary="draw what the best and the baseline condition look at",
        label="Explanations (Grad-CAM)",
        scope="dataset",
        options=("metrics", "similarity", "sequences"),
        files="maps",
        caption=(
            "**Where networks find what raises the score of a class** (Grad-CAM, Selvaraju et al. 2017), dataset "
            "*{dataset}*, study *{study}*: the baseline, the best condition by the primary metric, and untrained "
            "networks of the same architecture (sanity check of Adebayo et al. 2018). Networks are of the first seed, "
            "of a cross-validated dataset of its first fold, and subjects are tested by them. Of each true class: the "
            "subject that the best condition classifies correctly with median confidence, and the one that it "
            "classifies wrongly with the highest confidence. All maps of a row explain the class that the best "
            "condition predicts. "
            "Below each map: the predicted class with its probability, in brackets the explained class where it is "
            "another, and the mean of Spearman's correlation with the maps of ten untrained networks, over the cells "
            "of the layer (undefined where a map is the same in all cells). Of the untrained networks the first is "
            "shown whose map is not 0 everywhere. Each map has its own scale, from 0 to its maximum over the image or "
            "volume, so that colours do not compare between maps. Maps are interpolated linearly from few cells, so "
            "that their edges are no outlines of anything. Of volumes, the middle axial slice of what the network "
            "sees; the patient's left is on the right. Grad-CAM shows where, not what or why; it leaves out what "
            "speaks against the class; a map on the lesion does not show that the prediction rests on the lesion; and "
            "a few subjects say nothing of the others. If the maps of trained networks are as much like those of "
            "untrained ones as like each other, they show image and architecture rather than what was learned."
        ),
    ),
)
