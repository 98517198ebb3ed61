"""Maps whose defects have onsets, for what becomes of them over the years."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from sensormap.camera.cfa import Cfa
from sensormap.camera.geometry import Rect, Sensor
from sensormap.camera.profile import Body
from sensormap.maps.entries import Between, DefectKind
from tests.support.maps import toy_defect, toy_map

WIDE = Sensor((200, 100), Rect(0, 0, 200, 100), Cfa("GBRG"), None)
START = Between(None, None)
FIRST, LAST = datetime(2009, 4, 18, 12), datetime(2012, 10, 1, 9)


def at(text):
    """A time, such as 2010-05-02."""
    return datetime.fromisoformat(text)


def between(after, by):
    """A change between two days."""
    return Between(after and at(after), by and at(by))


def dated_map(*lives, serial="1", first=FIRST, last=LAST, used=60, **values):
    """A map with a defect for each life: an onset, or (onset, kind), or (onset, kind, until)."""
    defects = []
    for number, life in enumerate(lives):
        onset, kind, until = (*life, None)[:3] if isinstance(life, tuple) else (life, DefectKind.HOT, None)
        y, x = divmod(number, WIDE.raw_size[0])
        defects.append(toy_defect(x, y, kind=kind, onset=onset, until=until, sensor=WIDE))
    parts = {
        "body": Body("NIKON CORPORATION", "NIKON D80", serial),
        "sensor": WIDE,
        "frames": replace(toy_map().frames, used=used, first=first, last=last),
        "columns": (),
        "defects": tuple(defects),
    }
    return toy_map(**(parts | values))


def simulated_map(rng, *, rate, years, growth=0.0, photos=80, serial="1"):
    """A map of defects that appear at random, `rate` a year in the middle, each dated by the photos around it."""
    times = [FIRST + timedelta(days=365.25 * years * share) for share in sorted([0, 1, *rng.random(photos - 2)])]
    number = rng.poisson(rate * years * 3)  # more than enough, of which some are kept
    onsets = []
    for share in rng.random(number):
        kept = 2.718281828 ** (growth * years * (share - 0.5)) / 3
        born = FIRST + timedelta(days=365.25 * years * share)
        if rng.random() < kept:
            after = max(i for i, time in enumerate(times) if time <= born)
            onsets.append(Between(times[after], times[after + 1]))
    return dated_map(START, START, *onsets, first=times[0], last=times[-1], used=photos, serial=serial)
