"""The passes over the photos of one body, all of them raw or all JPEGs, and which frames the second one follows."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

import numpy as np

from sensormap.assemble.evidence import Evidence
from sensormap.camera.profile import Body, Profile
from sensormap.decode.reading import open_geometry
from sensormap.detect.follow_list import promising
from sensormap.detect.tally import MOST_FRAMES
from sensormap.diagnose.diagnosis import Followed
from sensormap.diagnose.scenery import has_company
from sensormap.errors import DecodeError, FrameMismatchError, ProfileError, SensorMapError
from sensormap.frame import Photo, Skipped
from sensormap.photos.refusals import Refusals
from sensormap.settings import Options
from sensormap.survey.first_pass import FirstPass
from sensormap.survey.frame_reader import Read
from sensormap.survey.memory import give_back
from sensormap.survey.second_pass import Places, SecondPass
from sensormap.threads import Progress

log = logging.getLogger(__name__)

FEWEST_FRAMES = 2
_AGREEING = 3  # photos that tell one geometry settle it: it takes three damaged alike to mislead them

# Levels and crop may differ from photo to photo of one body.
_shape = attrgetter("raw_size", "active_area", "cfa", "bits")


def choose_frames(photos: Sequence[Photo], usable: Sequence[int], most: int) -> list[int]:
    """Choose the frames to follow: the longest exposures, and the rest evenly over time.

    Parameters
    ----------
    photos
        In order of capture.
    usable
        Numbers of the frames to choose from, ascending: all of them, or the good ones that repeat no scene.
    most
        How many at most, at least 2.

    Returns
    -------
    list of int
        Ascending. A quarter are the longest exposures (shutter time times ISO), which hot photosites need.
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
        What it chose before it was known what is usable.
    """
    kept = sorted({*chosen} & {*usable})
    wanted = min(most, len(usable)) - len(kept)
    others = choose_frames(photos, sorted({*usable} - {*kept}), max(wanted, 2)) if wanted > 0 else []
    return sorted([*kept, *others[: max(wanted, 0)]])


@dataclass(frozen=True)
class Work:
    """What all passes of a run share.

    Parameters
    ----------
    options
        What to do.
    progress
        Called as photos are done, in each pass.
    refuse
        Keeps the photos that cannot be used.
    read
        Decodes a photo.
    read_surely
        Decodes once more what `read` cannot use; None where that is sure.
    """

    options: Options
    progress: Progress
    refuse: Refusals
    read: Read
    read_surely: Read | None = None


def gather_evidence(
    photos: tuple[Photo, ...], body: Body, known: Profile | None, work: Work, *, clock_jumps: int = 0
) -> Evidence:
    """Run the passes over photos: two over raw photos, unless the second is not wanted, and one over JPEGs.

    Parameters
    ----------
    photos
        Of one body in order of capture, all raw or all JPEGs.
    body, known
        Whose they are, and its profile; None leaves the geometry to LibRaw or to the pictures.
    work
        Options and callbacks.
    clock_jumps
        How often the camera's clock contradicts its count of shots.

    Raises
    ------
    FrameMismatchError
        If there are too many photos, or fewer than two can be used.
    ProfileError
        If the profile contradicts more photos than it fits.
    """
    _require_frames(len(photos), work.refuse.skipped)
    if len(photos) > MOST_FRAMES:
        msg = f"{len(photos)} photos of one body, expected at most {MOST_FRAMES} for one map"
        raise FrameMismatchError(msg)
    profile = _geometry(photos, known)
    log.info("%s: %d photos, profile %s", body, len(photos), profile.name)
    for number, photo in enumerate(photos):
        log.debug("frame %d: %s", number, photo.path)
    # Its laws are those of raw values, and reading JPEGs again takes most of the time of the first pass.
    followed_too = work.options.follow and photos[0].jpeg_size is None
    follow = choose_frames(photos, range(len(photos)), work.options.follow) if followed_too else []
    surely = work.read_surely if photos[0].jpeg_size is None else None  # JPEGs have one decoder only
    run = FirstPass(photos, profile, work.options.thresholds, read=work.read, read_surely=surely, follow=follow)
    run.run(work.options.threads, work.progress, lambda photo: work.refuse.extend([photo]))
    give_back()
    used = sorted(run.tallied)
    if len(run.contradictions) > max(len(used), 1):  # one photo alone may be damaged
        raise run.contradictions[min(run.contradictions)]
    _require_frames(len(used), work.refuse.skipped)
    followed = _follow(run, follow, work) if follow else None
    give_back()
    voted = [tuple(n for n in block if n in run.tallied and not run.tallied[n].repeat) for block in run.blocks]
    return Evidence(
        body=body,
        profile=profile,
        photos=tuple(photos[number] for number in used),
        numbers=tuple(used),
        digests=tuple(run.tallied[number].digest for number in used),
        saturation=min(run.tallied[number].saturation for number in used),
        skipped=tuple(sorted(work.refuse.skipped)),
        tally=run.tally,
        ballots=run.all_ballots,
        repeated=sum(run.tallied[number].repeat for number in used) + (followed.repeats if followed else 0),
        filtered=sum(run.tallied[number].filtered for number in used),
        followed=followed,
        decoy_part=run.shifted.size / run.tally.hidden.size,
        clock_jumps=clock_jumps,
        blocks=tuple(voted),
    )


def _follow(run: FirstPass, follow: Sequence[int], work: Work) -> Followed | None:
    """Run the second pass over the frames that count."""
    options = work.options
    area = run.profile.active_area
    cfa = run.profile.cfa.shifted(x=area.x, y=area.y)
    spots = promising(run.tally, run.all_ballots, run.shifted, cfa, options.thresholds)
    company = has_company(run.tally, cfa, spots.fixed)
    places = Places(spots.fixed, company, spots.decoys, run.shifts)
    usable = [number for number in sorted(run.tallied) if not run.tallied[number].repeat]
    frames = refilled(run.photos, follow, usable, options.follow)
    seen, run.watch.seen = run.watch.seen, {}
    again = sum(number not in seen for number in frames)
    log.info(
        "following %d photosites, %d decoys, %d frames, reading %d of them again",
        spots.fixed.size, spots.decoys.size, len(frames), again,
    )
    second = SecondPass(
        run.photos, run.profile, run.tallied, read=run.read, read_surely=work.read_surely, seen=seen
    )
    del seen  # it lets go of them when it has gathered all
    followed = second.run(
        frames,
        places,
        options.floors,
        threads=options.threads,
        progress=work.progress,
        refuse=lambda photo: work.refuse.extend([photo]),
    )
    if followed is None:
        log.warning("no photo could be read a second time: the map is that of the first pass")
    return followed


def _require_frames(number: int, skipped: list[Skipped]) -> None:
    if number < FEWEST_FRAMES:
        found = "no usable photo" if number == 0 else "one usable photo only"
        msg = f"{found} ({len(skipped)} skipped); a map takes at least {FEWEST_FRAMES}, better dozens"
        raise FrameMismatchError(msg)


def _geometry(photos: Sequence[Photo], known: Profile | None) -> Profile:
    """Return the geometry that most photos tell, as any one may be damaged; they are asked until three agree.

    A known profile is wrong where photos contradict it, more than one, and none agrees.
    """
    told: list[Profile] = []
    refused: list[SensorMapError] = []
    for number in dict.fromkeys((0, len(photos) // 2, len(photos) - 1, *range(len(photos)))):
        try:
            told.append(open_geometry(photos[number].path, known))
        except (DecodeError, ProfileError) as error:
            refused.append(error)
        shapes = [_shape(profile) for profile in told]
        if told and shapes.count(shapes[-1]) == _AGREEING:
            break
    if told:
        return max(told, key=lambda profile: (shapes.count(_shape(profile)), told.count(profile)))
    contradictions = [error for error in refused if isinstance(error, ProfileError)]
    if len(contradictions) >= FEWEST_FRAMES:
        raise contradictions[0]
    msg = f"no usable photo: {(contradictions or refused)[0]}"
    raise FrameMismatchError(msg)
