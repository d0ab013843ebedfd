"""A LeCroy .trc file to a store, beside reading it and writing the same bytes with numpy.

python benchmarks/convert_trc.py [--samples 1e8] [--rounds 5]
"""

import argparse
from pathlib import Path

from harness import PYTHON, Run, fresh, in_turn, machine, ratio, scratch, table

HERE = Path(__file__).parent
WRITE = f"""
import sys, numpy as np
sys.path.insert(0, {str(HERE.parent)!r})
from tests.formats.trc_files import write_trc
codes = np.random.default_rng(1).standard_normal(int(sys.argv[2]), np.float32) * 100
write_trc(__import__("pathlib").Path(sys.argv[1]), codes.astype(np.int16).reshape(1, -1))
"""
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
        # In a process of its own: a child's peak memory counts what its parent held.
        Run([PYTHON, "-c", WRITE, source, n])
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
