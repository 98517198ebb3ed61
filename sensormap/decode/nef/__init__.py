"""Compressed NEFs without LibRaw: a file's bytes in, its mosaic out.

Read `frame` (the decoder, and what it leaves to LibRaw) first, then `file` (where a NEF has its strip, and how it is
coded), `strip` (the strip, read by a simple loop) and `streams` (the same, quickly).
"""
