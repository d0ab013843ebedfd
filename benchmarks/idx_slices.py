"""One slice of a compressed IDX dataset, along each axis: ours beside OpenVisus' Python API.

    python benchmarks/idx_slices.py [--small]

A zip ARCO dataset with blocks of 4 MB, 1024 x 1024 x 256 uint16 (`--small`: 512 x 512 x 128), is
written by OpenVisus. Each side is a process of its own, with the files in the page cache; it reads
five neighbouring slices of each axis, then five that are far from each other, and the whole volume.
Ours is timed twice: left open as OpenVisus is, and opened anew for each slice, so that no decoded
block is kept (`ours, cold`). CPU time is of all threads: on a busy machine it is the one to trust.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from harness import machine, scratch

SIZES = {False: (256, 1024, 1024), True: (128, 512, 512)}
SIDES = ("ours", "ours, cold", "OpenVisus")
ROUNDS = 3
N_SLICES = 5


def volume(shape):
    """Waves and noise inside a cylinder, zero outside."""
    rng = np.random.default_rng(1)
    z, y, x = np.ogrid[: shape[0], : shape[1], : shape[2]]
    inside = (y - shape[1] / 2) ** 2 + (x - shape[2] / 2) ** 2 < (0.48 * shape[1]) ** 2
    wave = 2000 + 1500 * np.sin(x / 37) * np.cos(y / 23) + 4 * z
    noisy = wave + rng.normal(0, 30, shape).astype(np.float32)
    return np.where(inside, noisy, 0).astype(np.uint16)


def write_dataset(path, shape):
    import OpenVisus as ov  # noqa: N813

    db = ov.CreateIdx(
        url=str(path), dims=list(shape[::-1]), fields=[ov.Field("data", "uint16")], arco="4mb"
    )
    db.write(volume(shape))
    db.compressDataset(["zip"])


def ours(path, *, cold):
    from pyramidion.core import Box
    from pyramidion.formats import open_image

    image = open_image(path)

    def read(axis, at):
        nonlocal image
        if cold:
            image.close()
            image = open_image(path)
        whole = Box.whole(image.spec.shape)
        if axis is None:
            return image.read(whole)
        start, stop = list(whole.start), list(whole.stop)
        start[2 + axis], stop[2 + axis] = at, at + 1
        return image.read(Box(tuple(start), tuple(stop)))

    return read


def openvisus(path):
    import OpenVisus as ov  # noqa: N813

    db = ov.LoadDataset(str(path))
    names = "zyx"

    def read(axis, at):
        return db.read() if axis is None else db.read(**{names[axis]: [at, at + 1]})

    return read


def positions(n):
    middle = n // 2 | 1
    return {
        "next": [middle + i for i in range(N_SLICES)],
        "far": [(2 * i + 1) * n // (2 * N_SLICES) | 1 for i in range(N_SLICES)],
    }


def timed(read, axis, at):
    """Return wall and CPU ms."""
    began, cpu_began = time.perf_counter(), time.process_time()
    values = read(axis, at)
    found = [1e3 * (time.perf_counter() - began), 1e3 * (time.process_time() - cpu_began)]
    assert values.any()
    return found


def run_side(side, path, shape):
    read = openvisus(path) if side == "OpenVisus" else ours(path, cold=side == "ours, cold")
    read(0, 0)
    found = {}
    for axis, name in enumerate("zyx"):
        for how, places in positions(shape[axis]).items():
            runs = [timed(read, axis, at) for at in places]
            found[f"{name} {how}"] = [
                statistics.median(column) for column in zip(*runs, strict=True)
            ]
    found["all"] = timed(read, None, 0)
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--side", choices=SIDES)
    parser.add_argument("--path", type=Path)
    options = parser.parse_args()
    shape = SIZES[options.small]
    if options.side:
        found = run_side(options.side, options.path, shape)
        print("RESULT " + json.dumps(found))
        return
    with scratch() as folder:
        path = Path(folder) / "visus.idx"
        write_dataset(path, shape)
        print(f"{machine()}; {shape[::-1]} uint16, zip ARCO 4 MB, median of {ROUNDS}")
        rounds = {side: [] for side in SIDES}
        for _ in range(ROUNDS):
            for side in SIDES:
                command = [sys.executable, __file__, "--side", side, "--path", str(path)]
                command += ["--small"] * options.small
                output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                line = next(row for row in output.splitlines() if row.startswith("RESULT "))
                rounds[side].append(json.loads(line.removeprefix("RESULT ")))
        report(rounds)


def report(rounds):
    for i, what in enumerate(("wall", "CPU")):
        medians = {
            side: {name: statistics.median(r[name][i] for r in found) for name in found[0]}
            for side, found in rounds.items()
        }
        print(f"{what + ' ms':14}" + "".join(f"{name:>9}" for name in medians["ours"]))
        for side, found in medians.items():
            print(f"{side:14}" + "".join(f"{ms:9.1f}" for ms in found.values()))
        for side in SIDES[:2]:
            ratios = (medians["OpenVisus"][name] / ms for name, ms in medians[side].items())
            print(f"{'x ' + side:14}" + "".join(f"{ratio:9.1f}" for ratio in ratios))


if __name__ == "__main__":
    main()
