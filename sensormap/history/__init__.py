"""Maps of one or many bodies in; their defects by onset, and how fast they become more, out.

Read `periods` (calendar years or months of the observed time), `records` (what of a map counts here, and which of a
body's maps is used), `counts` (a body's defects by onset and period), `rates` (Poisson regression), `growth` (all of it
for all bodies).
"""
