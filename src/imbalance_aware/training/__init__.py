"""What can change the numbers of a run: sampling, augmentation, the optimisation loop, inference."""
