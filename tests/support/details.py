"""Maps with details of a run to test with, made up or hostile."""

from __future__ import annotations

from fixtures.made_maps import FIRST, made_details, made_map
from sensormap.assemble.details.values import DetailedMap

HOSTILE = "<script>document.title='run'</script><img src=x onerror=\"document.title='run'\">'\"&amp;\u202e\x1b[31m\x00"
"""What must be shown and not run, wherever a file may hold text."""

__all__ = ["FIRST", "HOSTILE", "detailed", "made_details", "made_map"]


def detailed(sensor_map, **options):
    """Return a map with made-up details; the options are those of `made_details`."""
    return DetailedMap(sensor_map, (made_details(sensor_map, **options),))
