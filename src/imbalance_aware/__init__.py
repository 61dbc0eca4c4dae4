"""Imbalance-aware losses, sampling and a reproducible study for medical image classification."""

__version__ = "0.1.0"
