"""A raw file and its JPEG in; out: where the JPEG lies on the raw grid.

Read `crop` (the question and the answer), `correlate` (how it is measured), `check` (profiles beside many pairs).
"""
