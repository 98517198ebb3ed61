"""BMP masks: what Calibir cameras take, and what image editors make of it."""

from __future__ import annotations

import struct
from io import BytesIO

import pytest
from PIL import Image

from sensormap.camera.cfa import Cfa
from sensormap.camera.geometry import Rect, Sensor
from sensormap.camera.profile import Body
from sensormap.errors import ListFormatError
from sensormap.formats.listing import Listing, Photosite, Run
from sensormap.formats.programs import bmp

SENSOR = Sensor((23, 16), Rect(2, 1, 20, 14), Cfa("mono"), None)
PLACES = (Photosite(0, 0), Photosite(3, 22), Photosite(15, 1))
MASK = bmp.write(Listing(PLACES[:2], (Run(15, 1, 1, 1),)), SENSOR, Body("", "", ""))


def image(mode, *, size=(23, 16), bad=255):
    made = Image.new(mode, size)
    for place in PLACES:
        made.putpixel((place.x, place.y), bad)
    out = BytesIO()
    made.save(out, "BMP")
    return out.getvalue()


def test_a_mask_has_8_bits_of_black_and_white():
    assert MASK[:2] == b"BM"
    assert struct.unpack_from("<iiHHI", MASK, 18) == (23, 16, 1, 8, 0)
    shown = Image.open(BytesIO(MASK)).convert("RGB")
    assert {colour for _, colour in shown.getcolors()} == {(0, 0, 0), (255, 255, 255)}


@pytest.mark.parametrize("data", [MASK, image("1"), image("L", bad=1)])
def test_any_value_but_0_is_bad(data):
    assert bmp.read(data, "mask.bmp", SENSOR).photosites == PLACES


def test_a_palette_may_be_coloured():
    made = Image.new("P", (23, 16))
    made.putpalette([0, 0, 0, 255, 0, 0])
    for place in PLACES:
        made.putpixel((place.x, place.y), 1)
    out = BytesIO()
    made.save(out, "BMP")
    assert bmp.read(out.getvalue(), "mask.bmp", SENSOR).photosites == PLACES


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "is no BMP file"),
        (b"BM" + bytes(10), "is no BMP file"),
        (image("RGB", bad=(1, 1, 1)), "23 x 16, 24 bits, compression 0; expected the size of the raw grid"),
        (image("L", size=(24, 16)), "24 x 16, 8 bits"),
        (MASK[:30] + b"\1" + MASK[31:], "8 bits, compression 1"),
        (MASK[:1100], "truncated or damaged"),
        (b"BM" + bytes(12) + struct.pack("<IiiHHI", 40, 2**31 - 1, -(2**31), 1, 8, 0), "2147483647 x 2147483648"),
    ],
)
def test_what_is_no_mask_is_refused(data, problem):
    with pytest.raises(ListFormatError, match=f"mask.bmp: .*{problem}"):
        bmp.read(data, "mask.bmp", SENSOR)
