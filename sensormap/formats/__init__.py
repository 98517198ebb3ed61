"""Defect lists of other programs: one module a format, and one registry that lists them."""
