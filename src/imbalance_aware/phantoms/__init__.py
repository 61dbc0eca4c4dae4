"""Drawn fundus photographs and heads with tumours, in place of patients."""
