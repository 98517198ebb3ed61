"""Compressed NEFs through the project's own decoder, an eighth of LibRaw's time, wherever it is known to agree with it.

It notices all damage that LibRaw notices, and more. Yet LibRaw's word counts: whatever is odd about a file is left to
it. `survey.frame_reader` compares the two on some photos of each run.
"""

from __future__ import annotations

import logging

from sensormap.camera.profile import Profile
from sensormap.decode.libraw import open_raw, read_sizes
from sensormap.decode.mosaic import Decoded, decoded
from sensormap.decode.nef.file import RawStrip, find_strip, strip_coding, uncompressed_lengths
from sensormap.decode.nef.strip import StripCoding, read_values
from sensormap.errors import SensorMapError

log = logging.getLogger(__name__)

_COLOURS = "RGB"  # by their numbers in TIFF/EP


def read_nef_frame(data: bytes, profile: Profile | None, name: str) -> Decoded | None:
    """Decode a compressed NEF; return None where LibRaw has to be asked, and log why if it seems damaged.

    Parameters and errors are those of `reading.DecodeFunction`.
    """
    if profile is None or profile.black_level is None:  # only LibRaw knows a photo's own black
        return None
    try:
        found = _strip_of(data, profile, name)
        if found is None:
            return None
        raw, coding = found
        strip = memoryview(data)[raw.offset : raw.offset + raw.length]
        values, _ = read_values(strip, (raw.height, raw.width), coding, name)
    except SensorMapError as error:
        log.info("%s; it is left to LibRaw", error)
        return None
    return decoded(values, profile, name, black_level=profile.black_level, saturation=profile.saturation)


def _strip_of(data: bytes, profile: Profile, name: str) -> tuple[RawStrip, StripCoding] | None:
    """Return where a file has its mosaic and how; None where it is not coded so, or not as the profile says."""
    raw = find_strip(data, name)
    coding = strip_coding(raw, name) if raw else None
    if raw is None or coding is None:
        return None
    if raw.length in uncompressed_lengths(raw):
        return None
    if (raw.width, raw.height) != profile.raw_size or raw.bits > profile.bits or filters_of(raw) != profile.cfa.name:
        return None
    with open_raw(data, name) as file:  # which does not decode it
        sizes = read_sizes(file, name)
    if sizes.raw_size != profile.raw_size or profile.active_area.intersection(sizes.visible) != profile.active_area:
        return None
    return raw, coding


def filters_of(raw: RawStrip) -> str:
    """Return the filters that a file says its mosaic lies behind, from raw-grid (0, 0); "" where it says nothing."""
    return "".join(_COLOURS[number] if number < len(_COLOURS) else "?" for number in raw.filters)
