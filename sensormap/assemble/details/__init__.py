"""Evidence of a run and its map in; what a report shows beside the map out, small enough to be kept.

Read `values` (what there is), `gathering` (how it is taken from the evidence), `kept` (as JSON and back).
"""
