"""The cohort table of a dataset: listing, checks, search for duplicates, random splits."""
