"""Where a DNG keeps its mosaic: bytes in, strips and tiles out.

`directories` (what a file says of its pictures), `jpeg_header` (what a JPEG says of itself), `tiles` (the place of each
strip or tile of a mosaic), `layout` (what LibRaw would decode to other values than a file holds, or for minutes).
"""
