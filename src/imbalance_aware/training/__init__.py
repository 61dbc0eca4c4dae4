"""The parts of training that affect its numbers: sampling, augmentation, the optimisation loop, inference."""
