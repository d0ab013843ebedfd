"""Compressing an IDX dataset in place: pyramidion against OpenVisus' compress-dataset.

    python benchmarks/compress_idx.py [planes]

Both start from the same raw dataset of 1024 x 1024 x PLANES uint16 (256 unless said), copied anew
before each run, in both variants, to zip and to lz4.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

from harness import PYTHON, fresh, in_turn, machine, ratio, scratch, table

ROUNDS = 3
OURS = (
    "import sys, pathlib\n"
    "from pyramidion.workflows._compress import CompressOptions, compress\n"
    "compress(pathlib.Path(sys.argv[1]), CompressOptions(sys.argv[2]))\n"
)


def volume(n_planes):
    """Smooth rings and waves with noise inside a circular mask, zero outside: 16 bit."""
    rng = np.random.default_rng(5)
    y, x = np.ogrid[-1:1:1024j, -1:1:1024j]
    radius = np.hypot(x, y)
    planes = np.empty((n_planes, 1024, 1024), np.uint16)
    for z in range(n_planes):
        waves = 9000 + 6000 * np.sin(20 * radius + z / 9) + 3000 * np.cos(7 * x + z / 30)
        noisy = waves + rng.normal(0, 120, radius.shape)
        planes[z] = np.where(radius < 0.85, noisy, 0)
    return planes


def raw_dataset(path, n_planes, arco):
    """Write a raw dataset with OpenVisus itself."""
    import OpenVisus

    described = {"bitsperblock": 21, "arco": arco} if arco else {"bitsperblock": 16}
    field = OpenVisus.Field("data", "uint16")
    db = OpenVisus.CreateIdx(
        url=str(path), dims=[1024, 1024, n_planes], fields=[field], **described
    )
    db.write(volume(n_planes))


def main():
    n_planes = int(sys.argv[1]) if len(sys.argv) > 1 else 256
    n_bytes = n_planes * 2**21
    with scratch() as folder:
        here = Path(folder)
        print(machine(), f"{n_bytes / 1e6:.0f} MB")
        for variant, arco in (("arco 4mb", "4mb"), ("modvisus", "")):
            original = here / "original"
            fresh(original)
            original.mkdir()
            # In a process of its own: the memory of this one would count as that of its children.
            make = "import sys; from compress_idx import raw_dataset; raw_dataset(sys.argv[1], int(sys.argv[2]), sys.argv[3])"
            made = [PYTHON, "-c", make, original / "v.idx", str(n_planes), arco]
            subprocess.run(made, check=True, cwd=Path(__file__).parent, stdout=subprocess.DEVNULL)
            for codec in ("zip", "lz4"):
                measure(here, original, variant, codec, n_bytes)


def measure(here, original, variant, codec, n_bytes):
    copy = here / "copy"

    def renew(_):
        fresh(copy)
        shutil.copytree(original, copy)

    path = copy / "v.idx"
    # It tells of every block.
    quiet = ["sh", "-c", 'exec "$@" 2>/dev/null', "sh"]
    theirs = [*quiet, PYTHON, "-m", "OpenVisus", "compress-dataset", "--compression", codec, path]
    commands = {
        f"OpenVisus {codec}": theirs,
        f"pyramidion {codec}": [PYTHON, "-c", OURS, path, codec],
    }
    runs = in_turn(commands, ROUNDS, renew)
    print(f"\n{variant}, {codec}: {ratio(runs, *commands):.2f} times as fast")
    table(runs, n_bytes)


if __name__ == "__main__":
    main()
