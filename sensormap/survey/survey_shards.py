"""The first pass over all photos of a body, shard by shard; frames whose scene an earlier shard shows count once."""

from __future__ import annotations

import logging
from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial

import numpy as np

from sensormap.assemble.pass_rules import PassRules
from sensormap.camera.profile import Profile
from sensormap.detect.tally import Tally
from sensormap.frame import Photo
from sensormap.photos.refusals import Refusals
from sensormap.score.paired_outliers import bits_of
from sensormap.score.same_scene import Fingerprint, show_one_scene
from sensormap.settings import Options
from sensormap.shards.add_up import add_up, place_in_run
from sensormap.shards.cut import cut_into_shards
from sensormap.shards.shard_folder import SurveySettings
from sensormap.shards.summary import ShardSummary
from sensormap.survey.context import RunContext, read_unless_refused
from sensormap.survey.first_pass import survey_shard
from sensormap.survey.memory import give_back
from sensormap.threads import Progress, no_progress

log = logging.getLogger(__name__)

# Frames that count, before a shard, which its first ones are compared with.
_REMEMBERED = 16


def survey_shards(
    photos: tuple[Photo, ...],
    profile: Profile,
    rules: PassRules,
    context: RunContext,
    *,
    follow: Collection[int] = (),
) -> ShardSummary:
    """Survey all photos, and add up what was found.

    Parameters
    ----------
    photos
        Photos of one body in order of capture, all raw or all JPEGs; a photo's place is its frame number.
    profile, rules, context, follow
        As for `first_pass.survey_shard`.

    Raises
    ------
    ProfileError
        If the active area is too small to have neighbours.
    """
    shards = cut_into_shards(photos)
    settings = settings_of(profile, rules, context.options, saves=bool(follow))
    with closing(_in_turn(photos, shards, settings, context)) as turn:
        parts = _surveyed(photos, turn, settings, rules, context, frozenset(follow))
        if len(shards) == 1:
            return next(parts)
        log.info("%d shards of %d to %d photos", len(shards), min(map(len, shards)), max(map(len, shards)))
        return add_up(parts, len(photos))


def settings_of(profile: Profile, rules: PassRules, options: Options, *, saves: bool) -> SurveySettings:
    """Return what the result of a shard depends on, beside its photos."""
    return SurveySettings(profile, str(rules.source), options.thresholds, options.decoder, saves)


def _in_turn(
    photos: tuple[Photo, ...], shards: Sequence[range], settings: SurveySettings, context: RunContext
) -> Generator[range]:
    """Return the shards, each when it is to be surveyed here or its file is there."""
    if context.engine is None or context.state is None:
        return (numbers for numbers in shards)
    return context.engine.surveyed(photos, shards, settings, context.state, context.progress)


def _surveyed(
    photos: tuple[Photo, ...],
    turn: Iterable[range],
    settings: SurveySettings,
    rules: PassRules,
    context: RunContext,
    follow: Collection[int],
) -> Iterator[ShardSummary]:
    """Yield the result of each shard, by the numbers of the run."""
    state, profile = context.state, settings.profile
    if context.engine is not None:
        refused = context.engine.refused
        fallback = context.fallback and partial(read_unless_refused, context.fallback, refused)
        context = replace(context, read=partial(read_unless_refused, context.read, refused), fallback=fallback)
    shown = context.progress if context.engine is None else no_progress  # an engine tells of its progress itself

    def survey(numbers: range, shared: RunContext, leave_out: Collection[str] = ()) -> ShardSummary:
        shard = photos[numbers.start : numbers.stop]
        # What is kept must not depend on which other photos there are: of every frame, values are saved.
        wanted = [number - numbers.start for number in numbers if number in follow or (state and follow)]
        run = partial(survey_shard, shard, profile, rules, shared, follow=wanted, leave_out=leave_out)
        if state is None:
            return run()
        found, known = state.survey(shard, settings, leave_out, run)
        if known:
            for number, photo in sorted(found.skipped.items()):  # by the name that the file has now
                shared.refusals.extend([replace(photo, name=shard[number].path.name)])
            shared.progress(len(shard), len(shard))
        context.add_candidates(found.block_votes)
        return found

    before: list[Fingerprint] = []
    for numbers in turn:
        in_shard = replace(context, progress=_progress_from(numbers.start, len(photos), shown))
        found = survey(numbers, in_shard)
        seen = _seen_before(found, before)
        if len(seen) == len(found.counted):
            found = _without_frames(found)
        elif seen:
            log.info("%d photos show scenes of photos before: their shard is surveyed again without them", len(seen))
            again = replace(in_shard, refusals=Refusals(strict=False, quiet=True), progress=no_progress)
            found = survey(numbers, again, seen)
        before = [*before, *(found.fingerprints[frame] for frame in sorted(found.fingerprints))][-_REMEMBERED:]
        found = place_in_run(found, numbers.start, len(photos))
        yield replace(found, saved_windows={n: saved for n, saved in found.saved_windows.items() if n in follow})
        del found
        give_back()


def _progress_from(first: int, total: int, progress: Progress) -> Progress:
    """Return what reports the progress of a shard as that of the run."""

    def shown(done: int, _: int) -> None:
        progress(first + done, total)

    return shown


def _without_frames(found: ShardSummary) -> ShardSummary:
    """Return the result of a shard none of whose frames count."""
    return replace(
        found,
        records={frame: replace(record, repeat=True) for frame, record in found.records.items()},
        tally=Tally(found.tally.shape, frames=found.tally.max_frames),
        votes=(),
        shifted_sums=np.zeros_like(found.shifted_sums),
        saved_windows={},
        fingerprints={},
    )


def _seen_before(found: ShardSummary, before: Collection[Fingerprint]) -> set[str]:
    """Return the digests of the shard's first frames that show a scene of the frames before."""
    seen = set()
    for frame in found.counted[:_REMEMBERED]:
        fingerprint = found.fingerprints[frame]
        outliers = fingerprint.paired_outliers
        bits = None if outliers is None else bits_of(outliers.paired, outliers.area)
        if any(show_one_scene(fingerprint, known, bits) for known in before):
            seen.add(found.records[frame].digest)
    return seen
