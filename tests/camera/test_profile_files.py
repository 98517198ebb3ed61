"""Camera profiles: the shipped ones are sound, and files of the user's own are read strictly."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sensormap.camera import profile_files
from sensormap.camera.cfa import BAYER_NAMES, Cfa
from sensormap.camera.geometry import Rect
from sensormap.camera.profile import Body, Profile
from sensormap.camera.profile_files import (
    find_profile,
    get_profile,
    list_profiles,
    load_profile,
    profiles_of_jpeg_size,
    search_profiles,
)
from sensormap.errors import ProfileError
from tests.support.folders import PROJECT

OWN = {
    "make": "ACME",
    "model": "ACME One",
    "raw_size": "[24, 16]",
    "active_area": "[2, 1, 20, 14]",
    "jpeg_crop": "[3, 2, 18, 12]",
    "cfa": "GBRG",
    "black_level": "0",
    "saturation": "3880",
    "bits": "12",
    "suppression_from_s": "null",
}


def write(path: Path, **changes: str | None) -> Path:
    """Write a valid profile with some values replaced, or left out where None."""
    values = {**OWN, **changes}
    path.write_text("".join(f"{key}: {value}\n" for key, value in values.items() if value is not None))
    return path


WRITTEN = [profile for profile in list_profiles() if profile.verified]
UNVERIFIED = [profile for profile in list_profiles() if not profile.verified]


def test_every_body_has_a_profile() -> None:
    assert [profile.name for profile in list_profiles()] == sorted({profile.name for profile in list_profiles()})
    names = [profile.name for profile in WRITTEN]
    bodies = "d1 d1x d2h d2x d3 d40 d40x d50 d60 d70 d70s d80 d90 d100 d200 d300 d300s d700 d750 d810"
    bodies += " d3000 d3100 d5000 d7000"
    assert set(names) == {f"nikon-{body}" for body in bodies.split()}


@pytest.mark.parametrize("profile", WRITTEN, ids=lambda profile: profile.name)
def test_shipped_profile_is_sound(profile: Profile) -> None:
    assert profile.active_area.fits(*profile.raw_size)
    assert profile.black_level == (0, 0, 0, 0)
    assert profile.saturation < 2**profile.bits
    assert find_profile(Body(profile.make, profile.model, "1")) == profile
    if profile.jpeg_crop is not None:
        crop = profile.jpeg_crop
        assert profile.active_area.intersection(crop) == crop
        assert (crop.width % 2, crop.height % 2) == (0, 0)


def test_generated_profiles_are_sound() -> None:
    assert len(UNVERIFIED) > 680
    cameras = {(profile.make.casefold(), profile.model.casefold()) for profile in list_profiles()}
    assert len(cameras) == len(list_profiles())
    for profile in UNVERIFIED:
        assert profile.active_area.fits(*profile.raw_size)
        assert profile.jpeg_crop is None or profile.active_area.intersection(profile.jpeg_crop) == profile.jpeg_crop
        assert profile.black_level is None
        assert find_profile(Body(profile.make, profile.model, "1")) == profile
        assert get_profile(profile.name) == profile


def test_generated_profiles_name_the_file_that_their_numbers_are_from() -> None:
    for path in (PROJECT / "cameras" / "unverified").glob("*.yaml"):
        lines = path.read_text(encoding="utf-8").splitlines()
        assert lines[0].startswith("# ")
        assert not [line for line in lines if line.startswith("name: ") and "  # " not in line]


def test_of_a_camera_that_several_profiles_may_fit_the_one_that_was_written_counts() -> None:
    assert get_profile("nikon-d80").verified
    assert find_profile(Body("NIKON CORPORATION", "NIKON D80", "")) == get_profile("nikon-d80")


def test_a_generated_profile_is_found_whatever_its_capitals_are() -> None:
    for model in ("Canon EOS REBEL T3", "Canon EOS Rebel T3"):
        known = find_profile(Body("Canon", model, ""))
        assert known is not None
        assert (known.name, known.jpeg_size, known.verified) == ("canon-eos-rebel-t3", (4272, 2848), False)


def test_to_find_a_profile_only_its_own_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run looks for one of hundreds."""
    parsed: list[str] = []
    parse = profile_files._parse_document
    profile_files._unverified_profile.cache_clear()
    monkeypatch.setattr(profile_files, "_parse_document", lambda text: parsed.append(text) or parse(text))
    assert find_profile(Body("Canon", "Canon EOS R5", "")) == get_profile("canon-eos-r5")
    assert len(parsed) == 2


@pytest.mark.parametrize("make", ["../nikon", "/etc/passwd", "", "a/b", "\0", "x" * 64, "日本"])
def test_no_name_of_a_maker_leads_out_of_the_folder(make: str) -> None:
    assert find_profile(Body(make, "NIKON D4x", "")) is None


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["nikon", "D80"], ["nikon-d80", "nikon-d800", "nikon-d800e", "nikon-d810"][:3]),
        (["mark iii", "6d"], []),
        (["CANON", "rebel t3i"], ["canon-eos-rebel-t3i"]),
        (["nowhere"], []),
    ],
)
def test_search(words: list[str], names: list[str]) -> None:
    assert [profile.name for profile in search_profiles(words)] == names


def test_a_search_for_nothing_finds_all() -> None:
    assert search_profiles([]) == list_profiles()


def test_cameras_by_the_size_of_their_jpegs() -> None:
    found = [profile.name for profile in profiles_of_jpeg_size((4928, 3264))]
    assert found[0] == "nikon-d7000"
    assert "pentax-k-5" in found
    assert profiles_of_jpeg_size((4927, 3264)) == ()


def test_whether_a_photo_has_confirmed_a_profile(tmp_path: Path) -> None:
    assert load_profile(write(tmp_path / "own.yaml")).verified
    assert load_profile(write(tmp_path / "own.yaml", verified="true")).verified
    assert not load_profile(write(tmp_path / "own.yaml", verified="false")).verified


def test_d80() -> None:
    d80 = get_profile("nikon-d80")
    assert d80.raw_size == (3904, 2616)
    assert d80.active_area == Rect(0, 0, 3900, 2611)
    assert d80.jpeg_crop == Rect(14, 9, 3872, 2592)
    assert (d80.cfa, d80.saturation, d80.bits) == (Cfa("GBRG"), 3880, 12)
    assert d80.cfa.shifted(x=14, y=9) == Cfa("RGGB")
    assert d80.suppression_from_s is None


def test_every_number_names_its_source() -> None:
    for path in (PROJECT / "cameras").glob("*.yaml"):
        for line in path.read_text().splitlines():
            assert not line.strip() or "#" in line, f"{path.name}: {line}"


def test_suppression_is_known_for_two_bodies() -> None:
    assert get_profile("nikon-d200").suppression_from_s == 1.0
    assert get_profile("nikon-d300").suppression_from_s == 0.25


def test_no_profile_for_another_body() -> None:
    assert find_profile(Body("NIKON CORPORATION", "NIKON D4x", "")) is None
    assert find_profile(Body("", "", "")) is None


def test_own_file(tmp_path: Path) -> None:
    profile = get_profile(str(write(tmp_path / "own.yaml", black_level="[1, 2, 3, 4]", suppression_from_s="1")))
    assert profile == Profile(
        name="own",
        make="ACME",
        model="ACME One",
        raw_size=(24, 16),
        active_area=Rect(2, 1, 20, 14),
        jpeg_crop=Rect(3, 2, 18, 12),
        cfa=Cfa("GBRG"),
        black_level=(1, 2, 3, 4),
        saturation=3880,
        bits=12,
        suppression_from_s=1.0,
    )


def test_own_file_without_what_is_not_known(tmp_path: Path) -> None:
    profile = load_profile(write(tmp_path / "own.yaml", jpeg_crop="null", black_level="null", cfa="mono"))
    assert (profile.jpeg_crop, profile.black_level, profile.cfa.name) == (None, None, "mono")


def test_one_black_level_counts_for_every_plane(tmp_path: Path) -> None:
    assert load_profile(write(tmp_path / "a.yaml", black_level="7")).black_level == (7, 7, 7, 7)
    assert load_profile(write(tmp_path / "b.yaml", black_level="7", cfa="mono")).black_level == (7,)


@pytest.mark.parametrize("name", BAYER_NAMES)
def test_every_phase(tmp_path: Path, name: str) -> None:
    assert load_profile(write(tmp_path / "own.yaml", cfa=name)).cfa == Cfa(name)


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("make", "17", "make: 17 is not a text"),
        ("model", "''", "model: '' is not a text"),
        ("model", "x" * 65, "is not a text of 1 to 64"),
        ("model", '"a\\nb"', "is not a text"),
        ("raw_size", "24", r"raw_size: 24 is not \[width, height\]"),
        ("raw_size", "[24]", "raw_size"),
        ("raw_size", "[[[24]], 16]", r"raw_size: \[\[\[24\]\], 16\] is not \[width, height\]"),
        ("raw_size", "[24, 16.0]", "raw_size"),
        ("raw_size", "[24, true]", "raw_size"),
        ("raw_size", "[24, 1]", "raw_size"),
        ("raw_size", "[65536, 16]", "each from 2 to 65535"),
        ("active_area", "[5, 0, 20, 14]", r"active_area: \[5, 0, 20, 14\] is not .* inside the raw grid of 24 x 16"),
        ("active_area", "[0, 3, 20, 14]", "active_area"),
        ("active_area", "[-1, 0, 20, 14]", "active_area"),
        ("active_area", "[0, 0, 0, 14]", "active_area"),
        ("active_area", "null", "active_area: None is not"),
        ("jpeg_crop", "[0, 0, 24, 17]", "jpeg_crop"),
        ("jpeg_crop", "{x: 1}", "jpeg_crop"),
        ("cfa", "RGBG", "cfa: 'RGBG' is not one of RGGB, BGGR, GRBG, GBRG, mono"),
        ("cfa", "picture", "cfa: 'picture' is not one of RGGB, BGGR, GRBG, GBRG, mono"),
        ("cfa", "[R, G]", "cfa"),
        ("cfa", "null", "cfa"),
        ("black_level", "-1", "black_level: -1 is not"),
        ("black_level", "[1, 2]", "black_level"),
        ("black_level", "3880", "black_level: 3880 is not a whole number below saturation"),
        ("black_level", "0.5", "black_level"),
        ("saturation", "4096", "saturation: 4096 is not a whole number from 1 to 4095"),
        ("saturation", "yes", "saturation: True"),
        ("bits", "17", "bits: 17 is not a whole number from 1 to 16"),
        ("bits", "'12'", "bits: '12'"),
        ("suppression_from_s", "0", "suppression_from_s: 0 is not a time"),
        ("suppression_from_s", ".nan", "suppression_from_s"),
        ("suppression_from_s", ".inf", "suppression_from_s"),
        ("suppression_from_s", "1 s", "suppression_from_s: '1 s'"),
        ("verified", "maybe", "verified: 'maybe' is not true or false"),
        ("verified", "0", "verified: 0 is not true or false"),
        ("verified", "null", "verified: None is not true or false"),
    ],
)
def test_wrong_value(tmp_path: Path, key: str, value: str, expected: str) -> None:
    with pytest.raises(ProfileError, match=expected) as caught:
        load_profile(write(tmp_path / "own.yaml", **{key: value}))
    assert str(caught.value).startswith(f"{tmp_path / 'own.yaml'}: {key}: ")
    assert len(str(caught.value)) < 250 + len(str(tmp_path))


@pytest.mark.parametrize("key", OWN)
def test_missing_key(tmp_path: Path, key: str) -> None:
    with pytest.raises(ProfileError, match=f"own.yaml: missing key '{key}'"):
        load_profile(write(tmp_path / "own.yaml", **{key: None}))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "holds NoneType, expected keys"),
        ("17", "holds int"),
        ("[1, 2]", "holds list"),
        ("a: [", r"line \d+: is not YAML"),
        ("a: b: c", "line 1: is not YAML"),
        ("\0", "is not YAML"),
        ("make: !!python/object/apply:os.getcwd []", "line 1: tag .* is not part of the format"),
        ("? [1]\n: 2", r"line 1: key '\[1\]' is not text"),
        ("model: &a x\nmake: *a", "aliases"),
        ("make: &a [x, x]\n<<: *a", "aliases"),
        ("make: [[[[[[[[1]]]]]]]]", "line 1: nested more than 8 levels deep"),
        ("[" * 30_000, "line 1: nested more than 8 levels deep"),
        ("make: 2001-99-99", "line 1: '2001-99-99' cannot be read as the value it looks like"),
        ("saturation: " + "9" * 5000, "line 1: '9{60}' cannot be read as the value it looks like"),
        ("iso: 100", "unknown key 'iso', expected exactly make, model"),
        ("1: 100", "line 1: key '1' is not text"),
        ("---\n---\n", "line 2: a second document starts, expected one"),
    ],
)
def test_no_profile_at_all(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(text)
    with pytest.raises(ProfileError, match=expected) as caught:
        load_profile(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_repeated_key(tmp_path: Path) -> None:
    path = write(tmp_path / "own.yaml")
    path.write_text(path.read_text() + "bits: 14\n")
    with pytest.raises(ProfileError, match=r"own.yaml: line \d+: key 'bits' stands twice"):
        load_profile(path)


def test_file_that_is_not_text(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ProfileError, match=r"own.yaml: is not UTF-8 text \(byte 0\)"):
        load_profile(path)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=f"none.yaml: cannot be read: {os.strerror(errno.ENOENT)}"):
        get_profile(str(tmp_path / "none.yaml"))
    with pytest.raises(ProfileError, match="is a folder, expected a camera profile"):
        get_profile(f"{tmp_path}/")
    (tmp_path / "large.yaml").write_text("#" * 65_537)
    with pytest.raises(ProfileError, match=r"large\.yaml: larger than 65536 bytes, expected a camera profile"):
        get_profile(str(tmp_path / "large.yaml"))


@pytest.mark.parametrize("name", ["libraw", "picture", "fits", "ser"])
def test_names_of_what_photos_tell_themselves_are_taken(tmp_path: Path, name: str) -> None:
    with pytest.raises(ProfileError, match=f"'{name}' names the geometry"):
        load_profile(write(tmp_path / f"{name}.yaml"))


@pytest.mark.parametrize(("name", "hint"), [("d80", "nikon-d80"), ("nikon-d88", "nikon-d80"), ("zzzzzz", "or give a")])
def test_unknown_name(name: str, hint: str) -> None:
    with pytest.raises(ProfileError, match=f"'{name}' is not a camera profile: .*{hint}"):
        get_profile(name)


def test_name_as_people_write_it() -> None:
    assert get_profile("Nikon D80").name == "nikon-d80"


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(OWN)), st.text(max_size=40))
def test_any_value_is_read_or_refused(tmp_path: Path, key: str, value: str) -> None:
    path = tmp_path / "own.yaml"
    path.write_text("".join(f"{k}: {value if k == key else v}\n" for k, v in OWN.items()), encoding="utf-8")
    try:
        profile = load_profile(path)
    except ProfileError as error:
        assert str(error).startswith(f"{path}: ")  # noqa: PT017 (either outcome is right)
    else:
        assert profile.name == "own"
