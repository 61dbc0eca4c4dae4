"""Running trainings: settings, run folders, checkpoints, locks, devices, model files, bundles."""
