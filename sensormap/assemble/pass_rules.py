"""What the passes and the assembly do differently with raw photos and with JPEGs, as one value chosen once a pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sensormap.frame import Photo
from sensormap.maps.entries import Source


@dataclass(frozen=True)
class PassRules:
    """How the photos of one pass are treated, all of them raw or all JPEGs: `RAW` or `JPEG`.

    Parameters
    ----------
    source
        Source that the map states.
    fallback
        Whether a photo that cannot be used is decoded once more by another decoder, if the run has one.
    compares_rows
        Whether the rows of a frame are compared with each other, which shows damage to single rows.
    compares_outliers
        Whether frames of one scene are recognised by their paired outliers too, not by their slopes alone.
    detects_filtering
        Whether it is determined which frames were filtered in camera.
    quantised
        Whether coarse steps between values enter the noise.
    clipping_margin
        DN by which the tally's clipping limits lie beyond those of the frame.
    shift_block
        Photosites: frames are shifted against each other by multiples of it, and of the filter pattern's step.
    shift_reach
        Blocks, in either direction, that frames are shifted by at most; None for as far as the sensor goes.
    fewest_shifts
        Number of times, at least, that the shifted frames of a block vote.
    halves
        Whether each half of a block votes too, for defects that appeared within the block.
    decoys
        Whether the outlying scores of shifted frames are summed, which decoys are chosen by.
    second_pass
        Whether the second pass follows photosites.
    lists_strengths
        Whether the map's settings state the least strengths and the least confidence that count in the second pass.
    smears
        Whether a defect is smeared over several pixels, so that an entry is made of each smear, and dated by the votes.
    finds_lines
        Whether columns and rows that deviate faintly as a whole are looked for.
    keeps_frames
        Whether frames that the second pass wants whole are kept in memory: their values fit into a byte.
    line_radius
        Pixels that a column or row may lie away from its entry; None for one whose place is exact.
    """

    source: Source
    fallback: bool
    compares_rows: bool
    compares_outliers: bool
    detects_filtering: bool
    quantised: bool
    clipping_margin: int
    shift_block: int
    shift_reach: int | None
    fewest_shifts: int
    halves: bool
    decoys: bool
    second_pass: bool
    lists_strengths: bool
    smears: bool
    finds_lines: bool
    keeps_frames: bool
    line_radius: int | None


RAW = PassRules(
    source=Source.RAW,
    fallback=True,
    compares_rows=True,
    compares_outliers=True,
    detects_filtering=True,
    quantised=True,
    clipping_margin=0,
    shift_block=1,
    shift_reach=None,
    fewest_shifts=2,
    halves=True,
    decoys=True,
    second_pass=True,
    lists_strengths=True,
    smears=False,
    finds_lines=True,
    keeps_frames=False,
    line_radius=None,
)
"""Of raw photos, whose values on the raw grid are known."""

JPEG = PassRules(
    source=Source.JPEG,
    fallback=False,  # there is one decoder of JPEGs
    compares_rows=False,  # damage to a JPEG spreads over blocks
    compares_outliers=False,  # smeared defects would be paired outliers in every frame
    detects_filtering=False,  # the camera's smoothing hides what it did before
    quantised=False,  # 8 bits on a tone curve: noise is below a step in most of them, and texture is not
    clipping_margin=1,  # a clipped pixel scores 0 where its surroundings are clipped, and needs no count of its own
    shift_block=16,  # whole blocks of the compression, whose pattern is at the same places of all frames
    # Ground is below and sky above in most photos of a series: what scenery makes of a place shows near it only.
    shift_reach=16,
    fewest_shifts=1,
    halves=False,
    decoys=True,
    second_pass=True,
    lists_strengths=False,
    smears=True,
    finds_lines=False,  # the blocks of the compression make rows deviate
    keeps_frames=True,
    line_radius=1,
)
"""Of JPEGs, in which the camera's processing smeared each defect."""


def rules_for(photos: Sequence[Photo]) -> PassRules:
    """Return the rules for some photos, at least one, all of them raw or all JPEGs."""
    return RAW if photos[0].jpeg_size is None else JPEG
