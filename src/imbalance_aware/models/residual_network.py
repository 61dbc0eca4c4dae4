"""A residual network of basic blocks for images and volumes.

Source: He, Zhang, Ren, Sun, "Deep residual learning for image recognition", CVPR 2016. Parameters have the names, and
for the same state of torch's random numbers the initial values, that MONAI's ``ResNet("basic", …,
bias_downsample=False)`` gives them, so that weights can be exchanged with it.
"""

from collections.abc import Sequence
from types import EllipsisType

import torch
from torch import Tensor, nn

from imbalance_aware.models.network import full_precision, scale

CONVOLUTIONS = {2: nn.Conv2d, 3: nn.Conv3d}
NORMS = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
POOLS = {2: nn.MaxPool2d, 3: nn.MaxPool3d}


def every(step: int, x: Tensor) -> Tensor:
    """Every ``step``-th voxel of ``(B, C, *spatial)`` along each spatial axis.

    What a convolution of one voxel with this stride sees. Such a convolution itself is avoided: on CPUs without AVX-512
    its weight gradient writes beyond its memory if it has 2 to 7 input channels (oneDNN 3.12,
    github.com/uxlfoundation/oneDNN/issues/6035).
    """
    where: tuple[EllipsisType | slice, ...] = (..., *[slice(None, None, step)] * (x.ndim - 2))
    return x if step == 1 else x[where]


class Shortcut(nn.Sequential):
    """What a block adds to its result where that has another shape: every ``stride``-th voxel, projected.

    Args:
        dimensions: spatial dimensions, 2 or 3.
        channels: of the input.
        width: channels of the output.
        stride: along every axis.
    """

    def __init__(self, dimensions: int, channels: int, width: int, stride: int) -> None:
        super().__init__(CONVOLUTIONS[dimensions](channels, width, 1, bias=False), NORMS[dimensions](width))
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(every(self.stride, x))


class Block(nn.Module):
    """Two convolutions, 3 wide, each with batch normalisation, and a shortcut around them.

    Args:
        dimensions: spatial dimensions, 2 or 3.
        channels: of the input.
        width: channels of the output.
        stride: of the first convolution and of the shortcut.
    """

    def __init__(self, dimensions: int, channels: int, width: int, stride: int) -> None:
        super().__init__()
        convolution, norm = CONVOLUTIONS[dimensions], NORMS[dimensions]
        self.conv1 = convolution(channels, width, 3, stride, padding=1, bias=False)
        self.bn1 = norm(width)
        self.conv2 = convolution(width, width, 3, padding=1, bias=False)
        self.bn2 = norm(width)
        projected = stride > 1 or channels != width
        self.downsample = Shortcut(dimensions, channels, width, stride) if projected else nn.Identity()
        self.act = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y = self.act(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        y += self.downsample(x)
        return self.act(y)


class ResidualNetwork(nn.Module):
    """Images ``(B, C, *spatial)`` to logits ``(B, K)``.

    Args:
        dimensions: spatial dimensions, 2 or 3.
        in_channels: C.
        classes: K.
        blocks: number of blocks in each of the four stages; every stage but the first halves the resolution.
        widths: channels of each stage; the last is the number of features.
        stem_kernel: edge of the first convolution, odd.
        stem_stride: stride of the first convolution.
        stem_pool: whether maximum pooling (3 wide, stride 2) follows it.
    """

    def __init__(
        self,
        dimensions: int,
        in_channels: int,
        classes: int,
        blocks: Sequence[int] = (3, 4, 6, 3),
        widths: Sequence[int] = (32, 64, 128, 256),
        stem_kernel: int = 7,
        stem_stride: int = 2,
        stem_pool: bool = True,
    ) -> None:
        super().__init__()
        self.step, stride = (stem_stride, 1) if stem_kernel == 1 else (1, stem_stride)
        self.conv1 = CONVOLUTIONS[dimensions](
            in_channels, widths[0], stem_kernel, stride, padding=stem_kernel // 2, bias=False
        )
        self.bn1 = NORMS[dimensions](widths[0])
        self.act = nn.ReLU(inplace=True)
        self.maxpool = POOLS[dimensions](3, stride=2, padding=1) if stem_pool else nn.Identity()
        inputs, strides = (widths[0], *widths[:-1]), (1, 2, 2, 2)
        self.layer1, self.layer2, self.layer3, self.layer4 = (
            nn.Sequential(
                Block(dimensions, channels, width, stride),
                *(Block(dimensions, width, width, 1) for _ in range(count - 1)),
            )
            for count, channels, width, stride in zip(blocks, inputs, widths, strides, strict=True)
        )
        self.fc = nn.Linear(widths[-1], classes)
        for module in self.modules():
            if isinstance(module, CONVOLUTIONS[dimensions]):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        nn.init.zeros_(self.fc.bias)

    def features(self, x: Tensor) -> Tensor:
        """What the last layer sees: averages over space of the last stage ``(B, widths[-1])``, float32 or wider."""
        x = self.maxpool(self.act(self.bn1(self.conv1(every(self.step, x)))))
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
        return x.mean(dim=tuple(range(2, x.ndim)), dtype=torch.promote_types(x.dtype, torch.float32))

    def last_layer(self) -> nn.Linear:
        """The head."""
        return self.fc

    def head(self, features: Tensor) -> Tensor:
        """Logits of features, of their precision also under autocast."""
        return full_precision(self.fc, features)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))

    def scale_logits(self, factor: float) -> None:
        """Multiply the logits by ``factor`` from now on: where a loss trained the softmax of scaled logits."""
        scale(self.fc, factor)
