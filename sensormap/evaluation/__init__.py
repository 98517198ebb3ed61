"""Photos in; out: how well the survey finds defects that were planted into them.

Read `planting` (artificial defects), `run` (the whole), `counts` (found, missed, false).
"""
