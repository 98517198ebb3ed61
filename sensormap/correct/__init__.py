"""Photos and a map in; repaired photos out.

Read `run` (all photos), `plan` (what it would do), `selection` (which defects a photo shows), `methods` (new values for
photosites), `repairs` (those of one raw photo), `raw` (what becomes of its file), `nef` with `nef_packing`,
`dng_inside`, `dng`, `jpeg` and `astro` (the files that are written), `destinations` (where they go), `check_repairs`
(how good the methods are on a camera's own photos), `preview` (one photo before and after, in memory).
"""
