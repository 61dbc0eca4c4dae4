"""Settings of all sources of MRI volumes."""

from typing import Any, ClassVar

from pydantic import Field, model_validator

from imbalance_aware.cohort.split_settings import SplitSettings
from imbalance_aware.schema import misfit
from imbalance_aware.sources.class_context import KEYS, ClassContext
from imbalance_aware.volume_settings import SequenceName, VolumePreprocessing, reference_of

#: Columns of the cohort table, and of a table of one's own, that a sequence's column would overwrite.
RESERVED = ("subject", "class", "cohort", "split", "fold", "excluded", "mask", "start", "group", "line")


class Volumes3D(ClassContext, SplitSettings):
    """What every dataset of volumes has."""

    kind: ClassVar[str] = "volumes"

    sequences: tuple[SequenceName, ...] = Field(
        ("t1", "t1c", "t2", "flair"), min_length=1, description="MRI sequences, in the order of the array's channels"
    )
    preprocessing: VolumePreprocessing = Field(VolumePreprocessing(), description="from scans to patches")

    @model_validator(mode="after")
    def _sequences_fit(self) -> "Volumes3D":
        if len(set(self.sequences)) < len(self.sequences):
            raise misfit(["sequences"], "one of them is listed twice")
        if taken := sorted(set(self.sequences) & set(RESERVED)):
            raise misfit(["sequences"], f"{', '.join(taken)} names another column of the table; rename the sequence")
        reference = self.preprocessing.registration.reference_sequence
        if reference not in (None, *self.sequences):
            raise misfit(
                ["preprocessing", "registration", "reference_sequence"],
                f"{reference} is not among the sequences {', '.join(self.sequences)}",
            )
        drawn_on = self.preprocessing.mask.drawn_on
        if drawn_on not in (None, "atlas", *self.sequences):
            raise misfit(
                ["preprocessing", "mask", "drawn_on"],
                f"{drawn_on} is neither atlas nor among the sequences {', '.join(self.sequences)}",
            )
        brats = {"t1", "t1c", "t2", "flair"}
        if self.preprocessing.mask.method == "brats" and not brats <= set(self.sequences):
            raise misfit(["preprocessing", "mask", "method"], "brats needs the sequences t1, t1c, t2 and flair")
        return self

    @property
    def reference_sequence(self) -> str:
        """The sequence to which the others are aligned."""
        return reference_of(self.preprocessing.registration.reference_sequence, self.sequences)

    @property
    def training_shape(self) -> tuple[int, ...]:
        """Spatial shape of the patches that training starts from."""
        return (self.preprocessing.crop.size,) * 3

    @property
    def training_channels(self) -> int:
        """Channels of these patches: the sequences."""
        return len(self.sequences)

    @property
    def needs_mask(self) -> bool:
        """Whether the source has to bring each subject's tumour mask."""
        return self.preprocessing.mask.method == "provided"

    def for_cohort(self) -> dict[str, Any]:
        """The settings on which the cohort table depends, to be passed to the step ``cohort``."""
        steps = self.preprocessing
        return self.model_dump(mode="json", exclude={"preprocessing", "split", *KEYS}) | {
            "split": self.split_for_cohort(),
            "preprocessing": {
                "registration": {"reference_sequence": self.reference_sequence},
                "mask": {"method": steps.mask.method},
            },
        }

    def _step(self, name: str) -> dict[str, Any]:
        return getattr(self.preprocessing, name).model_dump(mode="json")

    def for_register(self) -> dict[str, Any]:
        """Settings of the step ``register``."""
        return self._step("registration") | {"reference_sequence": self.reference_sequence}

    def for_strip(self) -> dict[str, Any]:
        """Settings of the step ``strip``."""
        return self._step("brain_extraction")

    def for_mask(self) -> dict[str, Any]:
        """Settings of the step ``mask``."""
        return self._step("mask")

    def for_patch(self) -> dict[str, Any]:
        """Settings of the step ``patch``."""
        return {name: self._step(name) for name in ("normalisation", "crop")}
