"""The script that turns a table of sample records into unverified profiles: what it takes, and what it leaves out."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from benchmarks import camera_profiles
from benchmarks.camera_profiles import main
from sensormap.camera import profile_files
from sensormap.camera.geometry import Rect
from sensormap.camera.profile_files import list_profiles

COLUMNS = (
    *("make", "model", "exif_make", "exif_model", "raw_width", "raw_height", "active_area_x_y_w_h", "crop_x_y_w_h"),
    *("cfa", "black_levels", "white_levels", "samples"),
)
FULL = ("100", "80", "2 0 96 80", "8 4 84 72", "RGGB")
BLACK = "0 0 0 0"


def record(model: str, *facts: str, exif: tuple[str, str] | None = None, black: str = BLACK) -> tuple[str, ...]:
    """Return a row: raw size, rectangles and filters, white level and samples."""
    width, height, area, crop, cfa, white, samples = facts
    make, name = ("ACME CORP.", f"ACME {model}") if exif is None else exif
    return ("Acme", model, make, name, width, height, area, crop, cfa, black, white, samples)


ROWS = (
    record("One", *FULL, "4000", "One_12bits.raw; One_12bits_other.raw"),
    record("One", *FULL, "16000", "One_14bits.raw"),
    record("One", "60", "50", "", "4 2 52 44", "RGGB", "4000", "One_crop.raw"),
    record("One", "200", "160", "4 0 192 160", "16 8 168 144", "RGGB", "4000", "One_tripod_hires.raw"),
    record("One", "104", "90", "0 0 100 80", "8 4 84 72", "RGGB", "16000", "One_tiles.raw"),
    record("Two", *FULL[:4], "", "4000", "Two.raw", exif=("", "")),
    record("Joined", "200", "160", "", "16 8 168 144", "RGGB", "4000", "Joined_big.raw"),
    record("Joined", *FULL, "4000", "Joined.raw"),
    record("Wrong", "100", "80", "50 0 96 80", "0 0 101 80", "BGGR", "4000", "Wrong.raw"),
    record("Monochrom", *FULL[:4], "", "4000", "Monochrom.raw"),
    record("X", *FULL[:4], "GGRGGBGGBGGRBRGRBGGGBGGRGGRGGBRBGBRG", "4000", "X.raw"),
    record("Y", *FULL[:4], "GGRGGBGGBGGRBRGRGBGGBGGRGGRGGBRBGBRG", "4000", "Y.raw"),
    record("Reduced", *FULL, "64000 64000 64000", "sRAW.raw", black="0 0 0"),
    record("Zero", "0", "0", "", "", "RGGB", "4000", "Zero.raw"),
    record("Secret", *FULL[:4], "", "4000", "Secret.raw"),
    record("Emerald", *FULL[:4], "RGEB", "4000", "Emerald.raw"),
    record("By Hand", *FULL, "4000", "Hand.raw"),
)


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """Make profiles of that table, and return what the script prints; they are all that sensormap then knows."""
    table = tmp_path / "table.csv"
    with table.open("w", newline="") as lines:
        csv.writer(lines).writerows((COLUMNS, *ROWS))
    cameras = tmp_path / "cameras"
    cameras.mkdir()
    (cameras / "acme-by-hand.yaml").touch()
    monkeypatch.setattr(camera_profiles, "CAMERAS", cameras)
    main([str(table)])
    (cameras / "acme-by-hand.yaml").unlink()
    monkeypatch.setattr(profile_files, "_folder", lambda: cameras)
    return capsys.readouterr().out


@pytest.mark.usefixtures("written")
def test_each_camera_has_its_full_size_and_highest_level() -> None:
    list_profiles.cache_clear()
    known = {profile.name: profile for profile in list_profiles()}
    list_profiles.cache_clear()
    assert set(known) == {"acme-joined", "acme-monochrom", "acme-one", "acme-two", "acme-wrong", "acme-x"}
    assert known["acme-x"].cfa.name == "GGRGGB/GGBGGR/BRGRBG/GGBGGR/GGRGGB/RBGBRG"
    for name in ("acme-one", "acme-two", "acme-joined"):
        profile = known[name]
        assert (profile.raw_size, profile.active_area, profile.jpeg_crop, profile.cfa.name) == (
            *((100, 80), Rect(2, 0, 96, 80), Rect(8, 4, 84, 72), "RGGB"),
        )
    assert (known["acme-one"].saturation, known["acme-one"].bits) == (16000, 14)
    assert known["acme-monochrom"].cfa.name == "mono"
    assert (known["acme-two"].make, known["acme-two"].model) == ("ACME CORP.", "ACME Two")
    assert (known["acme-wrong"].active_area, known["acme-wrong"].jpeg_crop) == (Rect(0, 0, 100, 80), None)


def test_what_is_left_out_is_counted_with_its_reason(written: str) -> None:
    assert written.splitlines() == [
        "6 profiles in 1 files",
        "2 left out: filters of other colours or patterns: acme-y, acme-emerald",
        "1 left out: filters unknown: acme-secret",
        "1 left out: no mosaic as the sensor took it: acme-reduced",
        "1 left out: no size: acme-zero",
        "1 left out: written by hand: acme-by-hand",
    ]
