"""Options that several commands share, each declared once."""

from __future__ import annotations

import click

profile_option = click.option(
    "--profile", metavar="NAME|FILE", help="Camera profile; by default the one of the photos' EXIF model."
)
serial_option = click.option("--serial", help="Serial number of the camera to map, where the photos are of several.")
jobs_option = click.option(
    "--jobs", type=click.IntRange(1, 256), help="Threads.  [default: one for each processor, at most 8]"
)
follow_option = click.option(
    "--follow",
    type=click.IntRange(2, 1024),
    default=256,
    show_default=True,
    help="Frames that are followed at most, for strengths, dates of birth and sure kinds; a part is read again.",
)
decoder_option = click.option(
    "--decoder",
    type=click.Choice(["rawpy", "flashraw"]),
    default="rawpy",
    show_default=True,
    help="What decodes raw photos. flashraw (pip install 'sensormap[fast]') is four times as fast; of undamaged photos "
    "the map is the same.",
)
