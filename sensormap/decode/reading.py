"""Photos into frames: one geometry for a run, then each photo decoded and checked against it.

`DECODER_TABLE` says which decoder reads which files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from sensormap.camera.profile import Profile
from sensormap.decode.astro.fits_frame import fits_geometry, read_fits_frame
from sensormap.decode.astro.ser_frame import read_ser_frame, ser_geometry
from sensormap.decode.jpeg_mosaic import jpeg_geometry, read_jpeg_frame
from sensormap.decode.libraw import libraw_geometry, read_libraw_frame
from sensormap.decode.mosaic import Decoded
from sensormap.decode.nef.frame import read_nef_frame
from sensormap.decode.png_tiff import image_geometry, read_image_frame
from sensormap.errors import DecodeError, SensorMapError
from sensormap.frame import Frame, Photo, PhotoPath
from sensormap.photos.files import is_fits_name, is_image_name, is_jpeg_name, is_ser_name, read_bytes
from sensormap.settings import AUTO

ReadGeometry = Callable[[bytes, Profile | None, str], Profile]
"""Returns the geometry to use for a run, given all bytes of its first photo, the profile of the camera (None where
there is none), and the file's name for messages. Raises what `open_geometry` does."""

DecodeFunction = Callable[[bytes, Profile | None, str], Decoded | None]
"""Decodes a photo, given all its bytes, the geometry and levels that it must agree with (None leaves them to the
decoder), and the file's name for messages. Raises what `read_frame` does. Returns None where it is not sure: then its
fallback is asked, which is the next row of the table that reads such files."""


@dataclass(frozen=True)
class Decoder:
    """How one kind of file becomes frames.

    Parameters
    ----------
    reads
        Tells by its name whether a file is of this kind.
    geometry
        Reads the geometry of such files; None leaves that to a later row of the table.
    frame
        Decodes such files.
    option
        Name in `settings.DECODERS` that has to be asked for; None for a row that is always used.
    """

    reads: Callable[[PhotoPath], bool]
    geometry: ReadGeometry | None
    frame: DecodeFunction
    option: str | None = None


def _any_name(_path: PhotoPath) -> bool:
    """Take files of any name: LibRaw knows raw photos by their content."""
    return True


DECODER_TABLE = (
    Decoder(is_jpeg_name, jpeg_geometry, read_jpeg_frame),
    Decoder(is_image_name, image_geometry, read_image_frame),
    Decoder(is_fits_name, fits_geometry, read_fits_frame),
    Decoder(is_ser_name, ser_geometry, read_ser_frame),
    Decoder(_any_name, None, read_nef_frame, option=AUTO),
    Decoder(_any_name, libraw_geometry, read_libraw_frame),
)
"""Decoders in the order in which they are asked; the last one reads any file or says what is wrong with it."""


def open_geometry(path: PhotoPath, profile: Profile | None) -> Profile:
    """Return the geometry to use for a run, from its first photo.

    Parameters
    ----------
    path
        A photo of the camera.
    profile
        Profile of the camera; None leaves the geometry to LibRaw, which must decode the photo for it.

    Returns
    -------
    Profile
        `profile` with its active area cut to what LibRaw decodes, or LibRaw's own, named ``libraw``; for a JPEG that of
        `jpeg_mosaic.jpeg_profile`.

    Raises
    ------
    DecodeError
        If the photo cannot be used, or is a PNG or TIFF file and there is no profile.
    ProfileError
        If the photo contradicts the profile.
    """
    readers = (row.geometry for row in DECODER_TABLE if row.reads(path))
    read = next(geometry for geometry in readers if geometry is not None)
    return read(read_bytes(path), profile, path.name)


def read_frame(photo: Photo, profile: Profile | None, *, decoder: str = AUTO) -> Frame:
    """Decode one photo.

    Parameters
    ----------
    photo
        The photo, as `photos.exif.read_photo` describes it.
    profile
        Geometry and levels that it must agree with, as `open_geometry` returns them; None leaves them to LibRaw.
    decoder
        One of `settings.DECODERS`: the frame is the same.

    Returns
    -------
    Frame
        Its mosaic is int16 wherever the values fit; what lies outside the active area may be anything.
        Where the profile leaves black to LibRaw, saturation is the lower of the profile's and the photo's own. A JPEG
        has its pixels' values, 0 to 255 on the camera's tone curve, each in the colour of its filter.

    Raises
    ------
    DecodeError
        If the file is damaged, no mosaic, or every photosite is 0. It has the digest of the bytes, as the next two,
        unless they could not be read, or are more or fewer than they were.
    FrameMismatchError
        If its size or bits differ from the profile's, or it shows a part of the active area only.
    ProfileError
        If its filters differ from the profile's, or it shows nothing of the active area.

    Notes
    -----
    Threads may call this at once: reading, hashing, decoding and the arithmetic all release the GIL.
    """
    data = read_bytes(photo.path)
    if len(data) != photo.size_bytes:
        msg = f"{photo.path.name}: changed from {photo.size_bytes} to {len(data)} bytes during the run"
        raise DecodeError(msg)
    rows = (row for row in DECODER_TABLE if row.reads(photo.path) and row.option in (None, decoder))
    results = ((row, row.frame(data, profile, photo.path.name)) for row in rows)
    try:
        row, result = next((row, result) for row, result in results if result is not None)
    except SensorMapError as error:
        error.digest = hashlib.sha256(data).hexdigest()
        raise
    digest = hashlib.sha256(data).hexdigest()
    return Frame(photo, result.mosaic, result.floor, result.saturation, digest, by_own_decoder=row.option == AUTO)
