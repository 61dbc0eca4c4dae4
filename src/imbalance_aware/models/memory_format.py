"""How images and weights lie in memory: channels last, which convolutions are faster with on CPUs and GPUs."""

import torch

#: Spatial dimensions -> memory format.
CHANNELS_LAST = {2: torch.channels_last, 3: torch.channels_last_3d}
