"""The version, for the wheel, the command line and the library alike."""

__version__ = "0.2.0"
