"""Metrics from predictions, decision rules, and the comparison of all conditions of a study."""
