"""Files, folders and patterns in; the photos of one body out, each shot once, in order of capture. No pixel is decoded.

Read `files` (which names are those of photos, and reading one), `finding` (the photos in folders), `remote` (what a URL
names, and reading it), `network` (asking a server for that), `mark` (what corrected copies end in), `jpeg_markers` (the
segments of a JPEG), `maker_note` (the tags that each maker writes in a way of its own), `exif` (the camera that took a
photo, and its settings), `shots` (files that show one shot), `select` (the photos of one body), `library` (the photos
of all bodies), `astro` (headers of astronomers' files), `refusals` (photos that cannot be used, and why).
"""
