"""The defect map: a value, a file, compared, merged, as coordinates.

Read `entries` (defects, columns and rows), `sensor_map` (the map), `checks` (what a map must not contradict), `mapfile`
(the YAML file), `map_names` (file names of maps by body), `clusters` (defects that touch), `coordinates` (places for
other programs), `visible` (what shows at an exposure), `matching`, `unseen` and `compare` (two maps of one camera),
`merge` and `merge_entries`.
"""
