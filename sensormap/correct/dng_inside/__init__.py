"""A DNG in; the same DNG out, with other values at some photosites and every other byte kept.

Read `decode.dng.tiles` (where a DNG has its mosaic) first, then `lossless_jpeg` (how a compressed tile is read and
written) and `rewriting` (values out of the file, and new ones into it).
"""
