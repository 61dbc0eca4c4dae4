"""Metrics to tables and figures."""
