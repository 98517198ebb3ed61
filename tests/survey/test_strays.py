"""One photo that is not like the others, by damage or because another camera took it, costs itself and nothing else."""

from __future__ import annotations

import random
import re

import pytest

from fixtures.camera.curve import LEVELS
from sensormap.camera.cfa import Cfa
from sensormap.decode.quiet import native_stderr_silenced
from sensormap.errors import FrameMismatchError, ProfileError
from sensormap.evaluation.run import evaluate
from sensormap.frame import Skipped
from sensormap.maps.mapfile.writing import map_text
from sensormap.settings import Options
from sensormap.survey.run import map_defects
from tests.support.photos import SERIAL, nef, run, write_photos, write_profile

SIZE = (64, 48)
COUNT = 6
PLACES = (0, 3, 5)  # the photos that are asked for the geometry
UNKNOWN = "ACME One"  # a model that has no profile
BODY = f"NIKON D80, serial {SERIAL}"


def write(folder, *, model="NIKON D80", count=COUNT):
    return write_photos(folder, count, size=SIZE, model=model)


@pytest.fixture(params=[True, False], ids=["profile", "no profile"])
def place(request, tmp_path):
    """Return photos of one body, and how they are mapped: by a profile, or by the geometry that LibRaw tells."""
    model = "NIKON D80" if request.param else UNKNOWN
    paths = write(tmp_path / "photos", model=model)
    return paths, model, str(write_profile(tmp_path, SIZE)) if request.param else None


def mapped(paths, profile, **options):
    return map_defects(list(paths), Options(profile=profile, follow=0, **options))


def told(name):
    """Return what a message calls a camera of a model."""
    return f"{name}, serial {SERIAL}" if name.startswith("NIKON") else f"NIKON CORPORATION {name}, serial {SERIAL}"


# photos of the same body that contradict the others

DAMAGE = {
    "filters": ({"cfa": "RGGB"}, "filters RGGB, but profile (small|libraw) has cfa GBRG"),
    "size": ({"size": (72, 48)}, "raw grid of 72 x 48 photosites, but profile (small|libraw) has raw_size 64 x 48"),
    "serial": ({"serial": "4001235"}, f"taken by .*, serial 4001235, expected .*, serial {SERIAL}"),
    "no make": ({"make": None}, r"taken by .*, serial unknown, expected .*|taken by ACME One, .*, expected NIKON .*"),
    "make": ({"make": "NIKOL CORPORATION"}, "taken by NIKOL CORPORATION .*, expected NIKON .*"),
    "make's end": ({"make": "NIKON CORPORATIOF"}, "taken by .*NIKON CORPORATIOF.*, expected .*NIKON CORPORATION.*"),
    "model": ({"model": "NIKON D8"}, f"taken by NIKON D8, serial {SERIAL}, expected .*, serial {SERIAL}"),
}


@pytest.mark.parametrize("number", PLACES)
@pytest.mark.parametrize(("facts", "reason"), DAMAGE.values(), ids=DAMAGE.keys())
def test_a_photo_that_contradicts_the_others_is_skipped_and_changes_nothing(place, number, facts, reason):
    paths, model, profile = place
    expected = mapped([path for path in paths if path != paths[number]], profile)
    paths[number].write_bytes(nef(number, **({"size": SIZE, "model": model} | facts)))
    found = mapped(paths, profile)
    (entry,) = found.skipped
    assert entry.name == paths[number].name
    assert re.fullmatch(reason, entry.reason), entry.reason
    assert (found.frames.digest, found.sensor) == (expected.frames.digest, expected.sensor)
    assert (found.body, found.defects) == (expected.body, expected.defects)


def test_neither_threads_nor_names_decide_which_photo_is_skipped(place, tmp_path):
    paths, model, profile = place
    paths[0].write_bytes(nef(0, size=SIZE, model=model, cfa="RGGB"))
    paths[4].write_bytes(nef(4, size=SIZE, model=model, serial="77"))
    found = map_text(mapped(paths, profile, jobs=1))
    assert map_text(mapped(paths[::-1], profile, jobs=3)) == found
    assert found.count("reason: ") == 2


@pytest.mark.parametrize("count", [3, 4])
def test_of_three_photos_two_decide(tmp_path, count):
    paths = write(tmp_path, model=UNKNOWN, count=count)
    for facts in ({"cfa": "RGGB"}, {"size": (72, 48)}, {"serial": "77"}):
        paths[0].write_bytes(nef(0, **({"size": SIZE, "model": UNKNOWN} | facts)))
        found = mapped(paths, None)
        assert (found.frames.used, [entry.name for entry in found.skipped]) == (count - 1, [paths[0].name])
        assert found.sensor.cfa == Cfa("GBRG")


def test_two_damaged_photos_do_not_decide_either(tmp_path):
    paths = write(tmp_path, model=UNKNOWN)
    for number, size in ((0, (72, 48)), (3, (80, 48))):
        paths[number].write_bytes(nef(number, model=UNKNOWN, size=size))
    found = mapped(paths, None)
    assert (found.frames.used, found.sensor.raw_size) == (4, SIZE)


# a wrong profile


@pytest.mark.parametrize("damaged", [0, 1, 2])
def test_filters_that_most_photos_contradict_are_the_profile_s_fault(tmp_path, damaged):
    """The damaged photos happen to agree with it."""
    paths, profile = write(tmp_path / "photos"), write_profile(tmp_path, SIZE)
    profile.write_text(profile.read_text().replace("GBRG", "RGGB"))
    for number in range(damaged):
        paths[number].write_bytes(nef(number, size=SIZE, cfa="RGGB"))
    first = paths[damaged].name
    with pytest.raises(ProfileError, match=rf"^{first}: filters GBRG, but profile small has cfa RGGB$"):
        mapped(paths, str(profile))


def test_one_photo_alone_does_not_prove_a_profile_wrong(tmp_path):
    paths, profile = write(tmp_path / "photos", count=2), str(write_profile(tmp_path, SIZE))
    paths[1].write_bytes(b"")
    for facts in ({"cfa": "RGGB"}, {"size": (72, 48)}):
        write(tmp_path / "photos", count=3)
        paths[0].write_bytes(nef(0, **({"size": SIZE} | facts)))
        assert mapped([*paths, tmp_path / "photos" / "DSC_0002.NEF"], profile).frames.used == 2
        with pytest.raises(FrameMismatchError, match=r"one usable photo only \(1 skipped\)"):
            mapped(paths, profile)


# photos of other cameras


def stray(seed=9, **meta):
    return nef(seed, **({"size": (80, 64), "model": "NIKON D200", "serial": "5"} | meta))


@pytest.mark.parametrize("name", ["AAA.NEF", "DSC_0002b.NEF", "ZZZ.NEF"])
@pytest.mark.parametrize("seed", [-90, 90])  # taken before all others, or after
def test_a_stray_photo_of_another_camera_is_skipped(place, name, seed):
    paths, model, profile = place
    expected = mapped(paths, profile)
    other = paths[0].with_name(name)
    other.write_bytes(stray(seed if seed > 0 else 0, captured=None))
    found = mapped([*paths, other], profile)
    assert found.skipped == (Skipped(name, f"taken by NIKON D200, serial 5, expected {told(model)}"),)
    assert (found.frames.digest, found.defects) == (expected.frames.digest, expected.defects)


def test_two_strays_of_two_other_cameras_are_skipped(place):
    paths, model, profile = place
    others = [paths[0].with_name("A.NEF"), paths[0].with_name("Z.NEF")]
    others[0].write_bytes(stray())
    others[1].write_bytes(stray(make="PENTAX", model="K100D", serial=None))
    assert mapped([*others, *paths], profile).skipped == (
        Skipped("A.NEF", f"taken by NIKON D200, serial 5, expected {told(model)}"),
        Skipped("Z.NEF", f"taken by PENTAX K100D, serial unknown, expected {told(model)}"),
    )


def test_strays_are_named_on_stderr_and_a_mixture_ends_the_run(tmp_path):
    photos, profile = tmp_path / "photos", write_profile(tmp_path, SIZE)
    write(photos)
    (photos / "A.NEF").write_bytes(nef(7, size=SIZE, serial="5"))
    result = run("map", photos, "--profile", profile, "--no-follow")
    assert result.exit_code == 0
    assert result.stderr.splitlines()[0] == f"skipped A.NEF: taken by NIKON D80, serial 5, expected {BODY}"
    (photos / "B.NEF").write_bytes(nef(8, size=SIZE, serial="5"))
    result = run("map", photos, "--profile", profile, "--no-follow")
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"Error: photos of several cameras: {BODY} (6 photos); NIKON D80, serial 5 (2 photos); ")
    assert run("map", photos, "--profile", profile, "--no-follow", "--serial", "5").exit_code == 0


def test_an_evaluation_survives_strays_and_damage_too(tmp_path, caplog):
    paths, profile = write_photos(tmp_path / "photos", 12), str(write_profile(tmp_path))
    paths[0].write_bytes(nef(0, cfa="RGGB"))
    paths[5].write_bytes(stray())
    evaluate([tmp_path / "photos"], Options(profile=profile), count=5)
    assert sorted(message for message in caplog.messages if message.startswith("skipped")) == [
        "skipped DSC_0000.NEF: filters RGGB, but profile small has cfa GBRG",
        f"skipped DSC_0005.NEF: taken by NIKON D200, serial 5, expected {BODY}",
    ]


# any flipped bit


def header_bits(data, count):
    """Return some bits of a NEF before its thumbnail, but for the table of levels, which has more than all the rest."""
    table = LEVELS.astype(">u2").tobytes()
    start = data.index(table)
    offset = data.index(bytes.fromhex("0111 0004 0000 0001")) + 8  # of the thumbnail
    end = int.from_bytes(data[offset : offset + 4], "big")
    return random.Random(1).sample([*range(8 * start), *range(8 * (start + len(table)), 8 * end)], count)


@pytest.mark.parametrize("number", [0, 4])
def test_a_flipped_bit_in_one_header_never_ends_the_run(place, number):
    paths, _, profile = place
    good = paths[number].read_bytes()
    with native_stderr_silenced():
        for bit in header_bits(good, 24):
            data = bytearray(good)
            data[bit // 8] ^= 1 << bit % 8
            paths[number].write_bytes(data)
            found = mapped(paths, profile, jobs=1)
            assert found.frames.used >= COUNT - 1, bit
            assert [entry.name for entry in found.skipped] == [paths[number].name] * (COUNT - found.frames.used), bit
            assert all(entry.reason for entry in found.skipped)
