"""Photos of one body in; shards of them, and sums of what was found in each, out.

Read `cut` (which photos make a shard), `summary` (what surveying one leaves behind), `add_up`; then `files` (a summary
as the bytes of a file), which `members` takes apart into `facts` in JSON and `arrays`, and `archive` packs.
`shard_folder` names and writes those files, `catalogue` is what a state folder knows of photos' files, `state` the
folder of both, and `state_tools` what can be done with such folders beside a run.
"""
