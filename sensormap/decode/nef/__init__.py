"""Compressed NEFs without LibRaw: a file's bytes in, its mosaic out.

Read `frame` (the decoder, and what it leaves to LibRaw) first, then `file` (where a NEF has its strip, and how that is
coded), `codes` (the bits of a difference), `strip` (the strip, read by a simple loop), `streams` (the same, quickly)
and `sums` (what differences add up to).
"""
