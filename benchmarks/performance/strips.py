"""What decoding the strip of a compressed NEF takes, by LibRaw and by the own decoder.

Run ``python -m benchmarks.performance.strips PHOTO``. The photo, a generated NEF, is stored anew in each way that the
own decoder reads. All are decoded in turn, by one thread; the least time of some rounds is printed, in ms of processor
time, and whether all rows are those of LibRaw.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import rawpy
from numpy.typing import NDArray

from fixtures.files.nef import nef_bytes
from fixtures.files.split import SplitCoding
from sensormap.decode.libraw import open_raw, raw_values
from sensormap.decode.nef.file import find_strip, strip_coding
from sensormap.decode.nef.strip import read_values
from sensormap.decode.quiet import native_stderr_silenced

UNDECODED_ROWS = 3  # at the end, which LibRaw leaves


def by_libraw(data: bytes) -> NDArray[np.uint16]:
    """Return what LibRaw decodes."""
    with open_raw(data, "photo") as raw:
        return raw_values(raw).copy()


def by_own_decoder(data: bytes) -> NDArray[np.uint16]:
    """Return what the own decoder decodes."""
    raw = find_strip(data, "photo")
    coding = None if raw is None else strip_coding(raw, "photo")
    if raw is None or coding is None:
        msg = "a strip that the own decoder does not read"
        raise ValueError(msg)
    strip = memoryview(data)[raw.offset : raw.offset + raw.length]
    return read_values(strip, (raw.height, raw.width), coding, "photo")[0]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photo", type=Path, help="a generated NEF of a D80")
    parser.add_argument("--rounds", type=int, default=12)
    arguments = parser.parse_args()
    with rawpy.imread(str(arguments.photo)) as raw:
        mosaic = raw.raw_image.copy()
    middle = mosaic.shape[0] // 2
    stored = {
        "12 bits, as a D80": nef_bytes(mosaic),
        "type 2, 12 bits": nef_bytes(mosaic, split=SplitCoding(12)),
        "type 2, 12 bits, split in the middle": nef_bytes(mosaic, split=SplitCoding(12, middle)),
        "type 2, 14 bits": nef_bytes(4 * mosaic, split=SplitCoding(14)),
        "type 2, 14 bits, split in the middle": nef_bytes(4 * mosaic, split=SplitCoding(14, middle)),
    }
    ways: dict[str, Callable[[bytes], NDArray[np.uint16]]] = {"LibRaw": by_libraw, "own decoder": by_own_decoder}
    print(f"ms of processor time, least of {arguments.rounds}: {', '.join(ways)}")
    with native_stderr_silenced():
        for words, data in stored.items():
            found = {way: decode(data)[:-UNDECODED_ROWS] for way, decode in ways.items()}
            same = all(np.array_equal(found["LibRaw"], values) for values in found.values())
            least = dict.fromkeys(ways, np.inf)
            for _ in range(arguments.rounds):
                for way, decode in ways.items():
                    start = time.process_time()
                    decode(data)
                    least[way] = min(least[way], time.process_time() - start)
            times = "  ".join(f"{1e3 * seconds:5.0f}" for seconds in least.values())
            print(f"{words:38} {times}  {'rows as by LibRaw' if same else 'OTHER ROWS THAN BY LIBRAW'}")


if __name__ == "__main__":
    main()
