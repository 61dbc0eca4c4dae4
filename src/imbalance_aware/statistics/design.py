"""The design of a study: its conditions and replicates, and the patients that the test images are of."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

#: A class with fewer patients has no interval: with about 3, intervals meant to hold 95 % held 91 %.
MIN_PATIENTS = 5


@dataclass(frozen=True, eq=False)
class Design:
    """C conditions, each trained S times, all tested on the same n images of G patients.

    Attributes:
        conditions: C different names.
        replicates: S different names: of seeds, or of repeats of a cross-validation.
        labels: true classes 0 … K-1 of the images, shape (n,).
        groups: the patient of each image, identifiers of any kind, shape (n,).
        unstable: conditions whose runs vary much more over seeds than those of others, such as those of which runs
            diverged. Their seed variance is not moderated and counts for no other condition.
        derived: conditions made of the runs of others, such as those under another decision rule and rivals. They add
            nothing to what is known of seeds, so the average seed variance of the study is that of the others.
        replicate: what a replicate is called in print, "seed" or "repeat".

    Raises:
        ValueError: names that occur twice, shapes that do not fit, or an unstable or derived condition that is none.
    """

    conditions: tuple[str, ...]
    replicates: tuple[str, ...]
    labels: np.ndarray
    groups: np.ndarray
    unstable: frozenset[str] = field(default=frozenset())
    replicate: str = "seed"
    derived: frozenset[str] = field(default=frozenset())

    def __post_init__(self) -> None:
        for names in (self.conditions, self.replicates):
            if len(set(names)) < len(names):
                raise ValueError(f"names occur twice: {names}")
        if self.labels.ndim != 1 or self.labels.shape != self.groups.shape or len(self.labels) == 0:
            raise ValueError(f"labels and groups are of the same images, not {self.labels.shape}, {self.groups.shape}")
        if strange := (self.unstable | self.derived) - set(self.conditions):
            raise ValueError(f"no conditions: {sorted(strange)}")

    @cached_property
    def patient(self) -> np.ndarray:
        """Number 0 … G-1 of the patient of each image, shape (n,), in the order of the sorted identifiers."""
        return np.unique(self.groups, return_inverse=True)[1]

    @cached_property
    def n_patients(self) -> int:
        return int(self.patient.max()) + 1

    @cached_property
    def is_unstable(self) -> np.ndarray:
        """Shape (C,), bool."""
        return np.array([name in self.unstable for name in self.conditions], bool)

    @cached_property
    def is_derived(self) -> np.ndarray:
        """Shape (C,), bool."""
        return np.array([name in self.derived for name in self.conditions], bool)

    @cached_property
    def has_class(self) -> np.ndarray:
        """Whether a patient has images of a class, shape (G, K), bool."""
        has = np.zeros((self.n_patients, int(self.labels.max()) + 1), bool)
        has[self.patient, self.labels] = True
        return has

    @cached_property
    def class_patients(self) -> np.ndarray:
        """Number of patients with images of each class, shape (K,); 0 for a class that the test set lacks."""
        return self.has_class.sum(axis=0)

    @cached_property
    def strata(self) -> np.ndarray:
        """The stratum of each patient, shape (G,): the class of its images.

        Of a patient with images of several classes, such as a healthy and a diseased eye, it is the one of these
        classes that fewest patients have: those patients weigh most in metrics that count classes alike, and the
        stratum of the rarest class then holds everyone who has it. A class that enough patients have, but of whom
        fewer than `MIN_PATIENTS` are left because the others have a rarer class too, is joined to the largest stratum:
        the variance within it would be hardly known. Joining can only make intervals wider.
        """
        by_rarity = np.argsort(self.class_patients, kind="stable")
        by_rarity = by_rarity[self.class_patients[by_rarity] > 0]
        strata = by_rarity[self.has_class[:, by_rarity].argmax(axis=1)]
        sizes = np.bincount(strata, minlength=len(self.class_patients))
        left_over = (sizes < MIN_PATIENTS) & (self.class_patients >= MIN_PATIENTS)
        return np.where(left_over[strata], sizes.argmax(), strata)
