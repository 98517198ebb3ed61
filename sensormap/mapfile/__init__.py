"""The map file, `format: sensormap/1`: written for people and ten-line scripts, read without trusting it."""

from sensormap.mapfile.reading import read_map
from sensormap.mapfile.writing import check_output, map_text, summary_counts, write_map

__all__ = ["check_output", "map_text", "read_map", "summary_counts", "write_map"]
