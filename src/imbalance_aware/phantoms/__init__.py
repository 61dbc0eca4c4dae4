"""Generators of synthetic fundus photographs and of MRI heads with tumours, used in place of patients."""
