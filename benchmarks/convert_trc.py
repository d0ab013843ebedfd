"""A LeCroy .trc file to a store, beside reading it and writing the same bytes with numpy.

python benchmarks/convert_trc.py [--samples 1e8] [--rounds 5]
"""

import argparse
import statistics
import subprocess
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


WORK = """
import sys, time
from pathlib import Path
from pyramidion.workflows import ConvertOptions, convert
import google_crc32c, numcodecs.blosc
began = time.perf_counter()
convert(Path(sys.argv[1]), Path(sys.argv[2]), ConvertOptions())
print(time.perf_counter() - began)
"""
COPY_WORK = """
import sys, time, numpy as np
began = time.perf_counter()
np.fromfile(sys.argv[1], np.int16, offset=int(sys.argv[3])).tofile(sys.argv[2])
print(time.perf_counter() - began)
"""


def on_disk(command, destination):
    """The same command, ended only when its bytes are on the disk."""
    return ["sh", "-c", '"$@" && sync -f "$0"', destination.parent, *command]


def seconds_of(code, *arguments):
    told = subprocess.run(
        [PYTHON, "-c", code, *map(str, arguments)], capture_output=True, check=True
    )
    return float(told.stdout)


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
        numpy = [PYTHON, "-c", COPY, source, copy, offset]
        ours = [PYTHON, "-m", "pyramidion", "convert", source, store]
        print(f"{machine()}; {asked.samples} int16 samples, medians of {asked.rounds}")
        for title, change in (("whole processes, page cache", lambda command, _: command), ("until on the disk", on_disk)):  # fmt: skip
            commands = {
                "numpy read and write": change(numpy, copy),
                "pyramidion": change(ours, store),
            }
            runs = in_turn(commands, asked.rounds, lambda _: [fresh(copy), fresh(store)])
            print(f"\n{title}")
            table(runs, 2 * n)
            print(
                f"pyramidion / numpy: {1 / ratio(runs, 'numpy read and write', 'pyramidion'):.2f}"
            )
        pairs = []
        for _ in range(asked.rounds):
            fresh(copy), fresh(store)
            pairs.append(
                (seconds_of(WORK, source, store), seconds_of(COPY_WORK, source, copy, offset))
            )
        shown = statistics.median(a / b for a, b in pairs)
        ours_s, numpy_s = (statistics.median(column) for column in zip(*pairs, strict=True))
        print(
            f"\nthe work alone, without starting Python: {ours_s:.2f} s, numpy {numpy_s:.2f} s, ratio {shown:.2f}"
        )


if __name__ == "__main__":
    main()
