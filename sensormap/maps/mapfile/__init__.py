"""The map file, ``format: sensormap/1``: written for people and ten-line scripts, read without trusting it.

Read `layout` (the keys and what they hold), `values` (kinds of value), `writing`, `reading`, `finding` (which
files are maps), `schema` (the layout as a JSON Schema).
"""
