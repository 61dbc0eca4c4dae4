"""Preprocessing from cohort tables to arrays: resizing of photographs, registration to cropping of volumes, packing."""
