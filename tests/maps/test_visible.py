"""Which defects stand out at an exposure, and `show --visible`."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import replace

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from sensormap.cli.main import main
from sensormap.cli.options import parse_shutter
from sensormap.errors import SensorMapError, StrengthError
from sensormap.maps.entries import STRENGTHS, DefectKind, Source
from sensormap.maps.mapfile.writing import write_map
from sensormap.maps.visible import GREY_DN, SHADOW_DN, noise_dn, visible_defects
from sensormap.report.summary import visible_title
from tests.support.maps import both_map, full_map, jpeg_map, phone_map, sensor_maps, toy_defect, toy_map
from tests.support.photos import refused

HOT = toy_defect(17, 4)


def is_visible(*, shutter_s=1.0, iso=100, **values):
    """Tell whether a defect of these strengths stands out."""
    defect = replace(HOT, **{name: around(value) if name in STRENGTHS else value for name, value in values.items()})
    return visible_defects(toy_map(defects=(defect,)), shutter_s=shutter_s, iso=iso) == (defect,)


def around(value):
    """An estimate whose interval tells nothing more."""
    return (value, value - 1, value + 1)


def above(value):
    return math.nextafter(value, math.inf)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1/60", 1 / 60),
        ("1/60s", 1 / 60),
        (" 1/60 s ", 1 / 60),
        ("1/2.5", 0.4),
        ("0.5", 0.5),
        (".5", 0.5),
        ("30", 30.0),
        ("30s", 30.0),
        ("1.", 1.0),
        ("3/2", 1.5),
    ],
)
def test_shutter_times(text, seconds):
    assert parse_shutter(text) == seconds


NO_TIMES = [
    "",
    "s",
    "0",
    "0/60",
    "1/0",
    "0.0s",
    "-1",
    "1/-60",
    "1/",
    "/60",
    "1/60/2",
    "1e3",
    "nan",
    "inf",
    "1 /60",
    "6O",
]


@pytest.mark.parametrize("text", [*NO_TIMES, "٣", "9" * 400, "1/60ss", "1:30", "0,5"])
def test_what_is_no_shutter_time(text):
    with pytest.raises(ValueError, match="is not a shutter time such as 1/60"):
        parse_shutter(text)


@given(text=st.text("0123456789./ s", max_size=12))
def test_every_shutter_time_is_above_0_and_finite(text):
    with suppress(ValueError):
        assert 0 < parse_shutter(text) < math.inf


def test_noise():
    assert noise_dn(0.0, gain=1.0) == 1.0
    assert noise_dn(0.0, gain=4.0) == 4.0
    assert noise_dn(SHADOW_DN, gain=1.0) == math.sqrt(13.5)
    assert noise_dn(SHADOW_DN, gain=16.0) == math.sqrt(256 + 200)
    assert noise_dn(GREY_DN, gain=1.0) == math.sqrt(88.5)


def test_an_offset_of_exactly_3_sigma_is_not_visible():
    limit = 3 * noise_dn(SHADOW_DN, gain=1.0)
    assert not is_visible(kind=DefectKind.OFFSET, offset_dn=limit)
    assert is_visible(kind=DefectKind.OFFSET, offset_dn=above(limit))
    # A dark current counts beside an offset where its interval says that there is one.
    assert is_visible(kind=DefectKind.OFFSET, offset_dn=limit, dark_dn_per_s=1.01)
    assert not is_visible(kind=DefectKind.OFFSET, offset_dn=limit, dark_dn_per_s=1.0)
    assert is_visible(kind=DefectKind.HOT, offset_dn=limit, dark_dn_per_s=0.01)
    assert not is_visible(kind=DefectKind.OFFSET, offset_dn=-100.0)


@pytest.mark.parametrize("shutter_s", [0.25, 1.0, 32.0])
@pytest.mark.parametrize("iso", [100, 400, 1600])
def test_a_hot_photosite_needs_time_and_gain(shutter_s, iso):
    limit = 3 * noise_dn(SHADOW_DN, gain=iso / 100) / (iso / 100) / shutter_s
    assert not is_visible(dark_dn_per_s=limit * (1 - 1e-9), shutter_s=shutter_s, iso=iso)
    assert is_visible(dark_dn_per_s=limit * (1 + 1e-9), shutter_s=shutter_s, iso=iso)
    assert is_visible(dark_dn_per_s=limit * 0.9, offset_dn=limit * 0.2 * shutter_s, shutter_s=shutter_s, iso=iso)


def test_a_dark_current_of_exactly_3_sigma_is_not_visible():
    limit = 3 * noise_dn(SHADOW_DN, gain=4.0)
    assert not is_visible(dark_dn_per_s=limit / 4, shutter_s=1.0, iso=400)
    assert is_visible(dark_dn_per_s=above(limit / 4), shutter_s=1.0, iso=400)
    assert not is_visible(dark_dn_per_s=limit, shutter_s=0.25, iso=400)


def test_a_loss_of_exactly_3_sigma_is_not_visible():
    assert noise_dn(GREY_DN, gain=70.0) == 105.0
    assert not is_visible(kind=DefectKind.WEAK, response=0.55, iso=7000)  # 315 DN of 700 are lost
    assert is_visible(kind=DefectKind.WEAK, response=0.55 - 1e-15, iso=7000)
    assert is_visible(kind=DefectKind.WEAK, response=0.55, iso=6999)
    assert not is_visible(kind=DefectKind.WEAK, response=1.5)


def test_dead_ones_stand_out_but_in_the_worst_of_noise():
    assert is_visible(kind=DefectKind.DEAD)
    assert is_visible(kind=DefectKind.DEAD, iso=12_800)
    assert not is_visible(kind=DefectKind.DEAD, iso=25_600)


@pytest.mark.parametrize("kind", [DefectKind.STUCK, DefectKind.NOISY])
def test_stuck_and_noisy_ones_are_always_visible(kind):
    assert is_visible(kind=kind, shutter_s=1e-4, iso=10_000_000)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"offset_dn": 0.0},
        {"dark_dn_per_s": 0.0, "unresolved": ("offset_dn",)},
        {"kind": DefectKind.OFFSET},
        {"kind": DefectKind.OFFSET, "offset_dn": 0.0, "unresolved": ("dark_dn_per_s",)},
        {"kind": DefectKind.WEAK},
        {"kind": DefectKind.WEAK, "unresolved": ("response",)},
    ],
)
def test_what_is_not_known_is_not_excluded(values):
    assert is_visible(shutter_s=1e-4, **values)


def test_strengths_that_do_not_matter_may_be_unknown():
    assert not is_visible(dark_dn_per_s=1.0, unresolved=("response",))
    assert not is_visible(kind=DefectKind.WEAK, response=1.0, unresolved=("dark_dn_per_s", "offset_dn"))


@given(sensor_map=sensor_maps(), shutter_s=st.floats(1e-5, 1e4), iso=st.integers(1, 10**7))
def test_any_map(sensor_map, shutter_s, iso):
    if sensor_map.source == Source.JPEG:
        with pytest.raises(StrengthError):
            visible_defects(sensor_map, shutter_s=shutter_s, iso=iso)
        return
    found = visible_defects(sensor_map, shutter_s=shutter_s, iso=iso)
    assert replace(sensor_map, defects=found).defects == found
    assert set(found) <= set(sensor_map.defects)
    assert visible_title(shutter_s=shutter_s, iso=iso).startswith("visible at ")


@pytest.mark.parametrize("make", [jpeg_map, phone_map])
def test_jpegs_tell_no_strengths(make, tmp_path):
    with pytest.raises(StrengthError, match="a map made from JPEGs holds no strengths, so what shows at an") as error:
        visible_defects(make(), shutter_s=1.0, iso=100)
    assert isinstance(error.value, SensorMapError)
    write_map(make(), tmp_path / "a.yaml")
    result = CliRunner().invoke(main, ["show", str(tmp_path / "a.yaml"), "--visible", "1/60"])
    assert result.exit_code == 1
    assert result.stderr == f"Error: {error.value}\n"
    assert not result.stdout


def test_what_only_jpegs_show_is_not_excluded():
    rough = [toy_defect(x, 12, kind=kind, radius=1) for x, kind in zip(range(4, 20, 2), DefectKind, strict=False)]
    assert len(rough) == len(DefectKind)
    faint = replace(HOT, dark_dn_per_s=around(1.0))
    both = both_map(defects=(faint, *rough))
    assert visible_defects(both, shutter_s=1e-4, iso=100) == tuple(rough)


@pytest.fixture
def run(tmp_path):
    """Run `show` on a map with everything."""
    write_map(full_map(), tmp_path / "full.yaml")
    return lambda *options: CliRunner().invoke(main, ["show", str(tmp_path / "full.yaml"), *options])


def test_show_visible(run):
    short = run("--visible", "1/60", "--iso", "400")
    assert short.exit_code == 0
    assert "\n3 of 4 defects visible at 1/60 s, ISO 400\nkind" in short.stdout
    assert "\n17   4" not in short.stdout
    assert "1 defective row\n" in short.stdout
    long = run("--visible", "30s")
    assert "\n4 of 4 defects visible at 30 s, ISO 100\nkind" in long.stdout
    assert "\n17   4" in long.stdout
    assert "visible" not in run().stdout


def test_show_nothing_visible(tmp_path):
    write_map(toy_map(defects=(replace(HOT, dark_dn_per_s=around(1.0)),), columns=()), tmp_path / "a.yaml")
    result = CliRunner().invoke(main, ["show", str(tmp_path / "a.yaml"), "--visible", "1/60"])
    assert "0 of 1 defects visible at 1/60 s, ISO 100\nThere is none.\n" in result.stdout
    assert "strongest" not in result.stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--iso", "400"), "--iso needs --visible"),
        (("--visible", "1/0"), "'1/0' is not a shutter time such as 1/60"),
        (("--visible", ""), "is not a shutter time"),
    ],
)
def test_wrong_usage(run, options, message):
    result = run(*options)
    assert result.exit_code == 2
    assert message in result.stderr


@pytest.mark.parametrize("iso", ["0", "auto"])
def test_wrong_iso(iso):
    assert refused(click.BadParameter, "show", "a.yaml", "--visible", "1/60", "--iso", iso) == "iso"


def test_help_states_the_assumption(run):
    text = " ".join(run("--help").stdout.split())
    assert "1 DN of read noise at ISO 100" in text
    assert "3 sigma" in text


def test_cold_and_overresponsive_ones_stand_out_to_their_side():
    limit = 3 * noise_dn(SHADOW_DN, gain=1.0)
    assert is_visible(kind=DefectKind.COLD, offset_dn=-above(limit))
    assert not is_visible(kind=DefectKind.COLD, offset_dn=-limit)
    assert is_visible(kind=DefectKind.OVERRESPONSIVE, response=1.3)
    assert not is_visible(kind=DefectKind.OVERRESPONSIVE, response=1.01)


def test_of_several_kinds_any_may_show():
    either = {"kind": DefectKind.HOT, "or_kinds": (DefectKind.OFFSET,), "dark_dn_per_s": 100.0, "offset_dn": 1000.0}
    assert is_visible(**either, shutter_s=0.01)  # if it is an offset
    either["offset_dn"] = 1.0
    assert not is_visible(**either, shutter_s=0.01)
    assert is_visible(**either, shutter_s=10.0)  # if it is hot
