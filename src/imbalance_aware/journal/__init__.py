"""Texts for a journal: reporting checklists, methods, model cards. All facts come from files."""
