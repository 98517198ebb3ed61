"""Corrected copies of astronomers' files: `fits` repairs values in a FITS file, `header` says so in its header."""
