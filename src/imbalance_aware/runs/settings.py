"""All settings of one training run, except data and seed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from imbalance_aware.errors import UserError
from imbalance_aware.models import DEFAULT, FAMILIES, NETWORKS, NORMALISING
from imbalance_aware.models.build import unknown
from imbalance_aware.schema import Strict, misfit, nearest
from imbalance_aware.training.blur import blur_reach
from imbalance_aware.training.optimisers import OPTIMISERS, SCHEDULES
from imbalance_aware.training.sampling import SAMPLERS

Range = tuple[float, float]
STAGES = 4


@dataclass(frozen=True)
class Off:
    """Annotation of a setting: the value by which it asks for nothing, where that is not null, false or empty."""

    value: Any


#: What ``model.network`` may be, for editors: names of the table, and those of packages that know their own.
NETWORK_NAMES: dict[str, Any] = {
    "anyOf": [{"enum": list(NETWORKS)}, *({"pattern": f"^{package}:"} for package in FAMILIES)]
}
#: Constants of ImageNet, by which torchvision's weights were trained.
IMAGENET = "mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225]"


class WeightsSettings(Strict):
    """Pretrained weights that training starts from. The last layer is still initialised at random."""

    path: str | None = Field(
        None,
        description="file with a state dict: `.safetensors`, or saved by torch (`.pth`, `.pt`, `.bin`). Only its "
        "content affects a run, not its location",
    )
    sha256: str = Field(pattern="^[0-9a-f]{64}$", description="SHA-256 of the file, as printed by `sha256sum FILE`")
    mean: tuple[float, ...] | None = Field(
        None,
        min_length=1,
        description="mean of each channel, in [0, 1], with which images were normalised in the pretraining; left out: "
        f"the values that timm states for the network. For torchvision: {IMAGENET}",
    )
    std: tuple[Annotated[float, Field(gt=0)], ...] | None = Field(
        None, min_length=1, description="standard deviation of each channel, as for `mean`"
    )

    @model_validator(mode="after")
    def _constants_together(self) -> "WeightsSettings":
        if (self.mean is None) != (self.std is None) or len(self.mean or ()) != len(self.std or ()):
            raise misfit(["std"], "must match mean: one value of each for every channel of the pretraining")
        return self


class ModelSettings(Strict):
    """The network. Without `network`: a residual network (He et al. 2016), by default ResNet-34 with 256 features."""

    network: str = Field(
        DEFAULT,
        description=(
            "`resnet`, to which all other keys except `arguments` apply, or another network of docs/networks.md, "
            "such as `monai:DenseNet121` or `timm:convnext_tiny`"
        ),
        json_schema_extra=NETWORK_NAMES,
    )
    arguments: dict[str, Any] = Field({}, description="arguments of a network other than `resnet`, by name")
    blocks: tuple[int, ...] = Field((3, 4, 6, 3), description="residual blocks in each stage")
    widths: tuple[int, ...] = Field(
        (32, 64, 128, 256), description="channels of each stage; the last is the number of features"
    )
    stem_kernel: int = Field(7, ge=1, description="edge of the first convolution, odd")
    stem_stride: int = Field(2, ge=1, description="stride of the first convolution")
    stem_pool: bool = Field(True, description="maximum pooling (3 wide, stride 2) after the first convolution")
    weights: WeightsSettings | None = Field(
        None,
        description="file of pretrained weights (docs/networks.md); left out: random weights from the run's seed",
    )
    freeze: bool = Field(
        False,
        description="with `weights`: train only the last layer; batch normalisation keeps its statistics",
    )

    @field_validator("network")
    @classmethod
    def _known(cls, value: str) -> str:
        if problem := unknown(value):
            raise ValueError(problem)
        return value

    @model_validator(mode="after")
    def _of_this_network(self) -> "ModelSettings":
        if self.network == DEFAULT and self.arguments:
            raise misfit(["arguments"], f'the arguments of "{DEFAULT}" are keys next to this one: {", ".join(OWN)}')
        for key in OWN:
            if self.network != DEFAULT and key in self.model_fields_set:
                raise misfit(
                    [key],
                    f'is a key of the network "{DEFAULT}", which "{self.network}" does not take. If another file '
                    "sets it: choose the network in the study (studies.NAME.model.network), where it does not count",
                )
        return self

    @model_serializer(mode="wrap")
    def _without_others(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """The keys that apply to this network, so that keys of one network do not repeat runs with another."""
        values = handler(self)
        keys = OWN if self.network == DEFAULT else ("network", "arguments")
        return {key: values[key] for key in (*keys, *(key for key in BEGINNING if values.get(key)))}

    @model_validator(mode="after")
    def _pretrained(self) -> "ModelSettings":
        if self.freeze and self.weights is None:
            raise misfit(["freeze"], "needs `weights`: otherwise random weights would never be trained")
        if self.weights is not None and self.weights.mean is None and self.network.partition(":")[0] not in NORMALISING:
            raise misfit(
                ["weights", "mean"],
                f'and std are needed: "{self.network}" does not say how images were normalised. Weights of '
                f"torchvision: {IMAGENET}. Values in [0, 1] as they are: mean: [0], std: [1]",
            )
        return self

    @model_validator(mode="after")
    def _stages(self) -> "ModelSettings":
        for key in ("blocks", "widths"):
            values = getattr(self, key)
            if len(values) != STAGES or min(values) < 1:
                raise misfit(
                    [key], f"expected a number of at least 1 for each of the {STAGES} stages (got {list(values)})"
                )
        if self.stem_kernel % 2 == 0:
            raise misfit(["stem_kernel"], "must be odd, so that the image is padded alike on both sides")
        return self


#: Keys of ``model`` that say what training begins with, and are left out where they are off.
BEGINNING = ("weights", "freeze")
#: Keys of ``model`` that are arguments of the network `DEFAULT`.
OWN = tuple(key for key in ModelSettings.model_fields if key not in ("network", "arguments", *BEGINNING))


class TrainingSettings(Strict):
    """The optimisation, and the weights that are kept."""

    epochs: int = Field(250, ge=1, description="passes over the training set")
    batch_size: int = Field(50, ge=2, description="samples in a batch; at least 2, for the batch normalisation")
    learning_rate: float = Field(1e-3, gt=0, description="learning rate of the first epoch")
    head_learning_rate: float | None = Field(
        None, gt=0, description="learning rate of the last layer, with the same schedule; null: `learning_rate`"
    )
    optimiser: Literal[*OPTIMISERS] = Field(  # type: ignore[valid-type]  # names of a table
        "adam",
        description=(
            "adam; adamw, with a weight decay of 0.01; or sgd, with a momentum of 0.9. Other options are the "
            "defaults of torch.optim"
        ),
    )
    weight_decay: float | None = Field(
        None,
        ge=0,
        description="weight decay of convolutions and linear layers, not of biases and normalisation layers: decoupled "
        "with adamw, added to the gradient (L2 penalty) with adam and sgd. Null: that of `optimiser` for all weights, "
        "which only adamw has",
    )
    schedule: Literal[*SCHEDULES] = Field(  # type: ignore[valid-type]  # names of a table
        "cosine", description="learning rate schedule over epochs: cosine (annealed towards 0) or constant"
    )
    warmup_epochs: Annotated[int, Off(0)] = Field(
        0,
        ge=0,
        description="epochs in which the learning rate first rises linearly; `schedule` is that of the epochs after "
        "them. 0: none",
    )
    clip_norm: float | None = Field(
        None, gt=0, description="largest norm of the gradient of all weights together; null: not clipped"
    )
    accumulate: Annotated[int, Off(1)] = Field(
        1,
        ge=1,
        description="equal parts in which the network sees a batch, to save memory. Loss, gradient and step are those "
        "of the whole batch (docs/recipe.md); only batch normalisation sees the parts",
    )
    mixup: float | None = Field(
        None,
        gt=0,
        description="alpha of mixup: images and labels of a batch are averaged in pairs, with a share from "
        "Beta(alpha, alpha); null: none",
    )
    ema: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="decay of an exponential moving average of the weights, which is then validated and kept in place "
        "of the trained weights; null: none",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="auto: a GPU if available (with several, the one with the fewest jobs), otherwise the CPU"
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto",
        description=(
            "numerical precision of training; auto: bfloat16 autocast on GPUs that support it (Ampere and "
            "later), otherwise float32. Inference is always in float32 without TF32"
        ),
    )
    deterministic: bool = Field(
        False, description="byte-identical results on a GPU, but slower; results on the CPU are always deterministic"
    )
    compile: bool = Field(
        False,
        description=(
            "torch.compile the network for full batches: takes minutes at the start, but steps on a GPU are faster"
        ),
    )
    capture: bool = Field(
        False,
        description=(
            "record a whole training step, augmentation included, as one CUDA graph: faster where a GPU waits for the "
            "CPU between small operations (docs/other_machines.md). Needs a GPU and `accumulate: 1`"
        ),
    )
    select: Annotated[Literal["last", "best"], Off("last")] = Field(
        "last",
        description=(
            "which weights are kept: those of the last epoch, or those of the epoch with the best "
            "`evaluation.primary` on the validation part (the earliest of ties), which requires the dataset's "
            "`split.validation`"
        ),
    )
    patience: int | None = Field(
        None,
        ge=1,
        description=(
            "with `select: best`: training stops when this many epochs have passed since the best one; the "
            "schedule is still computed for all epochs"
        ),
    )
    validate_every: Annotated[int, Off(1)] = Field(
        1,
        ge=1,
        description=(
            "number of epochs between validations; the last epoch is always validated. Without a validation part "
            "it has no effect"
        ),
    )
    training_predictions: bool = Field(
        True,
        description=(
            "whether the trained network also classifies its own training samples, without augmentation; written "
            "to `training_predictions.csv`, for the table `overfitting`"
        ),
    )

    @model_validator(mode="after")
    def _patience_selects(self) -> "TrainingSettings":
        if self.patience is not None and self.select != "best":
            raise misfit(["patience"], "is for `select: best`; without it, set patience to null")
        return self

    @model_validator(mode="after")
    def _something_after_the_warmup(self) -> "TrainingSettings":
        if self.warmup_epochs >= self.epochs:
            raise misfit(
                ["warmup_epochs"], f"is {self.warmup_epochs}; it must be smaller than epochs, which is {self.epochs}"
            )
        return self

    @model_validator(mode="after")
    def _equal_parts(self) -> "TrainingSettings":
        if self.accumulate > 1 and (self.batch_size % self.accumulate or self.batch_size < 2 * self.accumulate):
            raise misfit(
                ["accumulate"],
                f"is {self.accumulate}, but batches of {self.batch_size} cannot be divided into so many equal parts of "
                "at least 2 samples (accumulate divides batch_size, it does not multiply it)",
            )
        return self

    @model_validator(mode="after")
    def _capturable(self) -> "TrainingSettings":
        if self.capture and self.device == "cpu":
            raise misfit(["capture"], "needs a GPU, for CUDA graphs, but device is cpu; set capture to false")
        if self.capture and self.accumulate > 1:
            raise misfit(
                ["capture"],
                f"cannot be combined with accumulate, which is {self.accumulate}: each part of a batch begins its own "
                "random numbers, twice in a step. Set accumulate to 1, or capture to false",
            )
        return self


class Augmentation(Strict):
    """Random changes of the training images; a change left out (null, or no axes) is not made."""

    probability: float = Field(0.5, ge=0, le=1, description="probability of each augmentation, for each image")
    gamma: Range | None = Field(None, description="range of the exponent on intensities in [0, 1]")
    contrast_gain: Range | None = Field(None, description="range of the gain of a sigmoid contrast with cutoff 0.5")
    blur_sigma: Range | None = Field(None, description="range of the standard deviation of a Gaussian blur, in voxels")
    flip_axes: tuple[int, ...] = Field((), description="spatial axes that may be flipped, counted from 0")
    crop: int | None = Field(
        None,
        ge=1,
        description=(
            "edge length of the crop, in voxels; at a random position in training with the given probability, "
            "otherwise (and in testing) central"
        ),
    )

    @field_validator("gamma", "contrast_gain", "blur_sigma")
    @classmethod
    def _ordered(cls, value: Range | None) -> Range | None:
        if value is not None and not 0 <= value[0] <= value[1]:
            raise ValueError("a range is [lowest, highest], neither below 0")
        return value

    @field_validator("flip_axes")
    @classmethod
    def _axes(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(value)) != len(value) or any(axis not in (0, 1, 2) for axis in value):
            raise ValueError("flip_axes lists different axes among 0, 1 and 2")
        return value


@dataclass(frozen=True)
class Misfit:
    """A setting of `Augmentation` that does not fit images of some size."""

    key: str
    message: str


def unfit(settings: Augmentation, shape: Sequence[int]) -> Misfit | None:
    """Settings that do not fit images with spatial ``shape``."""
    size = " x ".join(map(str, shape))
    if any(axis >= len(shape) for axis in settings.flip_axes):
        return Misfit("flip_axes", f"is {list(settings.flip_axes)}, but the images have {len(shape)} axes, from 0 on")
    if settings.crop is not None and settings.crop > min(shape):
        return Misfit("crop", f"is {settings.crop}, larger than the images: {size}")
    reach = blur_reach(max(settings.blur_sigma or [0.0]))
    if reach > min(shape):
        return Misfit("blur_sigma", f"reaches {reach} voxels on each side, larger than the images: {size}")
    return None


def check(settings: Augmentation, shape: Sequence[int]) -> None:
    """Raise `UserError` if the settings do not fit images with spatial ``shape``."""
    problem = unfit(settings, shape)
    if problem is not None:
        raise UserError(f"augmentation.{problem.key} {problem.message}")


class Augmentation2D(Augmentation):
    """Random augmentation of photographs."""

    gamma: Range | None = Field((0.5, 1.5), description="range of the exponent on intensities in [0, 1]")
    contrast_gain: Range | None = Field(
        (5.0, 10.0), description="range of the gain of a sigmoid contrast with cutoff 0.5"
    )
    flip_axes: tuple[int, ...] = Field((0, 1), description="spatial axes that may be flipped, counted from 0")


class Augmentation3D(Augmentation):
    """Random augmentation of volumes."""

    gamma: Range | None = Field((0.5, 1.5), description="range of the exponent on intensities in [0, 1]")
    blur_sigma: Range | None = Field(
        (0.0, 1.5), description="range of the standard deviation of a Gaussian blur, in voxels"
    )
    flip_axes: tuple[int, ...] = Field((0, 1, 2), description="spatial axes that may be flipped, counted from 0")
    crop: int | None = Field(
        64,
        ge=1,
        description=(
            "edge length of the crop, in voxels; at a random position in training with the given probability, "
            "otherwise (and in testing) central"
        ),
    )


class ConditionSettings(Strict):
    """What the study compares: a loss, a sampling mode, sample weights or not."""

    loss: dict[str, float] = Field(min_length=1, description="loss name -> factor in the sum")
    kwargs: dict[str, dict[str, Any]] = Field({}, description="loss name -> arguments of its class")
    sampling: str = Field("uniform", description="how batches are drawn: a name in `SAMPLERS`")
    weighted: bool = Field(False, description="scale each sample's loss by its class's normalised inverse frequency")

    @field_validator("sampling")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in SAMPLERS:
            raise ValueError(f'"{value}" is not known.{nearest(value, SAMPLERS)}')
        return value


class RunSettings(Strict):
    """All that shapes one run; ``config.yaml`` of a run folder can be read as one."""

    condition: ConditionSettings
    model: ModelSettings = ModelSettings()
    training: TrainingSettings = TrainingSettings()
    augmentation: Augmentation = Augmentation()
    max_value: int | None = Field(
        None, description="of 16-bit photographs, the value that became 1; the model file passes it on to new images"
    )
    validation_metric: str | None = Field(
        None, description="metric that is computed on the validation part; null if the dataset has none"
    )
    recorded: dict[str, Any] | None = Field(
        None, description="record of a finished run in its config.yaml (seed, digests, versions); not read"
    )

    def shaping(self) -> dict[str, Any]:
        """The settings as plain values, without what was only recorded."""
        return self.model_dump(mode="json", exclude={"recorded"})

    def decisive(self) -> dict[str, Any]:
        """What `shaping` gives, without options that are off and are off unless set.

        Read as settings it is the same run. An option that a later version adds, and that is off, is not in it: what
        depends on these values (the rule's params, a checkpoint) does not change. Nor is the place of a file
        of weights in it.
        """
        values = self.shaping()
        if self.model.weights is not None:
            del values["model"]["weights"]["path"]
        return _without_off(self, values)


def _without_off(settings: BaseModel, values: dict[str, Any]) -> dict[str, Any]:
    """``values`` of ``settings`` without those that are off and have a default that is, in groups of settings too."""
    kept = {}
    for name, field in type(settings).model_fields.items():
        if name in values:
            value, default = getattr(settings, name), field.get_default(call_default_factory=True)
            if isinstance(value, BaseModel):
                if group := _without_off(value, values[name]):
                    kept[name] = group
            elif not (_is_off(value, field.metadata) and value == default):
                kept[name] = values[name]
    return kept


def _is_off(value: Any, metadata: Sequence[Any]) -> bool:
    """Whether a setting of this value asks for nothing: null, false, empty or as `Off` says; 0 is a value."""
    if any(isinstance(note, Off) and note.value == value for note in metadata):
        return True
    return value is None or value is False or (isinstance(value, str | list | tuple | dict) and not value)
