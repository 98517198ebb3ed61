"""A photo in; a frame out: its mosaic on the raw grid, black subtracted.

Read `reading` first: its table says which decoder reads which files. `nef` (compressed NEFs), `libraw` and `png_tiff`
are decoders, `astro` has those of astronomers' files, `jpeg` and `jpeg_mosaic` are one together; `mosaic` is what each
of them ends with, `kinds` tells what is no mosaic, and `dng` where a DNG keeps one. `tiff` reads the directories of a
TIFF; `original` is a raw photo with all that a corrected copy says again; `quiet` keeps native libraries from writing
on the terminal.

A new decoder is a module here, with a function that returns `mosaic.Decoded`, and a row in `reading.DECODER_TABLE`.
"""
