"""How much silent damage to NEFs is caught, by kind of damage, and what the rest does to a map.

Run ``python -m benchmarks.accuracy.damage --scenes FOLDER``. Full-size photos are generated, and each damaged file is
decoded and judged as `map` does: by the own decoder, by LibRaw where that refuses it, then by the plausibility check.
Damage is silent where a frame comes out all the same, with photosites that differ. From the files that pass, a series
is made in which as many photos as possible are damaged, and its map is compared with the map of the good ones.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np

from benchmarks.commands import mapping
from benchmarks.costs import run
from fixtures.series import FULL_SIZE, Recipe, make_series
from sensormap.camera.profile import Profile
from sensormap.camera.profile_files import get_profile
from sensormap.decode.quiet import native_stderr_silenced
from sensormap.decode.reading import open_geometry, read_frame
from sensormap.errors import SensorMapError
from sensormap.frame import Frame, Mosaic
from sensormap.maps.mapfile.reading import read_map
from sensormap.photos.exif import read_photo
from sensormap.score.neighbours import pad
from sensormap.score.noise import fit_noise
from sensormap.score.plausible import implausibility

HEADER_BYTES = 65_536  # metadata and thumbnail; the strip begins before this
BLOCK_BYTES = 4096  # of a disk
SHARES = (0.01, 0.001, 0.0)
"""Frames are counted by the share of their photosites that is wrong: more than each of these."""


def flip_bit(data: bytearray, rng: np.random.Generator) -> None:
    """Flip one bit of the strip."""
    data[int(rng.integers(HEADER_BYTES, len(data)))] ^= 1 << int(rng.integers(8))


def change_byte(data: bytearray, rng: np.random.Generator) -> None:
    """Give one byte of the strip another value."""
    data[int(rng.integers(HEADER_BYTES, len(data)))] ^= int(rng.integers(1, 256))


def cut(data: bytearray, rng: np.random.Generator) -> None:
    """Let the file end somewhere in the strip."""
    del data[int(rng.integers(HEADER_BYTES, len(data))) :]


def clear_block(data: bytearray, rng: np.random.Generator) -> None:
    """Fill one block of the strip with zeros, as a disk or a copy with a hole has it."""
    start = _block(data, rng)
    data[start : start + BLOCK_BYTES] = bytes(BLOCK_BYTES)


def swap_blocks(data: bytearray, rng: np.random.Generator) -> None:
    """Exchange two blocks of the strip."""
    one, other = _block(data, rng), _block(data, rng)
    first, second = data[one : one + BLOCK_BYTES], data[other : other + BLOCK_BYTES]
    data[one : one + BLOCK_BYTES], data[other : other + BLOCK_BYTES] = second, first


def _block(data: bytearray, rng: np.random.Generator) -> int:
    """Return where a whole block of the strip begins, chosen at random."""
    return BLOCK_BYTES * int(rng.integers(HEADER_BYTES // BLOCK_BYTES, len(data) // BLOCK_BYTES))


KINDS: dict[str, Callable[[bytearray, np.random.Generator], None]] = {
    "one bit": flip_bit,
    "one byte": change_byte,
    "cut": cut,
    "a block of zeros": clear_block,
    "two blocks swapped": swap_blocks,
}


@dataclass
class Tally:
    """What became of the damaged files of one kind.

    Attributes
    ----------
    refused, unchanged
        Files that no decoder takes, and those whose frame is the good one.
    silent, caught
        Frames with more than a share of `SHARES` wrong and no more than the next larger, and those that the
        plausibility check refuses.
    by_libraw
        Silently damaged frames over 1 % that the own decoder refuses and LibRaw decodes.
    passed
        By number of the photo: the share that is wrong, and the file, of the worst that nothing refuses.
    """

    refused: int = 0
    unchanged: int = 0
    silent: Counter[float] = field(default_factory=Counter)
    caught: Counter[float] = field(default_factory=Counter)
    by_libraw: int = 0
    passed: dict[int, tuple[float, Path]] = field(default_factory=dict)


@dataclass(frozen=True)
class GoodPhoto:
    """A generated photo: its file's bytes and its active area."""

    data: bytes
    active: Mosaic


def damaged_frame(
    good: GoodPhoto, profile: Profile, damage: Callable[[bytearray, np.random.Generator], None], folder: Path, seed: int
) -> tuple[Path, Frame | None]:
    """Write a damaged copy of a photo, and return its path and its frame, None where decoding refuses it."""
    data = bytearray(good.data)
    damage(data, np.random.default_rng(seed))
    path = folder / f"{seed}.NEF"
    path.write_bytes(data)
    try:
        return path, read_frame(read_photo(path), profile)
    except SensorMapError:
        return path, None


def active(frame: Frame, profile: Profile) -> Mosaic:
    """Return the active area of a frame."""
    return frame.mosaic[profile.active_area.slices]


def refused(frame: Frame, profile: Profile) -> bool:
    """Tell whether the plausibility check refuses a frame."""
    mosaic, clipping = active(frame, profile), (frame.floor, frame.saturation)
    area, step = profile.active_area, profile.cfa.step
    noise = fit_noise(pad(mosaic, step), step, clipping=clipping)
    return implausibility(mosaic, noise, profile.cfa.shifted(x=area.x, y=area.y), clipping=clipping) is not None


def judge(kind: str, goods: list[GoodPhoto], profile: Profile, *, seeds: range, folder: Path) -> Tally:
    """Damage a file for each seed in one way, and count.

    Parameters
    ----------
    kind
        A name of `KINDS`.
    goods, profile
        The good photos, and their geometry.
    seeds
        Say which photo is damaged, and where.
    folder
        Where damaged files are written.
    """
    tally = Tally()
    for seed in seeds:
        number = int(np.random.default_rng([seed, list(KINDS).index(kind)]).integers(len(goods)))
        path, frame = damaged_frame(goods[number], profile, KINDS[kind], folder, seed)
        wrong = 0.0 if frame is None else float(np.mean(active(frame, profile) != goods[number].active))
        if frame is None:
            tally.refused += 1
        elif wrong == 0:
            tally.unchanged += 1
        else:
            share = next(share for share in SHARES if wrong > share)
            tally.silent[share] += 1
            tally.by_libraw += share == SHARES[0] and not frame.by_own_decoder
            if refused(frame, profile):
                tally.caught[share] += 1
            elif wrong > tally.passed.get(number, (0.0, path))[0]:
                tally.passed[number] = wrong, path.rename(folder / f"passed-{number}.NEF")
        path.unlink(missing_ok=True)
    return tally


def compare_maps(scratch: Path, damaged: dict[int, tuple[float, Path]], jobs: int) -> str:
    """Map the good photos, and the same with damaged ones in their places, and say how the maps differ.

    Parameters
    ----------
    scratch
        Folder of the good photos and their profile, and for the others and the maps.
    damaged
        By number of the photo: the share that is wrong, and the file to take instead.
    jobs
        Threads.
    """
    photos, series, profile_file = scratch / "photos", scratch / "damaged", scratch / "profile.yaml"
    profile = ("--profile", profile_file) if profile_file.exists() else ()
    shutil.copytree(photos, series)
    paths = sorted(path for path in series.iterdir() if path.suffix == ".NEF")
    for number, (_, file) in damaged.items():
        shutil.copyfile(file, paths[number])
    places = []
    for folder, name in ((photos, "good.yaml"), (series, "damaged.yaml")):
        run(mapping(folder, scratch / name, jobs, *profile))
        sensor_map = read_map(scratch / name)
        points = {(defect.x, defect.y) for defect in sensor_map.defects}
        columns, rows = {(column.x, -1) for column in sensor_map.columns}, {(-1, row.y) for row in sensor_map.rows}
        places.append(points | columns | rows)
    good, other = places
    shares = [share for share, _ in damaged.values()]
    return (
        f"{len(good)} entries; with {len(damaged)} of {len(paths)} photos damaged, {min(shares, default=0):.2%} to "
        f"{max(shares, default=0):.2%} of their photosites, {len(other)}: {len(other - good)} gained, "
        f"{len(good - other)} lost"
    )


def table(tallies: Iterable[tuple[str, Tally]]) -> str:
    """Return the counts as a Markdown table."""
    rows = [
        "| damage | files | refused by decoders | no photosite wrong | over 1 %: silent, caught | 0.1 to 1 % | less |",
        "|---" * 7 + "|",
    ]
    for kind, tally in tallies:
        counts = [f"{tally.silent[share]}, {tally.caught[share]}" for share in SHARES]
        total = tally.refused + tally.unchanged + tally.silent.total()
        rows.append(f"| {kind} | {total} | {tally.refused} | {tally.unchanged} | {' | '.join(counts)} |")
    return "\n".join(rows)


def main() -> None:
    """Damage files of every kind, and print the counts and what the rest does to a map."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=Path, help="folder of photographs; without it painted scenes")
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--seed", type=int, default=301)
    parser.add_argument("--files", type=int, default=1000, help="damaged files of each kind")
    parser.add_argument("--size", default=f"{FULL_SIZE[1]}x{FULL_SIZE[0]}", help="width x height of the photos")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))
    with tempfile.TemporaryDirectory() as name, native_stderr_silenced():
        scratch = Path(name)
        make_series(Recipe(arguments.frames, (height, width), arguments.seed, scenes=arguments.scenes), scratch)
        paths = sorted((scratch / "photos").glob("*.NEF"))
        own_profile = scratch / "profile.yaml"  # not of full-size photos, whose camera is known
        profile = open_geometry(paths[0], get_profile(str(own_profile) if own_profile.exists() else "nikon-d80"))
        frames = [read_frame(read_photo(path), profile) for path in paths]
        goods = [
            GoodPhoto(path.read_bytes(), active(frame, profile)) for path, frame in zip(paths, frames, strict=True)
        ]
        false_alarms = sum(refused(frame, profile) for frame in frames)
        with ThreadPoolExecutor(arguments.jobs) as pool:
            futures = []
            for number, kind in enumerate(KINDS):
                (folder := scratch / f"files-{number}").mkdir()
                seeds = range(arguments.seed, arguments.seed + arguments.files)
                futures.append(pool.submit(judge, kind, goods, profile, seeds=seeds, folder=folder))
            tallies = [future.result() for future in futures]
        print(table(zip(KINDS, tallies, strict=True)))
        by_libraw = sum(tally.by_libraw for tally in tallies)
        print(f"over 1 %, refused by the own decoder and decoded by LibRaw: {by_libraw}")
        print(f"good frames refused: {false_alarms} of {len(goods)}")
        worst: dict[int, tuple[float, Path]] = {}
        for number, (share, file) in chain.from_iterable(tally.passed.items() for tally in tallies):
            worst[number] = max(worst.get(number, (0.0, file)), (share, file))
        print(f"map of the good photos: {compare_maps(scratch, worst, arguments.jobs)}")


if __name__ == "__main__":
    main()
