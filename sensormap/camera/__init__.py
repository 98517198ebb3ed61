"""What is known of a camera before a photo is opened: its sensor's geometry, its filters, its profile.

In: profile files and tables (YAML). Out: `Profile`, `Sensor`, `Rect`, `Cfa`, `SerialTag`.
Read `geometry` (rectangles and the raw grid), `cfa` (filter patterns and planes), `profile` (one camera model),
`profile_files` (finding, reading and checking profiles), `profile_writing` (a profile as text), `serial_tags` (which
tags of EXIF hold serial numbers).
"""
