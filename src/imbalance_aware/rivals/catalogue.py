"""Every rival, one row each: its settings, labels, jobs and documentation are made from the row.

To add a rival, write a module with a `Method` (see `imbalance_aware.rivals.frozen`), add a row here and a section to
``docs/rivals.md``. Planning reads this, so it imports nothing heavy.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Rival:
    """One way to classify by the features of a trained network.

    Attributes:
        label: name in print.
        meaning: what it does, for the manual and the texts for a journal; completes "cRT: …".
        source: where the method is from.
        module: below the package; its ``METHOD`` is the `imbalance_aware.rivals.frozen.Method`.
        balances: whether it corrects for the class frequencies of the training set. Together with another correction
            (sample weights, sampling, prior shift) it corrects twice.
    """

    label: str
    meaning: str
    source: str
    module: str
    balances: bool


KANG = "Kang et al., Decoupling representation and classifier for long-tailed recognition, ICLR 2020"

#: Name in the settings and in the names of conditions (``ce-uniform+crt``) -> rival.
RIVALS = {
    "crt": Rival("cRT", "the last layer is trained again on class-balanced batches", KANG, "rivals.crt", balances=True),
    "tau": Rival(
        "τ-norm",
        "each class's weights of the last layer are divided by a power of their norm",
        KANG,
        "rivals.tau",
        True,
    ),
    "lws": Rival(
        "LWS",
        "each class's logit is multiplied by a factor learned on class-balanced batches",
        KANG,
        "rivals.lws",
        True,
    ),
    "knn": Rival(
        "k-NN",
        "a vote of the most similar training samples, weighted by similarity",
        "Wu et al., Unsupervised feature learning via non-parametric instance discrimination, CVPR 2018",
        "rivals.knn",
        balances=False,
    ),
    "logistic": Rival(
        "logistic probe",
        "logistic regression with classes weighted by their inverse frequency",
        "Alain and Bengio, Understanding intermediate layers using linear classifier probes, 2016",
        "rivals.logistic",
        balances=True,
    ),
}
