"""Metrics of a classifier, each declared once, for computing and for display."""
