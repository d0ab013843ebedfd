"""A LeCroy .trc file to a store, beside reading it and writing the same bytes with numpy.

python benchmarks/convert_trc.py [--samples 1e8] [--rounds 5]
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from harness import PYTHON, fresh, in_turn, machine, ratio, scratch, table

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.formats.trc_files import write_trc

COPY = """
import sys, numpy as np
source, destination, offset = sys.argv[1:]
np.fromfile(source, np.int16, offset=int(offset)).tofile(destination)
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", default="1e8")
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    n = int(float(asked.samples))
    with scratch() as folder:
        source = Path(folder) / "w.trc"
        codes = np.random.default_rng(1).normal(0, 100, n).astype(np.int16)
        write_trc(source, codes.reshape(1, n))
        del codes
        offset = source.stat().st_size - 2 * n
        copy, store = Path(folder) / "copy.bin", Path(folder) / "ours.zarr"
        commands = {
            "numpy read and write": [PYTHON, "-c", COPY, source, copy, offset],
            "pyramidion": [PYTHON, "-m", "pyramidion", "convert", source, store],
        }
        runs = in_turn(commands, asked.rounds, lambda _: [fresh(copy), fresh(store)])
        print(f"{machine()}; {asked.samples} int16 samples, medians of {asked.rounds}")
        table(runs, 2 * n)
        print(f"pyramidion / numpy: {1 / ratio(runs, 'numpy read and write', 'pyramidion'):.2f}")


if __name__ == "__main__":
    main()
