"""Collecting metrics, and the tables, figures and pages made from them."""
