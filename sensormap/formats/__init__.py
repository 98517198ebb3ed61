"""A map in, another program's list out, and the way back.

Read `listing` (a list of photosites and runs), `from_map` and `to_map`, `registry` (the formats by name), `plugins`
(those of other packages), `text_lines`, `masks` and
`tiff_tags` (what formats of text lines, of images, and of DNGs, share), `programs` (one
module a program). A new format is a module there and its name in `registry`.
"""
