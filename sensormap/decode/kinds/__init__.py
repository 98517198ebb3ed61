"""What kinds of raw files hold no mosaic of one exposure, and how they are told.

Read `no_mosaic`.
"""
