"""Who is tested; without what computes with it, so that `status` need not load that."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TestSet:
    """Who is tested.

    Attributes:
        images: test images of each class.
        patients: patients with test images of each class.
    """

    images: dict[str, int]
    patients: dict[str, int]

    @property
    def images_per_patient(self) -> float:
        """Mean over all patients."""
        return sum(self.images.values()) / sum(self.patients.values())
