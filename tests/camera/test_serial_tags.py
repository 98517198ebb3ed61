"""Which tags hold serial numbers: as the table says, and a table that says nothing of use is told."""

from __future__ import annotations

import pytest

from sensormap.camera.serial_tags import EXIF, IFD0, NOTE, SerialTag, parse_serial_tags, serial_tags

BODY_SERIAL = SerialTag(EXIF, (0xA431,))
ANY = (BODY_SERIAL, SerialTag(IFD0, (0xC62F,)))


@pytest.mark.parametrize("make", ["", "ACME", "Apple", "SON"])
def test_a_maker_without_tags_of_its_own_has_those_of_every_maker(make: str) -> None:
    assert serial_tags(make) == ANY


@pytest.mark.parametrize("make", ["NIKON CORPORATION", "NIKON", "Nikon"])
def test_a_maker_is_known_by_how_its_name_begins_in_any_case(make: str) -> None:
    assert serial_tags(make) == (SerialTag(NOTE, (0x001D,)), SerialTag(NOTE, (0x00A0,)), *ANY)


def test_a_tag_in_a_directory_of_its_own_has_two_numbers() -> None:
    assert serial_tags("OLYMPUS IMAGING CORP.  ")[0] == SerialTag(NOTE, (0x2010, 0x0101))


def test_a_tag_of_every_maker_that_a_maker_has_first_counts_once() -> None:
    assert serial_tags("Canon") == (BODY_SERIAL, SerialTag(NOTE, (0x000C,)), ANY[1])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected the keys any"),
        ("- EXIF 0xA431", "expected the keys any"),
        ("any: [EXIF 0xA431]", "expected the keys any"),
        ("{any: [EXIF 0xA431], makes: {}, others: {}}", "expected the keys any"),
        ("{any: [EXIF 0xA431], makes: []}", "expected the keys any"),
        ("{any: [], makes: {}}", r"any: \[\] is not a list of tags"),
        ("{any: EXIF 0xA431, makes: {}}", "any: 'EXIF 0xA431' is not a list of tags"),
        ("{any: [EXIF 0xA431], makes: {Nikon: [MakerNote 0x001D]}}", "makes: 'Nikon' is not how a make begins"),
        ("{any: [EXIF 0xA431], makes: {'': [MakerNote 0x001D]}}", "makes: '' is not how a make begins"),
        ("{any: [EXIF 0xA431], makes: {NIKON: [MakerNote 1D]}}", "NIKON: 'MakerNote 1D' is not a tag such as"),
        ("{any: [EXIF 0xA431 0xA432], makes: {}}", "any: 'EXIF 0xA431 0xA432' is not a tag such as"),
        ("{any: [42], makes: {}}", "any: 42 is not a tag such as"),
        ("{any: [EXIF 0xA431]", "line 2: is not YAML"),
    ],
)
def test_a_table_that_is_none_is_told(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^serial_tags.yaml: {message}"):
        parse_serial_tags(text)
