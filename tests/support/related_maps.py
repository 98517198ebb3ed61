"""Maps of one body for hypothesis: what comparing and merging take."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from sensormap.frame import Skipped
from sensormap.maps.entries import Column, Row, Source
from tests.support.maps import changes, defects_of, lines, sensors, summaries, toy_map

SKIPPED = st.builds(Skipped, st.sampled_from(["a.nef", "b.nef"]), st.sampled_from(["empty", "no time"]))
VALUES = st.sampled_from([1, 1.0, True, "1", None, 0.0, -0.0])


@st.composite
def siblings(draw, *, sensor, source, number):
    """One map on a sensor, its counts small enough to be added up; `number` tells its photos from others'."""
    skipped = tuple(draw(st.lists(SKIPPED, max_size=2)))
    jpegs = {Source.RAW: 0, Source.JPEG: 40, Source.BOTH: 20}[source]
    counts = {"used": 40, "repeated": 3, "filtered": 5, "followed": 30, "jpegs": jpegs}
    frames = replace(draw(summaries(len(skipped), source)), **counts, digest=f"{number:064x}", clock_jumps=number)
    onsets = changes(clock_jumps=number)
    columns, rows = draw(lines(Column, sensor, onsets, source)), draw(lines(Row, sensor, onsets, source))
    covered = {photosite for line in columns + rows for photosite in line.photosites(sensor.cfa)}
    defects = draw(defects_of(sensor, source, onsets, covered))
    return toy_map(
        sensor=sensor,
        frames=frames,
        skipped=skipped,
        settings=draw(st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3)),
        columns=_summable(columns),
        rows=_summable(rows),
        defects=_summable(defects),
        false_positives=draw(st.none() | st.floats(0, 1e6)),
        source=source,
    )


def _summable(entries):
    """Return entries whose counts of photos can be added up."""
    return tuple(replace(one, seen=one.seen and (one.seen[0] // 10, one.seen[1] // 10)) for one in entries)


@st.composite
def families(draw, count):
    """Several maps of one body, of any sources."""
    sensor = draw(sensors())
    sources = st.just(Source.JPEG) if sensor.is_jpeg_grid else st.sampled_from(Source)
    return [draw(siblings(sensor=sensor, source=draw(sources), number=number)) for number in range(1, count + 1)]
