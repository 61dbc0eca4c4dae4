"""Metrics of a classifier: each declared once, for those who compute them and those who show them."""
