"""What correcting photos would do, told without decoding a photo or writing a file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sensormap.correct.destinations import places_of, unless_corrected
from sensormap.correct.nef import can_rewrite
from sensormap.correct.raw import can_rewrite_dng
from sensormap.correct.run import (
    CorrectOptions,
    OnSkipped,
    check_fits,
    check_options,
    log_skipped,
    run_each,
)
from sensormap.correct.selection import ChosenDefects, check_body, choose_defects, pixels_of
from sensormap.frame import Photo
from sensormap.maps.sensor_map import SensorMap
from sensormap.output import check_writable
from sensormap.photos.exif import read_photo
from sensormap.photos.files import is_fits_name, is_image_name, read_bytes
from sensormap.threads import Progress, no_progress
from sensormap.urls import expanded

_DEFAULTS = CorrectOptions()


@dataclass(frozen=True)
class PlannedCorrection:
    """One photo that would be corrected.

    Parameters
    ----------
    source, output
        The photo, and the file that would be written.
    to_repair
        Photosites of a raw photo, or pixels of a JPEG, that would be repaired where that is possible.
    chosen
        The defects that would be, and how many others would not, by reason.
    """

    source: Path
    output: Path
    to_repair: int
    chosen: ChosenDefects


def plan_corrections(
    photos: Iterable[str | Path],
    sensor_map: SensorMap,
    folder: str | Path,
    options: CorrectOptions = _DEFAULTS,
    *,
    progress: Progress = no_progress,
    on_skipped: OnSkipped = log_skipped,
) -> tuple[PlannedCorrection, ...]:
    """Return what `correct_photos` would write, and where. Photos are read, and not decoded; nothing is written.

    A photo that turns out to be damaged when it is decoded counts as one that would be corrected.

    Parameters
    ----------
    photos, sensor_map, folder, options, progress, on_skipped
        As for `correct_photos`.

    Raises
    ------
    DecodeError, OutputError, FrameMismatchError
        As by `correct_photos`.
    """
    paths, outputs, kept = places_of(photos, expanded(folder))
    check_options(paths, sensor_map, options)

    def planned(path: Path) -> PlannedCorrection:
        output, photo = outputs(path), read_photo(path)
        check_body(photo, sensor_map, force=options.force)
        check_fits(photo, sensor_map, options)
        of_raw = photo.jpeg_size is None
        chosen = choose_defects(sensor_map, photo.exposure, of_raw=of_raw, all_defects=options.all_defects)
        data = read_bytes(path)
        if _becomes_dng(photo, data, options):
            output = output.with_suffix(".dng")
        if output.parent.is_dir():  # it would be made otherwise
            check_writable(output, overwrite=options.overwrite, objection=unless_corrected(data, kept))
        count = len(chosen.photosites(sensor_map) if of_raw else pixels_of(chosen, sensor_map))
        return PlannedCorrection(path, output, count, chosen)

    return run_each(paths, planned, jobs=options.jobs, progress=progress, on_skipped=on_skipped)


def _becomes_dng(photo: Photo, data: bytes, options: CorrectOptions) -> bool:
    """Tell whether a photo's copy is a DNG, and not a file of its own format."""
    if photo.jpeg_size is not None or is_image_name(photo.path) or is_fits_name(photo.path):
        return False
    if options.dng or options.opcodes:
        return True
    return not (can_rewrite(data, photo.path.name) or can_rewrite_dng(data, photo.path.name))
