"""A user's own network, as it would be a file in `models/`."""

from torch import Tensor, nn

from imbalance_aware.models.network import full_precision, scale


class ToyNetwork(nn.Module):
    """Averages of one convolution, with dropout."""

    def __init__(self, dimensions: int, in_channels: int, classes: int, width: int = 4, dropout: float = 0.5) -> None:
        super().__init__()
        self.convolution = {2: nn.Conv2d, 3: nn.Conv3d}[dimensions](in_channels, width, 5)
        self.dropout = nn.Dropout(dropout)
        self.last = nn.Linear(width, classes)

    def features(self, x: Tensor) -> Tensor:
        return self.dropout(self.convolution(x).relu().flatten(2).mean(2).float())

    def head(self, features: Tensor) -> Tensor:
        return full_precision(self.last, features)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))

    def last_layer(self) -> nn.Linear:
        return self.last

    def scale_logits(self, factor: float) -> None:
        scale(self.last, factor)


class Headless(nn.Module):
    """What a newcomer may forget."""

    def __init__(self, dimensions: int, in_channels: int, classes: int) -> None:
        super().__init__()
        self.last = nn.Linear(in_channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(x.flatten(2).mean(2))
