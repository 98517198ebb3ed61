"""How much silent damage the plausibility check catches: single flipped bits in the strips of generated NEFs.

Run ``python -m benchmarks.accuracy.damage``. Photos are decoded as `map` does: by the own decoder, and by LibRaw where
that refuses them. Frames are of 1536 x 1024 photosites, since only a few flips in a hundred pass and change more than
1 % of a frame, and each has to be decoded to know.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

from fixtures.series import Recipe, make_series
from sensormap.camera.profile import Profile
from sensormap.camera.profile_files import get_profile
from sensormap.decode.quiet import native_stderr_silenced
from sensormap.decode.reading import open_geometry, read_frame
from sensormap.errors import SensorMapError
from sensormap.frame import Frame, Mosaic, Photo
from sensormap.photos.exif import read_photo
from sensormap.score.neighbours import pad
from sensormap.score.noise import fit_noise
from sensormap.score.plausible import implausibility

SHAPE = (1024, 1536)
HEADER_BYTES = 65_536  # metadata and thumbnail; the strip begins before this


def decode(photo: Photo, profile: Profile) -> Frame | None:
    """Return a photo's frame, or None where the damage is noticed."""
    try:
        return read_frame(photo, profile)
    except SensorMapError:
        return None


def active(frame: Frame, profile: Profile) -> Mosaic:
    """Return the active area of a frame."""
    return frame.mosaic[profile.active_area.slices]


def refused(frame: Frame, profile: Profile) -> bool:
    """Tell whether the plausibility check refuses a frame."""
    mosaic, clipping = active(frame, profile), (frame.floor, frame.saturation)
    area, step = profile.active_area, profile.cfa.step
    noise = fit_noise(pad(mosaic, step), step, clipping=clipping)
    return implausibility(mosaic, noise, profile.cfa.shifted(x=area.x, y=area.y), clipping=clipping) is not None


def main() -> None:
    """Flip bits until enough of them have done silent damage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=Path, help="folder of photographs; without it procedural scenes")
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--seed", type=int, default=301)
    parser.add_argument("--cases", type=int, default=200, help="silently damaged frames to collect")
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    outcomes: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as scratch, native_stderr_silenced():
        make_series(Recipe(arguments.frames, SHAPE, arguments.seed, scenes=arguments.scenes), Path(scratch))
        paths = sorted((Path(scratch) / "photos").iterdir())
        photos, files = [read_photo(path) for path in paths], [path.read_bytes() for path in paths]
        profile = open_geometry(photos[0].path, get_profile(str(Path(scratch) / "profile.yaml")))
        good = [read_frame(photo, profile) for photo in photos]
        false_alarms = sum(refused(frame, profile) for frame in good)
        while outcomes["caught"] + outcomes["missed"] < arguments.cases:
            number = int(rng.integers(len(files)))
            data = bytearray(files[number])
            data[int(rng.integers(HEADER_BYTES, len(data)))] ^= 1 << int(rng.integers(8))
            paths[number].write_bytes(data)
            frame = decode(photos[number], profile)
            if frame is None:
                outcomes["refused by the decoders"] += 1
            elif np.mean(active(frame, profile) != active(good[number], profile)) <= 0.01:
                outcomes["at most 1 % changed"] += 1
            else:
                outcomes["caught" if refused(frame, profile) else "missed"] += 1
                outcomes["damage that the own decoder notices"] += not frame.by_own_decoder
    cases = outcomes["caught"] + outcomes["missed"]
    noticed = outcomes.pop("damage that the own decoder notices")
    print(f"flipped bits: {outcomes.total()}; {dict(outcomes)}")
    print(f"more than 1 % changed without an error: {cases}, of which caught: {outcomes['caught'] / cases:.1%}")
    print(f"of these {cases} the own decoder refuses {noticed}, which LibRaw decodes")
    print(f"good frames refused: {false_alarms} of {len(good)}")


if __name__ == "__main__":
    main()
