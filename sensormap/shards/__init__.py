"""Photos of one body in; shards of them, and sums of what was found in each, out.

Read `cut` (which photos make a shard), `summary` (what surveying one leaves behind), `add_up` and `tally_files` (sums
on the disk, while other work needs the memory); then `file_format` (a summary as the bytes of a file). `shard_folder`
names and writes those files, `catalogue` is what a state folder knows of photos' files (`catalogue_file`: its tables),
`known_headers` what their headers said, `sealed` keeps both from flipped bits, `state_folder` which folders are ours
and who has one, `state` the folder of shards and catalogue, `state_values` what it tells of single photosites, and
`state_tools` what can be done with such folders beside a run.
"""
