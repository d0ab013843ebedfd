"""The same conversion on threads, on processes and on a Dask cluster: what each costs.

    python benchmarks/executors.py [--slices 256] [--rounds 3]

A PNG stack to OME-Zarr, the whole command each time. The cluster (a scheduler and two workers of one
thread) runs already, as somebody's cluster does; its workers have been asked once before, so that
they have loaded the program.
"""

import argparse
import json
import multiprocessing
import subprocess
import time
from pathlib import Path

from convert_stack import make_slices
from harness import PYTHON, fresh, in_turn, machine, ratio, scratch, table


def start(module, *arguments):
    return subprocess.Popen(
        [PYTHON, "-m", module, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def cluster(folder):
    """Start a scheduler and two workers; return its address and the processes."""
    file = folder / "scheduler.json"
    processes = [start("distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0",
                       "--no-dashboard", "--scheduler-file", str(file))]  # fmt: skip
    while not file.exists():
        time.sleep(0.1)
    processes += [
        start("distributed.cli.dask_worker", "--scheduler-file", str(file), "--nthreads", "1",
              "--no-dashboard", "--no-nanny", "--local-directory", str(folder / name))
        for name in "ab"
    ]  # fmt: skip
    return json.loads(file.read_text())["address"], processes


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slices", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    with scratch() as name:
        folder = Path(name)
        maker = multiprocessing.get_context("spawn").Process(
            target=make_slices, args=(folder / "stack", asked.slices)
        )
        maker.start()
        maker.join()
        address, processes = cluster(folder)
        try:
            out = folder / "out.ome.zarr"
            convert = [PYTHON, "-m", "pyramidion", "convert", f"{folder}/stack/*.png", out]
            runs = in_turn(
                {
                    "threads": [*convert, "--workers", "2"],
                    "processes": [*convert, "--workers", "2", "--processes"],
                    "Dask": [*convert, "--dask", address],
                },
                asked.rounds,
                lambda _: fresh(out),
            )
        finally:
            for process in processes:
                process.kill()
                process.wait()
        print(machine(), f"{asked.slices} slices")
        table(runs, asked.slices * 2 * 2**20)
        for other in ("processes", "Dask"):
            print(f"  {other}: {ratio(runs, other, 'threads'):.2f} times the time of threads")


if __name__ == "__main__":
    main()
