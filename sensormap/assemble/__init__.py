"""The evidence of a run in; a defect map out.

Read `pass_rules` (what is done differently with raw photos and with JPEGs), `evidence` (what a run leaves behind),
`build_map` (the whole step), `from_series` and `from_jpeg_series` (entries of photosites followed through raw photos
and JPEGs), `from_votes` (entries without a second pass), `lines` (columns and rows), `calibrated` (photos that the
camera calibrated itself), `mixed_bodies` (photos of two sensors), `raw_and_jpeg` (one map of both kinds of photos),
`cautions` (what makes a map less certain than it looks), and the package `details` (what a report shows beside it).
"""
