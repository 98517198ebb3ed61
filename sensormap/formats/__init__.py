"""A map in, another program's list out, and the way back.

Read `listing` (a list of photosites and runs), `from_map` and `to_map`, `registry` (the formats by name), `plugins`
(those of other packages), `text_lines`
and `masks` (what formats of text lines, and of images, share), `programs` (one
module a program). A new format is a module there and its name in `registry`.
"""
