"""The errors sensormap raises on bad input; the command line turns each into one line and exit code 1."""

from __future__ import annotations


class SensorMapError(Exception):
    """Base of every error that names a file, what was found in it, and what was expected.

    Attributes
    ----------
    digest
        SHA-256 of the bytes that were found wrong, hexadecimal; None where the error is of no photo, or of reading one.
    """

    digest: str | None = None


class DecodeError(SensorMapError, OSError):
    """A photo that cannot be read as a frame."""


class EditedError(DecodeError):
    """A photo that is not as its camera wrote it: edited, exported, or corrected by sensormap."""


class ProfileError(SensorMapError, ValueError):
    """A camera profile that is missing, malformed, or contradicts the decoded frame."""


class FrameMismatchError(SensorMapError, ValueError):
    """Frames or maps that do not belong to one map: another body, another size, or too few of them."""


class MapFormatError(SensorMapError, ValueError):
    """A defect map file that is not a valid `sensormap/1` document."""


class MapSizeError(SensorMapError, ValueError):
    """A map with more defective photosites, or a larger grid, than is made into an array."""


class StrengthError(SensorMapError, ValueError):
    """A question about strengths to a map that holds none."""


class PlaneError(SensorMapError, ValueError):
    """A question about a colour plane to a map whose sensor has none of that name."""


class PlaceError(SensorMapError, ValueError):
    """A photosite that cannot be edited: off the sensor, named twice, or with nothing to undo."""


class ConfigError(SensorMapError, ValueError):
    """A config file that cannot be read, or holds what is no default of the command line."""


class ListFormatError(SensorMapError, ValueError):
    """A defect list of another program that cannot be read, or content that its format cannot hold."""


class OutputError(SensorMapError, OSError):
    """A place where a result cannot be written."""


class StateError(SensorMapError, OSError):
    """A state folder, or a file of one, that cannot be used."""


class MissingExtraError(SensorMapError, ImportError):
    """A part of sensormap whose libraries are not installed: they are an extra."""


class EngineError(SensorMapError, RuntimeError):
    """Workers, or a scheduler, that cannot be used."""
