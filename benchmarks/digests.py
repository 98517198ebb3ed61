"""Whether a change of the code changes any result: digests of maps, exports and corrected photos.

Run ``python -m benchmarks.digests --keep FOLDER -o before.json`` before the change and, with ``--compare before.json``
instead, after it: lists what differs and exits with 1 if anything does. Both runs have to be on one machine, since
processors differ in the last bit of a floating-point sum. Everything goes through the command line, as users do.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.commands import mapping, module
from benchmarks.generate import generate
from sensormap.formats.registry import FORMATS

DEMO_SEED, DEMO_FRAMES, SEED, FRAMES = 2010, 24, 1301, 60
CORRECTED = 10
METHODS = ("directional", "subtract", "mean", "median", "dcraw", "weighted8")
_COMMENT = b"#"


@dataclass(frozen=True)
class Sets:
    """Folders of generated photos, and of what is made of them."""

    demo: Path
    full: Path
    results: Path


def digest(path: Path, *, without_comments: bool = False) -> str:
    """Return a file's SHA-256; of a map the lines that are comments can be left out."""
    data = path.read_bytes()
    if without_comments:
        data = b"".join(line for line in data.splitlines(keepends=True) if not line.startswith(_COMMENT))
    return hashlib.sha256(data).hexdigest()


def digest_all(folder: Path) -> str:
    """Return one digest of all files below a folder and their names."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    lines = [f"{path.relative_to(folder).as_posix()} {digest(path)}\n" for path in files]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def sensormap(*arguments: object) -> None:
    """Run a command of sensormap; its output is discarded."""
    subprocess.run(module("sensormap", *arguments), check=True, stdout=subprocess.DEVNULL)


def map_digests(photos: Sequence[Path], map_file: Path, *options: object, follow: bool = True) -> dict[str, str]:
    """Map some photos and return the map's digests, with and without the lines that are comments."""
    (first, *others), name = photos, map_file.stem
    command = mapping(first, map_file, 2, *others, *options, follow=follow)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return {f"map {name}": digest(map_file, without_comments=True), f"map {name}, comments too": digest(map_file)}


def maps(sets: Sets) -> Iterator[dict[str, str]]:
    """Yield the digests of maps: raw photos, JPEGs, both, without the second pass, and maps made of maps."""
    photos, jpegs, out = sets.full / "photos", sets.full / "jpegs", sets.results
    yield map_digests([sets.demo / "photos"], out / "demo.yaml")
    yield map_digests([photos], out / "raw.yaml")
    yield map_digests([photos], out / "raw-no-follow.yaml", follow=False)
    yield map_digests([jpegs], out / "jpeg.yaml")
    some = linked(sorted(photos.iterdir())[::2], out / "half")
    yield map_digests([some, jpegs], out / "mixed.yaml")
    others = linked(sorted(photos.iterdir())[1::2], out / "other-half")
    yield map_digests([some], out / "half.yaml") | map_digests([others], out / "other-half.yaml")
    merged = out / "merged.yaml"
    sensormap("merge", out / "half.yaml", out / "other-half.yaml", "-o", merged, "--overwrite")
    yield {"map merged": digest(merged, without_comments=True)}


def exports(sets: Sets) -> Iterator[dict[str, str]]:
    """Yield the digests of the raw map in each format, and of coordinates."""
    for name in (name for name, form in FORMATS.items() if form.write is not None):
        path = sets.results / f"raw.{name}"
        path.unlink(missing_ok=True)
        sensormap("export", sets.results / "raw.yaml", "--format", name, "-o", path)
        yield {f"export {name}": digest(path)}
    for space in ("raw", "jpeg"):
        command = module("sensormap", "coords", sets.results / "raw.yaml", "--space", space)
        listed = subprocess.run(command, check=True, capture_output=True).stdout
        yield {f"coords {space}": hashlib.sha256(listed).hexdigest()}


def corrections(sets: Sets) -> Iterator[dict[str, str]]:
    """Yield the digests of corrected NEFs, DNGs and JPEGs, by every method."""
    raws = linked(sorted((sets.full / "photos").iterdir())[:CORRECTED], sets.results / "ten-raw")
    jpegs = linked(sorted((sets.full / "jpegs").iterdir())[:CORRECTED], sets.results / "ten-jpeg")
    tasks: dict[str, tuple[Path, Sequence[str]]] = {f"NEF {name}": (raws, ["--method", name]) for name in METHODS}
    tasks |= {
        "NEF all": (raws, ["--all"]),
        "DNG": (raws, ["--dng"]),
        "DNG opcodes": (raws, ["--opcodes"]),
        "JPEG directional": (jpegs, []),
        "JPEG weighted8": (jpegs, ["--method", "weighted8"]),
        "JPEG all": (jpegs, ["--all"]),
    }
    for name, (photos, options) in tasks.items():
        folder = sets.results / f"corrected {name}"
        shutil.rmtree(folder, ignore_errors=True)
        sensormap("correct", sets.results / "raw.yaml", photos, "-o", folder, "-q", *options)
        yield {f"corrected {name}": digest_all(folder)}


def linked(photos: Sequence[Path], folder: Path) -> Path:
    """Return a folder of links to some photos."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for photo in photos:
        (folder / photo.name).symlink_to(photo.resolve())
    return folder


def measured(sets: Sets) -> dict[str, str]:
    """Return all digests, those of the generated photos first: these tell whether the generator has changed."""
    found = {"photos demo": digest_all(sets.demo), "photos full": digest_all(sets.full)}
    for part in (maps, exports, corrections):
        for one in part(sets):
            print("\n".join(one), file=sys.stderr)
            found |= one
    return found


def differences(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """Return a line for each result that is not the same, or is on one side only."""
    words = {True: "differs", False: "is in one of the two only"}
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return [f"{name}: {words[name in before and name in after]}" for name in names]


def main() -> None:
    """Generate what is missing, make all results, and write their digests or compare them with earlier ones."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=Path, help="folder of photographs; without it painted scenes")
    parser.add_argument("--keep", type=Path, help="folder for the photos, which are used as they are if they are there")
    parser.add_argument("-o", "--output", type=Path, help="JSON file of digests to write")
    parser.add_argument("--compare", type=Path, help="JSON file of digests to compare with")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.keep or Path(scratch)
        sets = Sets(folder / "demo", folder / "full", Path(scratch) / "results")
        sets.results.mkdir()
        generate(sets.demo, argparse.Namespace(frames=DEMO_FRAMES, scenes=None), DEMO_SEED)
        full = argparse.Namespace(frames=FRAMES, scenes=arguments.scenes)
        generate(sets.full, full, SEED, options=["--jpeg"])
        found = measured(sets)
    if arguments.output:
        arguments.output.write_text(json.dumps(found, indent=1) + "\n")
    if arguments.compare:
        changed = differences(json.loads(arguments.compare.read_text()), found)
        print("\n".join(changed) or f"{len(found)} results, all the same")
        sys.exit(bool(changed))


if __name__ == "__main__":
    main()
