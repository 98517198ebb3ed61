"""Decoders of astronomers' files: FITS images and frames of SER videos.

`fits_image` makes numbers of a FITS image, which `fits_tiles` checks first where it is compressed; `fits_frame` makes a
frame of them, `ser_frame` one of a frame of a video. `levels` is what both end with: black and saturation of cameras
that no profile describes.
"""
