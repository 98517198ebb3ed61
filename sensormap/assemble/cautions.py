"""What makes a map less certain than it looks, in words: few photos, repeated scenes, an odd clock, many defects."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sensormap.assemble.build_map import left_out, undated
from sensormap.assemble.calibrated import subtracted_in_camera
from sensormap.assemble.evidence import Evidence
from sensormap.camera.cfa import MONO
from sensormap.camera.profile_files import JPEG_PROFILE
from sensormap.detect.tally import Tally
from sensormap.maps.sensor_map import SensorMap
from sensormap.settings import FEW_FRAMES

# More defects than this share of the photosites: the sensor is a poor one, or the photos repeat a scene.
_MANY_DEFECTS, _MANY_ON_ANY = 2e-4, 10

# Sigma of one frame by which the photosites on one diagonal of 2 x 2 exceed the others: 1.1 to 1.4 with filters, by day
# and by night, and 0.01 without.
_DIAGONAL = 0.3


def is_many(count: int, photosites: int) -> bool:
    """Tell whether so many defects are many for a sensor of so many photosites: more than one in 5 000, and ten.

    Examples
    --------
    >>> is_many(500, 10_000_000), is_many(2_500, 10_000_000)
    (False, True)
    """
    return count > _MANY_DEFECTS * photosites + _MANY_ON_ANY


def cautions(evidence: Evidence, sensor_map: SensorMap, noun: str) -> Iterator[str]:
    """Say, one line each, what makes a map less certain than it looks.

    Parameters
    ----------
    evidence
        Results of the passes over the photos.
    sensor_map
        The map made of it.
    noun
        What its photos are called.
    """
    if evidence.counted < FEW_FRAMES:
        what = f"{_number(evidence.counted, noun)}{' of different scenes' if evidence.repeated else ''}"
        yield f"only {what}: confidences are capped; a map to rely on takes {FEW_FRAMES} or more"
    if evidence.repeated:
        yield f"{_number(evidence.repeated, noun)} of a scene shown before: repeated scenes count once"
    if evidence.clock_jumps:
        times = _number(evidence.clock_jumps, "time")
        yield f"the camera's clock contradicts its shutter count {times}; the count is believed"
    if problem := undated(evidence):
        yield f"no onsets: {problem}"
    if evidence.followed is not None and not np.isfinite(evidence.followed.conditions.shutter_s).any():
        yield "no photo has a shutter time: hot photosites cannot be told from offset or noisy ones"
    if more := left_out(evidence):
        yield f"{_number(more, 'photosite')} more would be listed: only the gravest are, 1 % of the sensor"
    if evidence.followed is not None and evidence.followed.pattern is not None:
        pattern = evidence.followed.pattern
        spread = f"{pattern.offset:.2g} DN and {pattern.dark:.2g} DN/s"
        yield f"healthy photosites differ by {spread}, so that only what is clearly beyond that is listed"
    if evidence.profile.cfa.name == MONO and not evidence.rules.smears and _has_filters(evidence.tally):
        yield (
            "the photos look as if taken through colour filters, though they name none (BAYERPAT), so that photosites "
            "were compared with those of other colours: name a profile (--profile) whose cfa says the filters"
        )
    if subtracted := subtracted_in_camera(sensor_map):
        yield subtracted
    if evidence.rules.smears:
        yield from _of_jpegs(evidence)
    if evidence.two_sensors:
        yield f"photos of two sensors or more, whose defects exclude each other; map them apart: {evidence.two_sensors}"
    count = len(sensor_map.defects)
    if not evidence.two_sensors and is_many(count, evidence.tally.hidden.size):
        yield _many(count, evidence, sensor_map.false_positives)


def _of_jpegs(evidence: Evidence) -> Iterator[str]:
    """Say what makes a map of JPEGs uncertain."""
    if evidence.profile.name == JPEG_PROFILE:
        size = "{} x {}".format(*evidence.profile.raw_size)
        yield (
            f"JPEGs of {size} pixels are taken for the camera's full size, as no verified profile tells it: if the "
            "camera can store larger ones, defects are smeared and some are missed"
        )
    if not evidence.profile.verified:
        yield (
            f"profile {evidence.profile.name}, which says where the JPEGs lie on the raw grid, is not verified: "
            "`sensormap cameras align` compares it with a raw photo and a JPEG of one shot"
        )


def _has_filters(tally: Tally) -> bool:
    """Tell whether photosites of a sensor without filters differ as those with filters do: by their place in a 2 x 2.

    Gradients move all four alike, and columns or rows that alternate two and two of them: green ones lie diagonally.
    """
    score = tally.mean_score()
    if min(score.shape) < 2:
        return False
    median = [[float(np.median(score[row::2, col::2])) for col in (0, 1)] for row in (0, 1)]
    return abs(median[0][0] + median[1][1] - median[0][1] - median[1][0]) / 2 > _DIAGONAL


def _many(count: int, evidence: Evidence, false: float | None) -> str:
    """Say what is known where a map lists many defects."""
    found = f"{count} defects, {100 * count / evidence.tally.hidden.size:.2g} % of the photosites, are many"
    if evidence.repeated:
        found += f": photos that repeat scenes were found, {evidence.repeated} of them, and scenes that were not "
        found += "recognised may look like defects"
    else:
        found += ": no photo was found to repeat a scene, so that they may well be real"
    return found if false is None else f"{found}; about {max(round(false), 1)} or fewer are estimated to be false"


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
