"""What decoding alone costs: ``python -m benchmarks.programs.bare_decode FOLDER JOBS`` decodes the photos there."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path


def decode_raw(path: Path) -> int:
    """Decode a raw photo by rawpy; the first value is asked for, as LibRaw unpacks when it is."""
    import rawpy  # noqa: PLC0415 - each run needs one of the two libraries

    with rawpy.imread(str(path)) as raw:
        return int(raw.raw_image[0, 0])


def decode_picture(path: Path) -> int:
    """Decode a JPEG by imageio."""
    import imageio.v3 as iio  # noqa: PLC0415

    return int(iio.imread(path, plugin="pillow")[0, 0, 0])


def main() -> None:
    """Decode a folder's NEFs and DNGs, or its JPEGs if it has none."""
    folder, jobs = Path(sys.argv[1]), int(sys.argv[2])
    raws = sorted([*folder.glob("*.NEF"), *folder.glob("*.DNG")])
    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(decode_raw, raws) if raws else pool.map(decode_picture, sorted(folder.glob("*.JPG"))))


if __name__ == "__main__":
    main()
