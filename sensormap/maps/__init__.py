"""Entries, or a map file, in; a checked map, a file, a comparison, a merged map or coordinates out.

Read `entries` (defects, columns and rows), `sensor_map` (the map), `checks` (what a map must not contradict), `mapfile`
(the YAML file), `map_names` (file names of maps by body), `clusters` (defects that touch), `coordinates` (places for
other programs), `visible` (what shows at an exposure), `matching`, `unseen` and `compare` (two maps of one camera),
`merge` and `merge_entries`, `changes` (edits by hand, and entries that photos no longer show).
"""
