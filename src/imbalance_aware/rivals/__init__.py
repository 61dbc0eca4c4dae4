"""Rivals of a loss: classifiers that work on the features of networks that are already trained."""
