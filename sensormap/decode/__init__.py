"""A photo in; a frame out: its mosaic on the raw grid, black subtracted.

Read `reading` first: it chooses the decoder by the kind of file. `libraw`, `flashraw`, `png_tiff` and `jpeg` decode;
`jpeg_mosaic` makes a mosaic of a JPEG; `nef_file` and `nef_strip` take compressed NEFs apart and put them together;
`original` is a raw photo with all that a corrected copy says again; `quiet` keeps native libraries from writing on the
terminal. A new decoder is a module here and a row in the table of `reading`.
"""
