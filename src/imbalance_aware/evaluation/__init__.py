"""Predictions to metrics and their uncertainty."""
