"""Memory format of images and weights: channels last, which makes convolutions faster on CPUs and GPUs."""

import torch

#: Spatial dimensions -> memory format.
CHANNELS_LAST = {2: torch.channels_last, 3: torch.channels_last_3d}
