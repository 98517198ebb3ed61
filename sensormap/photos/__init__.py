"""Files, folders and patterns in; the photos of one body out, each shot once, in order of capture. No pixel is decoded.

Read `files` (which files are photos, and reading them), `mark` (what corrected copies end in), `jpeg_markers` (the
segments of a JPEG), `exif` (the camera that took a photo, and its settings), `shots` (files that show one shot),
`select` (the photos of one body), `refusals` (photos that cannot be used, and why).
"""
