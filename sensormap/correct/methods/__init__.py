"""How a photosite gets its new value.

Read `new_values` (chooses the method), `interpolate` (from its neighbours), `surround` and `directional` (a prediction
from all healthy photosites around), `subtract` (what a hot or offset one is known to add is taken off), `held_out` (how
far off each method is on healthy photosites). A new method is a module here and its name in `METHODS`.
"""
