"""Run folders: settings, training as a job, checkpoints, locks, bundles."""
