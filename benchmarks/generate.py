"""Generating a waveform store: ours beside a plain generator, in samples a second.

python benchmarks/generate.py [--samples 2e7] [--rounds 3] [--long 1e9]
"""

import argparse
from pathlib import Path

from harness import PYTHON, Run, fresh, in_turn, machine, median, ratio, scratch, table

HERE = Path(__file__).parent


def ours(destination, samples):
    asked = ["--samples", samples, "--channels", "2", "--segments", "1"]
    return [PYTHON, "-m", "pyramidion", "generate", destination, *asked]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", default="2e7")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--long", default="", help="also show our peak memory at this length")
    asked = parser.parse_args()
    n = int(float(asked.samples))
    with scratch() as folder:
        theirs, store = f"{folder}/theirs.zarr", f"{folder}/ours.zarr"
        commands = {
            "plain generator": [PYTHON, HERE / "reference/plain_generate.py", theirs, "2", "1", n],
            "pyramidion": ours(store, n),
        }
        runs = in_turn(commands, asked.rounds, lambda _: [fresh(Path(p)) for p in (theirs, store)])  # fmt: skip
        print(f"{machine()}; 2 x 1 x 1 x {asked.samples}, medians of {asked.rounds}")
        table(runs, 4 * n)
        for name, found in runs.items():
            print(f"{name}: {2 * n / median(found, 'wall') / 1e6:.1f} million samples a second")
        print(f"plain / pyramidion: {ratio(runs, 'plain generator', 'pyramidion'):.1f}")
        if asked.long:
            fresh(Path(store))
            run = Run(ours(store, asked.long))
            print(f"at {asked.long}: {run.wall:.1f} s, peak {run.peak_mb:.0f} MB")


if __name__ == "__main__":
    main()
