"""Photos in; out: count, mean and variance over the frames of every photosite, or of every value of the JPEGs.

Read `sums` (exact sums, and what follows from them), `measure` (photos to sums), `writing` (the files).
"""
