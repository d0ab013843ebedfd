"""The catalogue of 5,000 stores: first page and complete list, beside what the disk allows.

A fresh server each round, started but asked nothing yet; the tree is in the page cache for all
alike. The bound is one process that lists every folder with ``os.scandir`` and reads every
metadata file with ``read``, without parsing them: nobody can know the datasets in less. While the
list fills, another client asks for one small file again and again.

    python benchmarks/catalogue.py [--stores 5000] [--rounds 3] [--json]

Goal: the first page within 0.5 s; half of the small files within 3 times what they take when
nothing is looked for.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import threading
import time
import urllib.request
from pathlib import Path

from harness import scratch, timed
from http_servers import served

N_IN_FOLDER = 50
ROOT = {
    "zarr_format": 3,
    "node_type": "group",
    "attributes": {
        "pyramidion": {"kind": "waveform", "layout": 1},
        "horiz_interval": 2e-9,
        "vertical_unit": "V",
    },
}
RAW = {
    "zarr_format": 3,
    "node_type": "array",
    "shape": [2, 1, 1, 1_000_000],
    "data_type": "int16",
    "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [1, 1, 1, 65536]}},
    "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
    "fill_value": 0,
    "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
    "attributes": {},
}


def main() -> None:
    arguments = parse_arguments()
    with scratch() as name:
        make_stores(Path(name), arguments.stores)
        rounds = [one_round(Path(name), arguments.stores) for _ in range(arguments.rounds + 1)][1:]
    medians = {key: statistics.median(one[key] for one in rounds) for key in rounds[0]}
    if arguments.json:
        print(json.dumps({"stores": arguments.stores, "medians": medians}))
        return
    print(f"{arguments.stores} stores, medians of {arguments.rounds} rounds")
    for key, value in medians.items():
        print(f"{key:36}{value:10.3f}")
    print(f"complete list / bound {medians['complete list, s'] / medians['bound, s']:.1f}")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--stores", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def make_stores(root: Path, n_stores: int) -> None:
    """Make stores that are metadata only, fifty in a folder."""
    for number in range(n_stores):
        store = root / f"day-{number // N_IN_FOLDER:03}" / f"run-{number:05}.zarr"
        (store / "raw").mkdir(parents=True)
        (store / "zarr.json").write_text(json.dumps(ROOT))
        (store / "raw" / "zarr.json").write_text(json.dumps(RAW))
    (root / "small.txt").write_text("small")


def one_round(root: Path, n_stores: int) -> dict[str, float]:
    bound = timed(lambda: read_all(root))
    with served(root) as (url, _):
        page = timed(lambda: get(f"{url}/"))
    with served(root) as (url, _):
        get(f"{url}/small.txt")
        with Asking(f"{url}/small.txt") as asking:
            complete = timed(lambda: fill(url, n_stores))
        time.sleep(1)  # the last of the search: sizes of the files
        with Asking(f"{url}/small.txt") as idle:
            time.sleep(1)
        again = timed(lambda: get(f"{url}/api/datasets"))
        first = timed(lambda: get(f"{url}/"))
    return {
        "bound, s": bound,
        "first page, s": page,
        "complete list, s": complete,
        "known list in one answer, s": again,
        "page of known datasets, s": first,
        "small file when idle, median, ms": 1e3 * statistics.median(idle.waited),
        "small file when idle, p95, ms": 1e3 * statistics.quantiles(idle.waited, n=20)[-1],
        "small file meanwhile, median, ms": 1e3 * statistics.median(asking.waited),
        "small file meanwhile, p95, ms": 1e3 * statistics.quantiles(asking.waited, n=20)[-1],
    }


def read_all(root: Path) -> int:
    """List every folder and read every metadata file; the least that has to be done."""
    n_bytes = 0
    queue = [str(root)]
    for folder in queue:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    queue.append(entry.path)
                elif entry.name == "zarr.json":
                    with open(entry.path, "rb", buffering=0) as file:  # noqa: PTH123
                        n_bytes += len(file.read())
    return n_bytes


def fill(url: str, n_stores: int) -> None:
    """Ask as the page does until every dataset is there."""
    cursor, known = "", set()
    deadline = time.monotonic() + 120
    while len(known) < n_stores and time.monotonic() < deadline:
        answer = json.loads(get(f"{url}/api/datasets?after={cursor}"))
        cursor = answer["cursor"]
        known |= {entry["name"] for entry in answer["datasets"]}
        if not answer["more"]:
            time.sleep(0.02)
    if len(known) != n_stores:
        raise SystemExit(f"{len(known)} of {n_stores} datasets were found")


class Asking:
    """Asks for one address again and again, and notes how long each answer took."""

    def __init__(self, url: str) -> None:
        self._url, self._stop = url, threading.Event()
        self.waited: list[float] = []
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self) -> Asking:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _ask(self) -> None:
        while not self._stop.is_set() or len(self.waited) < 20:
            self.waited.append(timed(lambda: get(self._url)))
            time.sleep(0.01)


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=60) as answer:
        body: bytes = answer.read()
    return body


if __name__ == "__main__":
    main()
