"""Corrected copies of astronomers' files: `fits` puts repaired values into a FITS file."""
