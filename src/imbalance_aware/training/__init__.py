"""Arrays to runs: model, sampling, augmentation, loop, checkpoint."""
