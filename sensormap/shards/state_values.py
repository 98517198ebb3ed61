"""What a state folder tells of single photosites: their values in the photos of a body, without reading these again."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sensormap.camera.profile import Body
from sensormap.errors import StateError
from sensormap.frame import Photo
from sensormap.shards.catalogue import Catalogue, open_catalogue
from sensormap.shards.file_format.reading_writing import read_any_summary, read_shard_photos
from sensormap.shards.known_headers import kept_photo
from sensormap.shards.shard_folder import shard_files
from sensormap.shards.state_folder import CATALOGUE, held
from sensormap.shards.summary import Windows

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class KeptPhoto:
    """What is kept of one photo.

    Parameters
    ----------
    photo
        The photo, as its header described it.
    windows
        Its values at the photosites that its shard found worth following.
    """

    photo: Photo
    windows: Windows


def kept_photos(folder: Path, body: Body, shape: tuple[int, int]) -> Iterator[KeptPhoto]:
    """Yield what a state folder keeps of the photos of a body, each once; nothing is made or changed in it.

    Parameters
    ----------
    folder
        The folder.
    body
        The camera. One without a serial number takes photos of any of its model.
    shape
        ``(H, W)`` of the active area; shards of another are left out.

    Raises
    ------
    StateError
        If it is no state folder, or another run has it. Damaged shards are left out, which is logged.
    """
    with held(folder), open_catalogue(folder / CATALOGUE) as catalogue:
        photos = {} if catalogue is None else _photos_of(catalogue, body)
        for path in shard_files(folder):
            listed = read_shard_photos(path, path.stem)
            if listed is None or photos.keys().isdisjoint(listed.digests):
                continue
            try:
                summary, found, _ = read_any_summary(path, path.stem)
            except StateError as error:
                log.warning("%s; left out", error)
                continue
            for number, record in summary.records.items():
                if found == shape and number in summary.saved_windows and record.digest in photos:
                    yield KeptPhoto(photos.pop(record.digest), summary.saved_windows[number])


def _photos_of(catalogue: Catalogue, body: Body) -> dict[str, Photo]:
    """Return the photos of a body by their digests."""
    found = {}
    for file in catalogue.files():
        text = catalogue.header(file)
        photo = None if text is None else kept_photo(text, file)
        if photo is not None and (photo.body == body or (not body.serial and photo.body.name == body.name)):
            found[file.digest] = photo
    return found
