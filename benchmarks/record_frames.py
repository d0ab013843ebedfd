"""Camera frames into a sharded store: this program, acquire-zarr, and a plain file.

    python benchmarks/record_frames.py [--size 2304x4096] [--frames 64] [--rounds 3] [--only raw]

Frames lie in memory and are handed over as fast as they are taken; the time runs from the first to
the end of closing. Every run is a process of its own; the writers take turns. PYRAMIDION_BENCH
names the disk (/dev/shm is one of memory). acquire-zarr gets the chunks that were measured to be
its fastest.
"""

import argparse
import json
import os
import queue
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np

from harness import PYTHON, fresh, machine, scratch

CASES = {
    "raw": (
        "plain file",
        "plain file, synced",
        "acquire-zarr raw",
        "acquire-zarr raw, whole frames",
        "ours raw",
    ),
    "lz4": ("acquire-zarr lz4", "ours lz4"),
    "mean": ("acquire-zarr raw mean", "acquire-zarr lz4 mean", "ours raw mean", "ours lz4 mean"),
}
PEERS = {
    "ours raw": (
        "acquire-zarr raw", "acquire-zarr raw, whole frames", "plain file", "plain file, synced",
    ),
    "ours lz4": ("acquire-zarr lz4",),
    "ours raw mean": ("acquire-zarr raw mean",),
    "ours lz4 mean": ("acquire-zarr lz4 mean",),
}  # fmt: skip


def camera_like(height, width, n_different=16):
    """Return different frames as a 12-bit camera gives them: offset, background, spots, noise."""
    rng = np.random.default_rng(7)
    y, x = np.mgrid[0:height, 0:width]
    background = 120 * np.exp(-(((y / height - 0.5) ** 2 + (x / width - 0.5) ** 2) * 4))
    noise = rng.poisson(background + 20).astype(np.int32)
    frames = []
    for n in range(n_different):
        frame = 100 + np.roll(noise, (37 * n, 91 * n), (0, 1))
        for cy, cx in rng.integers(0, (max(height - 8, 1), max(width - 8, 1)), (300, 2)):
            frame[cy : cy + 8, cx : cx + 8] += 900
        frames.append(np.minimum(frame, 4095).astype("<u2"))
    return np.stack(frames)


def plain_file(out, frames, n_frames, *, synced):
    with Path(out).open("wb", buffering=0) as file:
        for n in range(n_frames):
            file.write(frames[n % len(frames)])
        if synced:
            os.fsync(file.fileno())


def acquire_zarr(out, frames, n_frames, name):
    import acquire_zarr as aqz

    height, width = frames.shape[1:]
    whole = "whole" in name or height * width <= 2**18
    tile = (height, width) if whole else (576, 1024)
    per_shard = 16 if not whole else max(16, min(256, 2**26 // (height * width)))
    space, moment = aqz.DimensionType.SPACE, aqz.DimensionType.TIME
    array = aqz.ArraySettings(
        output_key="frames",
        dimensions=[
            aqz.Dimension(name="t", kind=moment, array_size_px=0, chunk_size_px=1,
                          shard_size_chunks=per_shard),
            aqz.Dimension(name="y", kind=space, array_size_px=height, chunk_size_px=tile[0],
                          shard_size_chunks=-(-height // tile[0])),
            aqz.Dimension(name="x", kind=space, array_size_px=width, chunk_size_px=tile[1],
                          shard_size_chunks=-(-width // tile[1])),
        ],
        data_type=aqz.DataType.UINT16,
    )  # fmt: skip
    if "lz4" in name:
        array.compression = aqz.CompressionSettings(
            compressor=aqz.Compressor.BLOSC1,
            codec=aqz.CompressionCodec.BLOSC_LZ4,
            level=1,
            shuffle=2,
        )
    if "mean" in name:
        array.downsampling_method = aqz.DownsamplingMethod.MEAN
    settings = aqz.StreamSettings(store_path=str(out), overwrite=True)
    settings.arrays = [array]
    stream = aqz.ZarrStream(settings)
    began = time.perf_counter()
    for n in range(n_frames):
        stream.append(frames[n % len(frames)], "frames")
    stream.close()
    return time.perf_counter() - began


def ours(out, frames, n_frames, name):
    from pyramidion.core import FrameSpec, Stamps
    from pyramidion.formats import RecordingOptions, open_frame_writer

    height, width = frames.shape[1:]
    options = RecordingOptions(
        compression="lz4:1" if "lz4" in name else "none", levels="mean" if "mean" in name else ""
    )
    spec = FrameSpec(height, width, frames.dtype)
    writer = open_frame_writer(Path(out), spec, options)
    batch = max(1, 4 * 2**20 // frames[0].nbytes)
    todo = queue.SimpleQueue()

    def work():
        while (t := todo.get()) is not None:
            k = min(batch, n_frames - t)
            run = frames[t % len(frames) : t % len(frames) + k]
            numbers = np.arange(t, t + len(run))
            writer.write(t, run, Stamps(numbers, numbers / 100, numbers / 100))

    over = threading.Event()

    def publish():
        while not over.wait(0.1):
            writer.publish()

    began = time.perf_counter()
    t = 0
    while t < n_frames:
        todo.put(t)
        t += min(batch, len(frames) - t % len(frames), n_frames - t)
    threads = [threading.Thread(target=work) for _ in range(2)]
    for _ in threads:
        todo.put(None)
    keeper = threading.Thread(target=publish)
    for thread in (*threads, keeper):
        thread.start()
    for thread in threads:
        thread.join()
    over.set()
    keeper.join()
    writer.publish()
    writer.finish({})
    return time.perf_counter() - began


def one(name, out, height, width, n_frames):
    """Run one writer in this process and print its seconds."""
    frames = camera_like(height, width, 16 if height * width > 2**20 else 64)
    if name.startswith("plain file"):
        began = time.perf_counter()
        plain_file(out, frames, n_frames, synced="synced" in name)
        took = time.perf_counter() - began
    else:
        run = acquire_zarr if name.startswith("acquire") else ours
        took = run(out, frames, n_frames, name)
    print(json.dumps({"seconds": took}))


def size_of(path):
    files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    return sum(p.stat().st_size for p in files)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", default="2304x4096")
    parser.add_argument("--frames", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=[*CASES, "all"], default="all")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--out", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    height, width = map(int, asked.size.split("x"))
    if asked.one:
        one(asked.one, asked.out, height, width, asked.frames)
        return
    names = [n for case, each in CASES.items() if asked.only in (case, "all") for n in each]
    seconds = {name: [] for name in names}
    sizes = {}
    with scratch() as folder:
        out = Path(folder) / "out.zarr"
        for n in range(asked.rounds + 1):
            for name in names:
                fresh(out)
                os.sync()
                command = [PYTHON, sys.argv[0], "--one", name, "--out", out, "--size", asked.size]
                command += ["--frames", str(asked.frames)]
                told = subprocess.run(list(map(str, command)), check=True, stdout=subprocess.PIPE)
                if n:  # the first round is not counted
                    seconds[name].append(json.loads(told.stdout)["seconds"])
                sizes[name] = size_of(out)
    frame_bytes = height * width * 2
    n_bytes = frame_bytes * asked.frames
    place = os.environ.get("PYRAMIDION_BENCH", "the temporary folder")
    print(f"{machine()}; {asked.frames} frames of {asked.size} uint16 to {place}")
    print(f"{'':32}{'s':>8}{'min..max':>14}{'GB/s':>7}{'frames/s':>10}{'ratio':>7}")
    for name, found in seconds.items():
        middle = statistics.median(found)
        spread = f"{min(found):.2f}..{max(found):.2f}"
        rate = f"{n_bytes / middle / 1e9:7.2f}{asked.frames / middle:10.0f}"
        print(f"{name:32}{middle:8.2f}{spread:>14}{rate}{n_bytes / sizes[name]:7.2f}")
    for name, peers in PEERS.items():
        for peer in peers if name in seconds else ():
            pairs = zip(seconds[peer], seconds[name], strict=True)
            print(f"  {name}: {statistics.median(a / b for a, b in pairs):.2f} times {peer}")


if __name__ == "__main__":
    main()
