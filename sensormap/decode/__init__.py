"""Files into frames: raw files through LibRaw, plain images, and their EXIF."""

from sensormap.decode.quiet import native_stderr_silenced
from sensormap.decode.reading import open_geometry, read_frame, usable_area
from sensormap.photos.exif import read_photo
from sensormap.photos.files import is_jpeg_name, is_photo_name
from sensormap.settings import DECODERS, RAWPY

__all__ = [
    "DECODERS",
    "RAWPY",
    "is_jpeg_name",
    "is_photo_name",
    "native_stderr_silenced",
    "open_geometry",
    "read_frame",
    "read_photo",
    "usable_area",
]
