"""Cohort to arrays: what happens to an image before training reads it."""
