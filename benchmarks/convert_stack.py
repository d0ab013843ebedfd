"""A PNG stack (1024 x 1024 x 256, uint16) to compressed ARCO and to OME-Zarr; copies and exports.

    python benchmarks/convert_stack.py [--slices 256] [--rounds 3] [--only arco|ome|copy|export] [--arco 4mb]
        [--peers PYTHON]

Beside ours: OpenVisus' two commands (convert-image-stack, compress-dataset), its copy-dataset, and
ngff-zarr (its fastest method here, bin shrink; from the same pictures, and from a TIFF). ``--peers``
names a Python that has OpenVisusNoGui, imageio and ngff-zarr; by default this one. The bound is
decoding every PNG and encoding every byte once, on all cores.
"""

import argparse
import multiprocessing
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import imagecodecs
import numpy as np
import tifffile
from isal import isal_zlib

from harness import PYTHON, fresh, in_turn, machine, median, ratio, scratch, table

Y = X = 1024


def make_slices(folder, n_slices):
    """Rings and waves with noise inside a circular mask, zero outside, as a microscope makes them."""
    rng = np.random.default_rng(1)
    y, x = np.ogrid[-1 : 1 : Y * 1j, -1 : 1 : X * 1j]
    radius = np.hypot(y, x)
    folder.mkdir()
    planes = []
    for z in range(n_slices):
        plane = 900 * np.sin(18 * radius + z / 20) + 500 * np.cos(9 * x + z / 31) + 3000
        plane = np.where(radius < 0.95, plane + rng.normal(0, 60, (Y, X)), 0).astype(np.uint16)
        (folder / f"s{z}.png").write_bytes(imagecodecs.png_encode(plane, level=6))
        planes.append(plane)
    tifffile.imwrite(folder.parent / "v.ome.tif", np.stack(planes), photometric="minisblack", metadata={"axes": "ZYX"})  # fmt: skip


def bound(folder, n_slices):
    """Seconds to decode every picture and to deflate its bytes once, in parallel."""

    def work(z):
        data = (folder / f"s{z}.png").read_bytes()
        isal_zlib.compress(imagecodecs.png_decode(data).reshape(-1).view(np.uint8).data, 1)

    began = time.perf_counter()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(work, range(n_slices)))
    return time.perf_counter() - began


def told(title, runs, n_bytes, peer, wanted):
    print(f"\n{title}")
    table(runs, n_bytes)
    print(f"  {ratio(runs, peer, 'ours'):.2f} times faster than {peer} (asked: {wanted})")
    print(f"  peak memory of ours: {median(runs['ours'], 'peak_mb'):.0f} MB")


def shell(*commands):
    return ["sh", "-c", " && ".join(commands)]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slices", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="")
    parser.add_argument("--arco", default="4mb")
    parser.add_argument("--peers", default=PYTHON)
    asked = parser.parse_args()
    with scratch() as name:
        folder = Path(name)
        stack = folder / "stack"
        # In a process of its own: what it holds would count as the peak of those started from here.
        maker = multiprocessing.get_context("spawn").Process(target=make_slices, args=(stack, asked.slices))  # fmt: skip
        maker.start()
        maker.join()
        n_bytes = asked.slices * Y * X * 2
        print(machine(), f"{asked.slices} slices, {n_bytes / 1e6:.0f} MB")
        best = min(bound(stack, asked.slices) for _ in range(3))
        print(f"bound (decode and deflate once, all cores): {best:.2f} s")
        wanted = lambda part: asked.only in ("", part)  # noqa: E731
        ours = f"{PYTHON} -m pyramidion"
        theirs = f"{asked.peers} -m OpenVisus"
        pattern = f"'{stack}/*.png'"
        if wanted("arco"):
            arco(folder, ours, theirs, pattern, asked, n_bytes, best)
        if wanted("ome"):
            ome(folder, ours, pattern, asked, n_bytes)
        if wanted("copy"):
            copy(folder, ours, theirs, pattern, asked, n_bytes)
        if wanted("export"):
            export(folder, ours, theirs, pattern, asked, n_bytes)


def arco(folder, ours, theirs, pattern, asked, n_bytes, best):
    def clean(name):
        fresh(folder / name)

    runs = in_turn(
        {
            "ours": shell(
                f"{ours} convert {pattern} {folder}/ours/v.idx --arco {asked.arco} --parents"
            ),
            "OpenVisus": shell(
                f"{theirs} convert-image-stack --arco {asked.arco} {pattern} {folder}/OpenVisus/v.idx >/dev/null 2>&1",
                f"{theirs} compress-dataset --compression zip {folder}/OpenVisus/v.idx >/dev/null 2>&1",
            ),
        },
        asked.rounds,
        clean,
    )
    told(f"PNG stack to compressed ARCO ({asked.arco} blocks)", runs, n_bytes, "OpenVisus", "4")
    print(f"  {best / median(runs['ours'], 'wall'):.0%} of the bound")
    for name in ("ours", "OpenVisus"):
        size = sum(p.stat().st_size for p in (folder / name).rglob("*.bin"))
        print(f"  {name}: {size / 1e6:.0f} MB on disk")


def ome(folder, ours, pattern, asked, n_bytes):
    how = "--method itkwasm_bin_shrink --ome-zarr-version 0.5 -q >/dev/null 2>&1"
    ngff = f"{Path(asked.peers).parent}/ngff-zarr"
    slices = " ".join(f"{folder}/stack/s{z}.png" for z in range(asked.slices))
    stores = {
        "ours": "ours.ome.zarr",
        "ngff-zarr": "ngff.ome.zarr",
        "ours, TIFF": "tiff.ome.zarr",
        "ngff-zarr, TIFF": "ngff-tiff.ome.zarr",
    }
    runs = in_turn(
        {
            "ours": shell(f"{ours} convert {pattern} {folder}/ours.ome.zarr"),
            "ngff-zarr": shell(f"{ngff} -i {slices} -o {folder}/ngff.ome.zarr {how}"),
            "ours, TIFF": shell(f"{ours} convert {folder}/v.ome.tif {folder}/tiff.ome.zarr"),
            "ngff-zarr, TIFF": shell(
                f"{ngff} -i {folder}/v.ome.tif -o {folder}/ngff-tiff.ome.zarr {how}"
            ),
        },
        asked.rounds,
        lambda name: fresh(folder / stores[name]),
    )
    told("PNG stack to OME-Zarr with all levels", runs, n_bytes, "ngff-zarr", "3")
    print(f"  from one TIFF: {ratio(runs, 'ngff-zarr, TIFF', 'ours, TIFF'):.2f} times")


def copy(folder, ours, theirs, pattern, asked, n_bytes):
    source = folder / "source" / "v.idx"
    in_turn({"": shell(f"{ours} convert {pattern} {source} --arco 4mb --parents --overwrite")}, 0)
    runs = in_turn(
        {
            "ours": shell(f"{ours} convert {source} {folder}/ours2/v.idx --arco 1mb --parents"),
            "OpenVisus": shell(
                f"{theirs} copy-dataset --arco 1mb {source} {folder}/OpenVisus2/v.idx >/dev/null 2>&1",
                f"{theirs} compress-dataset --compression zip {folder}/OpenVisus2/v.idx >/dev/null 2>&1",
            ),
            "ours, raw": shell(
                f"{ours} convert {source} {folder}/raw2/v.idx --arco 1mb --parents --compression raw"
            ),
            "OpenVisus, raw": shell(
                f"{theirs} copy-dataset --arco 1mb {source} {folder}/rawOV/v.idx >/dev/null 2>&1"
            ),
        },
        asked.rounds,
        lambda name: fresh(
            folder
            / {"ours": "ours2", "OpenVisus": "OpenVisus2", "ours, raw": "raw2"}.get(name, "rawOV")
        ),
    )
    fresh(folder / "rawOV" / "v.idx.done")
    told("Re-blocking 4 MB zip blocks to 1 MB zip blocks", runs, n_bytes, "OpenVisus", "2")
    print(f"  left raw: {ratio(runs, 'OpenVisus, raw', 'ours, raw'):.2f} times")


def export(folder, ours, theirs, pattern, asked, n_bytes):
    source = folder / "source" / "v.idx"
    in_turn({"": shell(f"{ours} convert {pattern} {source} --arco 4mb --parents --overwrite")}, 0)
    box = f"0 {X - 1} 0 {Y - 1}"
    runs = in_turn(
        {
            "ours, all slices": shell(f"{ours} convert {source} {folder}/out/%04d.tif --parents"),
            "ours, full read": shell(f"{ours} convert {source} {folder}/full.npy"),
            "ours": shell(
                f"{ours} convert import {source} --box '{box} 100 100' export {folder}/a.png"
            ),
            "OpenVisus": shell(
                f"{theirs} convert import {source} --box '{box} 100 100' export {folder}/b.png >/dev/null 2>&1"
            ),
        },
        asked.rounds,
        lambda _: (fresh(folder / "out"), fresh(folder / "full.npy"), fresh(folder / "a.png")),
    )
    told("One slice by command", runs, n_bytes, "OpenVisus", "-")
    print(
        f"  all slices in {ratio(runs, 'ours, all slices', 'ours, full read'):.2f} full reads (asked: 2)"
    )


if __name__ == "__main__":
    main()
