"""The residual network: MONAI's ResNet with basic blocks (He et al., "Deep residual learning", CVPR 2016).

Only what MONAI's does not offer stands here: the features before the last layer, logits that keep their digits under
autocast, and pooling that can be deterministic on a GPU.
"""

from collections.abc import Sequence

import torch
from monai.networks.nets.resnet import ResNet as MonaiResNet
from torch import Tensor, nn

POOLS = {2: nn.functional.max_pool2d, 3: nn.functional.max_pool3d}
CHANNELS_LAST = {2: torch.channels_last, 3: torch.channels_last_3d}


class StemPool(nn.Module):
    """Maximum over 3 wide windows, stride 2."""

    def forward(self, x: Tensor) -> Tensor:
        # torch's own adds gradients up in any order on a GPU, and refuses to where the same bytes are asked for.
        if x.is_cuda and torch.are_deterministic_algorithms_enabled():
            return sliced_max_pool(x)
        return POOLS[x.ndim - 2](x, 3, stride=2, padding=1)


def sliced_max_pool(x: Tensor) -> Tensor:
    """Maximum over 3 wide windows, stride 2, as maxima of shifted views along one axis after the other.

    Of equal values, each gets a share of the gradient, where torch's pooling picks one. After a ReLU, equal values are
    in practice zeros, whose gradient the ReLU drops.
    """
    for axis in range(2, x.ndim):
        size = x.shape[axis]
        padding = [0] * (2 * (x.ndim - axis - 1)) + [1, 1]
        padded = nn.functional.pad(x, padding, value=-torch.inf)
        views = [
            padded.narrow(axis, first, size)[(slice(None),) * axis + (slice(None, None, 2),)] for first in range(3)
        ]
        x = torch.maximum(torch.maximum(views[0], views[1]), views[2])
    return x


class ResNet(MonaiResNet):
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
        super().__init__(
            "basic",
            list(blocks),
            list(widths),
            spatial_dims=dimensions,
            n_input_channels=in_channels,
            conv1_t_size=stem_kernel,
            conv1_t_stride=stem_stride,
            num_classes=classes,
            bias_downsample=False,
        )
        self.maxpool = StemPool() if stem_pool else nn.Identity()

    def features(self, x: Tensor) -> Tensor:
        """What the last layer sees: averages over space of the last stage, float32 ``(B, widths[-1])``."""
        x = self.maxpool(self.act(self.bn1(self.conv1(x))))
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
        return x.mean(dim=tuple(range(2, x.ndim)), dtype=torch.float32)

    @torch.no_grad()
    def scale_logits(self, factor: float) -> None:
        """Multiply the logits by ``factor`` from now on: where a loss trained the softmax of scaled logits."""
        self.fc.weight.mul_(factor)
        self.fc.bias.mul_(factor)

    def forward(self, x: Tensor) -> Tensor:
        features = self.features(x)
        # bfloat16 has three digits: too few for logits, from which losses take differences.
        with torch.autocast(x.device.type, enabled=False):
            return self.fc(features)
