"""Photos in; a defect map out: the run itself. Only this package drives those above, and only here are its threads.

Read `run` (the whole), `bodies` (a run for each of many cameras), `context` (what all passes share), `passes` (both
passes over the photos of one body), `frame_reader` (what happens to a photo before it counts), `first_pass`,
`second_pass`; `scenes_seen` and `saved_windows` serve the first pass, `memory` gives memory back to the system.
"""
