"""Files of astronomers' programs: FITS images and SER videos, their headers read without trusting them.

`fits_header` finds the image of a FITS file, `fits_facts` says by its keywords which camera took it and how; `ser`
reads the header of a video and cuts frames out of it. Nothing here needs astropy: a header is text of 80 characters a
line, and has to be bounded before anything believes it.
"""
