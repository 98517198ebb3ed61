"""The passes over the photos of one body, all of them raw or all JPEGs, and which frames the second one follows."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from sensormap.assemble.evidence import Evidence
from sensormap.assemble.pass_rules import rules_for
from sensormap.camera.geometry import rect_text
from sensormap.camera.profile import Body, Profile
from sensormap.camera.profile_files import JPEG_PROFILE
from sensormap.decode.astro.levels import OWN_PROFILES
from sensormap.decode.reading import open_geometry, read_frame
from sensormap.detect.lines import FOLLOWED, lines_in_means
from sensormap.detect.tally import MOST_FRAMES
from sensormap.detect.worth_following import make_follow_list
from sensormap.diagnose.kind_and_strengths import SecondPassResult
from sensormap.errors import DecodeError, FrameMismatchError, ProfileError, SensorMapError
from sensormap.frame import BIAS, DARK, Photo
from sensormap.shards.summary import FrameRecord, ShardSummary
from sensormap.survey.context import RunContext
from sensormap.survey.memory import bytes_left, fitted, give_back
from sensormap.survey.saved_windows import MOST_KEPT, KeptFrames
from sensormap.survey.second_pass import run_second_pass
from sensormap.survey.survey_shards import survey_shards
from sensormap.threads import raise_if_ended

log = logging.getLogger(__name__)

FEWEST_FRAMES = 2
"""Photos that a map takes at least."""

_AGREEING = 3  # photos of one geometry settle it: it takes three damaged in the same way for a wrong one

# Darks, and photos with light, that are opened for the black level; and the least one that is corrected.
_OPENED, _LEAST_LEVEL = 3, 2.0

# Levels and crop may differ from photo to photo of one body.
_shape = attrgetter("raw_size", "active_area", "cfa", "bits")


def gather_evidence(
    photos: tuple[Photo, ...], body: Body, known: Profile | None, context: RunContext, *, clock_jumps: int = 0
) -> Evidence:
    """Run the passes over photos: two, unless the second is not wanted.

    Parameters
    ----------
    photos
        Photos of one body in order of capture, all raw or all JPEGs.
    body
        The camera that took them.
    known
        Its profile; None leaves the geometry to LibRaw or to the JPEGs themselves.
    context
        Options, decoders and callbacks of the run.
    clock_jumps
        Number of times that the camera's clock contradicts its count of shots.

    Raises
    ------
    FrameMismatchError
        If there are too many photos, or fewer than two can be used.
    ProfileError
        If the profile contradicts more photos than it fits.
    """
    if len(photos) < FEWEST_FRAMES:
        raise too_few(len(photos), context)
    if len(photos) > MOST_FRAMES:
        msg = f"{len(photos)} photos of one body, expected at most {MOST_FRAMES} for one map"
        raise FrameMismatchError(msg)
    profile = geometry_of(photos, known)
    photosites = profile.raw_size[0] * profile.raw_size[1]
    options = fitted(photosites, context.options)
    context = replace(context, options=options, kept=KeptFrames(bytes_left(photosites, options, MOST_KEPT)))
    log.info("%s: %d photos, profile %s", body, len(photos), profile.name)
    for number, photo in enumerate(photos):
        log.debug("frame %d: %s", number, photo.path)
    rules, most = rules_for(photos), context.options.follow
    chosen = choose_frames(photos, range(len(photos)), most) if rules.second_pass and most else []
    first = survey_shards(photos, profile, rules, context, follow=chosen)
    used = sorted(first.records)
    if len(first.contradictions) > max(len(used), 1):  # one photo alone may be damaged
        raise first.contradictions[min(first.contradictions)]
    if len(used) < FEWEST_FRAMES:
        raise too_few(len(used), context)
    _tell_clipping([first.records[number] for number in used], profile)
    followed = _follow(photos, profile, first, chosen, context) if chosen else None
    give_back()
    records = [first.records[number] for number in used]
    return Evidence(
        rules=rules,
        body=body,
        profile=profile,
        photos=tuple(photos[number] for number in used),
        numbers=tuple(used),
        digests=tuple(record.digest for record in records),
        saturation=min(record.saturation for record in records),
        tally=first.tally,
        block_votes=first.block_votes,
        repeated=sum(record.repeat for record in records) + (followed.repeats if followed else 0),
        filtered=sum(record.filtered for record in records),
        followed=followed,
        decoy_part=first.shifted_sums.size / first.tally.hidden.size,
        clock_jumps=clock_jumps,
        blocks=first.voted,
        refused={number: photo.reason for number, photo in first.skipped.items()},
    )


def _tell_clipping(records: Sequence[FrameRecord], profile: Profile) -> None:
    """Log where photos clip, if that contradicts the profile."""
    black = max(profile.black_level or (0,))
    found = sorted({record.saturation + black for record in records if record.saturation + black > profile.saturation})
    if found:
        what = f"{found[0]} DN" if len(found) == 1 else f"{found[0]} to {found[-1]} DN"
        count = sum(record.saturation + black > profile.saturation for record in records)
        log.info("%d photos clip at %s, not at %d as profile %s says", count, what, profile.saturation, profile.name)


def _follow(
    photos: tuple[Photo, ...], profile: Profile, first: ShardSummary, chosen: Sequence[int], context: RunContext
) -> SecondPassResult | None:
    """Run the second pass over the chosen frames that count, and over others in place of those that do not."""
    area, options = profile.active_area, context.options
    cfa = profile.cfa.shifted(x=area.x, y=area.y)
    rules = rules_for(photos)
    with ThreadPoolExecutor(1) as pool:  # neither needs the other
        found = pool.submit(lines_in_means, first.tally, cfa, limits=FOLLOWED) if rules.finds_lines else None
        follow_list = make_follow_list(
            first.tally, first.block_votes, first.shifted_sums, cfa, options.thresholds, smears=rules.smears
        )
        lines = found.result() if found else ()
    frames = refilled(photos, chosen, first.counted, options.follow)
    again = sum(number not in first.saved_windows for number in frames)
    log.info(
        "following %d photosites, %d decoys, %d frames, reading %d of them again",
        follow_list.photosites.size, follow_list.decoys.size, len(frames), again,
    )  # fmt: skip
    followed = run_second_pass(photos, profile, first, follow_list, frames, context, lines=lines)
    if followed is None:
        log.warning("no photo could be read for the second pass: the map is that of the first pass")
    return followed


def choose_frames(photos: Sequence[Photo], usable: Sequence[int], most: int) -> list[int]:
    """Choose the frames to follow: the longest exposures, and the rest evenly over time.

    Parameters
    ----------
    photos
        Photos in order of capture.
    usable
        Numbers of the frames to choose from, ascending: all of them, or the good ones that repeat no scene.
    most
        Number of frames chosen at most, at least 2.

    Returns
    -------
    list of int
        Frame numbers, ascending. A quarter are the longest exposures (shutter time times ISO), which hot photosites
        need.
    """
    if len(usable) <= most:
        return list(usable)

    def exposed(number: int) -> float:
        exposure = photos[number].exposure
        return (exposure.shutter_s or 0.0) * (exposure.iso or 100)

    longest = sorted(usable, key=lambda number: (-exposed(number), number))[: most // 4]
    rest = sorted(set(usable) - set(longest))
    evenly = np.linspace(0, len(rest) - 1, most - len(longest)).round().astype(int)
    return sorted({*longest, *(rest[i] for i in evenly)})


def refilled(photos: Sequence[Photo], chosen: Sequence[int], usable: Sequence[int], most: int) -> list[int]:
    """Return the chosen frames that turned out usable, and others for those that did not, ascending.

    Parameters
    ----------
    photos, usable, most
        As for `choose_frames`.
    chosen
        Numbers of the frames that it chose before it was known which are usable.
    """
    kept = sorted({*chosen} & {*usable})
    wanted = min(most, len(usable)) - len(kept)
    others = choose_frames(photos, sorted({*usable} - {*kept}), max(wanted, 2)) if wanted > 0 else []
    return sorted([*kept, *others[: max(wanted, 0)]])


def too_few(usable: int, context: RunContext) -> FrameMismatchError:
    """Return the error of a run with so few usable photos, none or one."""
    found = "no usable photo" if usable == 0 else "one usable photo only"
    reasons = Counter(photo.reason for photo in context.refusals.skipped)
    skipped = f"{reasons.total()} skipped"
    if reasons:
        reason, count = reasons.most_common(1)[0]
        which = "" if count == reasons.total() else f", {count} of them"
        skipped += f"{which}: {reason}" if count > 1 else ""
    return FrameMismatchError(f"{found} ({skipped}); a map takes at least {FEWEST_FRAMES}, better dozens")


def geometry_of(photos: Sequence[Photo], known: Profile | None) -> Profile:
    """Return the geometry on which most photos agree, as any one may be damaged; they are opened until three agree.

    A known profile is wrong if more than one photo contradicts it and none fits it. One that is not verified gives way
    to what photos say of themselves, which is logged.
    """
    found: list[Profile] = []
    refused: list[SensorMapError] = []
    for number in dict.fromkeys((0, len(photos) // 2, len(photos) - 1, *range(len(photos)))):
        raise_if_ended()
        try:
            found.append(open_geometry(photos[number].path, known))
        except (DecodeError, ProfileError) as error:
            refused.append(error)
        shapes = [_shape(profile) for profile in found]
        if found and shapes.count(shapes[-1]) == _AGREEING:
            break
    if found:
        chosen = max(found, key=lambda profile: (shapes.count(_shape(profile)), found.count(profile)))
        if known is not None and not known.verified and chosen.name != known.name:
            log.warning("%s", _not_believed(known, chosen))
        return _with_level_of_darks(chosen, photos)
    contradictions = [error for error in refused if isinstance(error, ProfileError)]
    if len(contradictions) >= FEWEST_FRAMES:
        raise contradictions[0]
    msg = f"no usable photo: {(contradictions or refused)[0]}"
    raise FrameMismatchError(msg)


def _with_level_of_darks(profile: Profile, photos: Sequence[Photo]) -> Profile:
    """Return the geometry of files that give their own, with the black level that darks among the photos show.

    Cameras for astronomers add a constant that their files do not tell. Darks and bias frames show it. Without it, what
    is darker in proportion to the light seems to jump: in darks, whose level is not 0 then, it lacks nothing.
    """
    if profile.name not in OWN_PROFILES or profile.black_level is not None:
        return profile
    without_light = [photo for photo in photos if photo.exposure.calibration in (BIAS, DARK)]
    without_light.sort(key=lambda photo: (photo.exposure.calibration != BIAS, photo.exposure.shutter_s or 0.0))
    lights = [photo for photo in photos if photo.exposure.calibration is None]
    darks = _medians(profile, without_light[:_OPENED])
    if not darks:
        return profile
    lit = _medians(profile, lights[:: max(len(lights) // _OPENED, 1)][:_OPENED])
    level = np.min(darks, axis=0)
    if level.min() < _LEAST_LEVEL or (lit and np.min(lit) < level.min()):  # told by PEDESTAL, or not the lights'
        return profile
    log.info("black level %d DN, by %d darks", level.min(), len(without_light))
    return replace(profile, black_level=tuple(int(one) for one in level))


def _medians(profile: Profile, photos: Sequence[Photo]) -> list[NDArray[np.float64]]:
    """Return the median of each plane in each of some photos, less the black level that each of them tells, DN."""
    found = []
    for photo in photos:
        try:
            mosaic = read_frame(photo, profile).mosaic
        except SensorMapError:  # named when its turn comes
            continue
        found.append(np.array([np.median(plane.view(mosaic)) for plane in profile.cfa.planes]))
    return found


def _not_believed(known: Profile, chosen: Profile) -> str:
    """Say how the photos contradict a profile that is not verified."""
    if chosen.name == JPEG_PROFILE and known.cfa.is_xtrans:
        return f"JPEGs of X-Trans cameras such as {known.name} are mapped on their own pixels, not on the raw grid"
    if chosen.name == JPEG_PROFILE:
        full = "{} x {}".format(*known.jpeg_size) if known.jpeg_size else "an unknown size"
        return (
            f"profile {known.name} is not verified: by it the camera's full-size JPEGs have {full}, those here "
            f"{_sized(chosen)} pixels; where these lie on the raw grid is unknown"
        )
    whose = "their own" if chosen.name in OWN_PROFILES else "LibRaw's"
    return (
        f"profile {known.name} is not verified, and the photos contradict it: it has {_sized(known)} "
        f"{known.cfa.name} and light in {rect_text(known.active_area)}, they {_sized(chosen)} {chosen.cfa.name} and "
        f"{rect_text(chosen.active_area)}; {whose} geometry is used"
    )


def _sized(profile: Profile) -> str:
    return f"{profile.raw_size[0]} x {profile.raw_size[1]}"
