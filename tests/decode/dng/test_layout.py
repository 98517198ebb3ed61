"""DNGs that LibRaw decodes to other values than they hold, or for minutes: refused by their headers."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from fixtures.files.tiled_dng import DngCoding, dng_bytes
from sensormap.decode.dng.layout import check_layout
from sensormap.decode.libraw import open_raw, raw_values
from sensormap.errors import DecodeError

WIDTH, HEIGHT = 128, 96
VALUES = np.random.default_rng(1).integers(100, 4000, (HEIGHT, WIDTH)).astype(np.uint16)

GOOD = [
    DngCoding(12, tile=(256, 48)),
    DngCoding(16, tile=(128, 112)),
    DngCoding(12, rows=30),
    DngCoding(12, jpeg=True),
    DngCoding(12, jpeg=True, tile=(32, 48)),
    DngCoding(12, jpeg=True, tile=(48, 32), components=1),
    DngCoding(12, jpeg=True, tile=(64, 48), components=1),
    DngCoding(12, jpeg=True, tile=(128, 112)),
]
BAD = {
    "strips": (DngCoding(12, jpeg=True, rows=30), "a DNG in 4 JPEG strips: LibRaw decodes other values"),
    "wide tiles": (DngCoding(12, jpeg=True, tile=(256, 48)), "a DNG in JPEG tiles of 256 columns, of a mosaic"),
    "one wide tile": (DngCoding(16, tile=(160, 96)), "a DNG in one tile of 160 columns, of a mosaic of 128: LibRaw"),
    "half as wide": (DngCoding(12, jpeg=True, tile=(64, 48)), "tile 0 is a JPEG of 2 values a pixel and half as wide"),
}  # fmt: skip


def of(coding: DngCoding) -> bytes:
    if coding.jpeg:
        pytest.importorskip("imagecodecs")
    return dng_bytes(VALUES, coding)


@pytest.mark.parametrize("coding", GOOD, ids=str)
def test_what_libraw_decodes_right_passes(coding: DngCoding) -> None:
    data = of(coding)
    check_layout(data, "a.dng")
    with open_raw(data, "a.dng") as raw:
        assert_array_equal(raw_values(raw), VALUES)


@pytest.mark.parametrize("kind", BAD)
def test_what_libraw_misreads_is_refused(kind: str) -> None:
    coding, message = BAD[kind]
    with pytest.raises(DecodeError, match=rf"^a\.dng: {message}"), open_raw(of(coding), "a.dng"):
        pass


LIES = {
    "a time bomb": (5, b"\xff\xff\xff\xff", "tile 3 is a JPEG of 65535 x 65535 x 1 values, expected 1536"),
    "too few": (5, b"\0\x1f", "tile 3 is a JPEG of 48 x 31 x 1 values, expected 1536"),
    "baseline": (1, b"\xc0", "tile 3 is no JPEG that LibRaw decodes"),
    "no JPEG": (0, b"\0", "tile 3 is no JPEG that LibRaw decodes"),
}


@pytest.mark.parametrize("kind", LIES)
def test_jpegs_that_are_not_what_the_tile_is_are_refused(kind: str) -> None:
    data = of(GOOD[5])
    at = data.index(b"\xff\xc3")
    for _ in range(3):
        at = data.index(b"\xff\xc3", at + 2)
    place, new, message = LIES[kind]
    bad = data[: at + place] + new + data[at + place + len(new) :]
    with pytest.raises(DecodeError, match=rf"^a\.dng: {message}"):
        check_layout(bad, "a.dng")


def test_cut_files_are_refused_and_other_files_pass() -> None:
    data = of(GOOD[5])
    with pytest.raises(DecodeError, match=r"truncated or damaged \(tile \d begins at \d+, expected inside the file's"):
        check_layout(data[: data.index(b"\xff\xc3") + 8000], "a.dng")
    for other in (b"", b"II*\0", b"II*\0\xff\xff\xff\xff" + bytes(99), of(GOOD[2])[:40], bytes(99)):
        check_layout(other, "a.dng")
