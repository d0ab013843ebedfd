"""HDF5 (gzip 4, int16, 2 x 1 x 1 x N) to a store: ours, the plain pipeline, and the bound.

    python benchmarks/convert_hdf5.py [--samples 1e8] [--rounds 3] [--long 1e9]

The bound is what cannot be saved on these cores: inflating every chunk once and encoding it once,
in as many threads as there are cores, from memory to memory.
"""

import argparse
import itertools
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import deflate
import h5py
import numpy as np
from numcodecs import blosc

from harness import PYTHON, Run, fresh, in_turn, machine, median, ratio, scratch, table

HERE = Path(__file__).parent


def bound(source):
    """Seconds to inflate and encode everything once, in parallel."""
    with h5py.File(source) as file:
        data = file["data"]
        places = []
        data.id.chunk_iter(lambda chunk: places.append((chunk.byte_offset, chunk.size)))
        n_bytes = int(np.prod(data.chunks)) * data.dtype.itemsize
    handle = os.open(source, os.O_RDONLY)

    def work(group):
        for offset, size in group:
            raw = deflate.zlib_decompress(os.pread(handle, size, offset), n_bytes)
            blosc.compress(np.frombuffer(raw, np.int16), b"lz4", 5, 2)

    began = time.perf_counter()
    groups = itertools.batched(places, 64) if hasattr(itertools, "batched") else (places[i : i + 64] for i in range(0, len(places), 64))  # fmt: skip
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(work, groups))
    return time.perf_counter() - began


RECORD = """
import sys, h5py, numpy as np
from pyramidion.core import Box
from pyramidion.instruments import SimulatedScope
path, samples = sys.argv[1], int(float(sys.argv[2]))
scope = SimulatedScope(channels=2, segments=1, samples=samples, seed=1)
with h5py.File(path, "w") as file:
    data = file.create_dataset("data", scope.spec.shape, "i2", compression="gzip", compression_opts=4)
    step = 100 * data.chunks[-1]
    for c in range(2):
        for start in range(0, samples, step):
            box = Box((c, 0, 0, start), (c + 1, 1, 1, min(start + step, samples)))
            data[box.slices] = scope.read(box)
"""


def generate(path, samples):
    """Record as h5py does it by itself: gzip 4, automatic chunks, no shuffle."""
    Run([PYTHON, "-c", RECORD, path, samples])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", default="1e8")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--long", default="", help="also show our peak memory at this length")
    asked = parser.parse_args()
    with scratch() as folder:
        source = Path(folder) / "w.h5"
        generate(source, asked.samples)
        commands = {
            "plain pipeline": [
                PYTHON,
                HERE / "reference/plain_convert.py",
                source,
                f"{folder}/theirs.zarr",
            ],
            "pyramidion": [PYTHON, "-m", "pyramidion", "convert", source, f"{folder}/ours.zarr"],
        }
        between = lambda _: [fresh(Path(folder) / n) for n in ("theirs.zarr", "ours.zarr")]  # noqa: E731
        runs = in_turn(commands, asked.rounds, between)
        n_bytes = 2 * int(float(asked.samples)) * 2
        print(f"{machine()}; 2 x 1 x 1 x {asked.samples} int16, gzip 4, medians of {asked.rounds}")
        table(runs, n_bytes)
        least = sorted(bound(source) for _ in range(3))[1]
        print(f"plain / pyramidion: {ratio(runs, 'plain pipeline', 'pyramidion'):.2f}")
        print(
            f"bound (inflate and encode, all cores): {least:.2f} s, we reach {least / median(runs['pyramidion'], 'wall'):.0%} of it"
        )
        if asked.long:
            fresh(source)
            fresh(Path(folder) / "ours.zarr")
            generate(source, asked.long)
            run = Run(commands["pyramidion"])
            print(f"at {asked.long}: {run.wall:.1f} s, peak {run.peak_mb:.0f} MB")


if __name__ == "__main__":
    main()
