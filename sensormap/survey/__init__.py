"""Photos in; a defect map out: the run itself. Only this package drives those above, and only here are its threads.

Read `run` (the whole), `bodies` (a map for each of several cameras), `context` (what all passes share), `passes` (both
passes over the photos of one body), `survey_shards` (the first pass, shard by shard), `first_pass` (one shard),
`frame_reader` (what happens to a photo before it counts), `second_pass`; `kept_maps` are those that a state folder
has, `scenes_seen` and `saved_windows` serve the first pass, `memory` gives memory back to the system, and `engines`
has shards surveyed elsewhere.
"""
