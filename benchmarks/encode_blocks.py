"""Deflating blocks of noisy 16-bit voxels: ISA-L, libdeflate and zlib, on one thread.

    python benchmarks/encode_blocks.py [--rounds 5]

What IDX calls zip is a zlib stream; this is why level 1 is ISA-L (docs/decisions/0015).
"""

import argparse
import statistics
import time
import zlib

import deflate
import numpy as np
from isal import isal_zlib

ENCODERS = {
    "ISA-L 1": lambda raw: isal_zlib.compress(raw, 1),
    "libdeflate 1": lambda raw: deflate.zlib_compress(raw, 1),
    "libdeflate 6": lambda raw: deflate.zlib_compress(raw, 6),
    "zlib 6": lambda raw: zlib.compress(raw, 6),
}


def block():
    """8 MB of rings and waves with noise, as a block of a volume holds them."""
    rng = np.random.default_rng(1)
    z, y, x = np.ogrid[:32, -1:1:256j, -1:1:512j]
    values = 900 * np.sin(18 * np.hypot(y, x) + z / 20) + 500 * np.cos(9 * x + z / 31) + 3000
    return (values + rng.normal(0, 60, values.shape)).astype(np.uint16).tobytes()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    raw = block()
    times = {name: [] for name in ENCODERS}
    sizes = {}
    for _ in range(asked.rounds):
        for name, encode in ENCODERS.items():
            began = time.thread_time()
            encoded = encode(raw)
            times[name].append(time.thread_time() - began)
            assert zlib.decompress(encoded) == raw
            sizes[name] = len(encoded) / len(raw)
    base = statistics.median(times["libdeflate 1"])
    for name, found in times.items():
        taken = statistics.median(found)
        print(
            f"{name:14}{len(raw) / taken / 1e6:7.0f} MB/s  {sizes[name]:6.1%}"
            f"  {base / taken:5.2f} times libdeflate 1"
        )


if __name__ == "__main__":
    main()
