"""How a photosite gets its new value.

Read `targets` (photosites that need new values, and what is known of them), `registry` (the methods by name),
`new_values` (calls one, and rounds), `directional` (a prediction from all healthy photosites around), `interpolate`
(from the nearest of its colour), `surround` (which those are), `subtract` (what a hot or offset one is known to add is
subtracted), `held_out` (how far off each method is on healthy photosites), `lone` (bright photosites that no map has).

A new method is a module here, with a function from `Targets` to values, and its name in `registry.METHODS`.
"""
