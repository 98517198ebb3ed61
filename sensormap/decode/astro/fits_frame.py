"""FITS images as frames: the raw grid is the image as stored, its first row row 0."""

from __future__ import annotations

from io import BytesIO

from sensormap.camera.profile import Profile
from sensormap.camera.profile_files import FITS
from sensormap.decode.astro.fits_image import FULL_SCALE, values_of
from sensormap.decode.astro.levels import agreed_geometry, check_bits, check_filters, own_profile, with_levels
from sensormap.decode.mosaic import Decoded, check_size
from sensormap.errors import FrameMismatchError
from sensormap.photos.astro.fits_facts import black_of, body_of, cfa_of, mono, saturation_of
from sensormap.photos.astro.fits_header import FitsImage, find_image


def fits_geometry(data: bytes, profile: Profile | None, name: str) -> Profile:
    """Return the geometry of a FITS file: the profile's, or its own: see `agreed_geometry`.

    Parameters and errors are those of `reading.ReadGeometry`.
    """
    image = find_image(BytesIO(data), name)
    cfa = cfa_of(image.keywords, image.height, name)
    size = (image.width, image.height)
    own = own_profile(FITS, body_of(image.keywords).model, size, cfa or mono(), bits_of(image))
    return agreed_geometry(own, cfa, profile, name)


def read_fits_frame(data: bytes, profile: Profile | None, name: str) -> Decoded:
    """Decode a FITS image; parameters and errors are those of `reading.DecodeFunction`."""
    image = find_image(BytesIO(data), name)
    profile = profile or fits_geometry(data, None, name)
    check_size((image.width, image.height), profile, name, FrameMismatchError)
    check_filters(cfa_of(image.keywords, image.height, name), profile, name)
    check_bits(bits_of(image), profile, name)
    full_scale = 2 ** bits_of(image) - 1
    return with_levels(
        values_of(data, image, name),
        profile,
        name,
        black=black_of(image.keywords, full_scale),
        saturation=saturation_of(image.keywords, full_scale),
    )


def bits_of(image: FitsImage) -> int:
    """Return the bits of a value in DN: 8 of a file of bytes, and else 16."""
    return 8 if image.bitpix == 8 else FULL_SCALE.bit_length()
