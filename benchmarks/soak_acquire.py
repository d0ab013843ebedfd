"""A long recording at the highest rate that holds: is memory flat, is anything lost, is every frame right?

    python benchmarks/soak_acquire.py [--minutes 10] [--camera sim:...] [--look]

Records the simulated camera with the whole program, samples the memory of all its processes, then
reads every frame's number back from the pixels. The default content compresses well, so that ten
minutes fit on a disk; PYRAMIDION_BENCH names the disk.
"""

import argparse
import json
import os
import statistics
import subprocess
import threading
import time
from pathlib import Path

import numpy as np

from harness import PYTHON, machine, scratch
from processes import descendants

CAMERA = "sim:width=4096,height=2304,rate={rate},content=counter"


def memory_mb(pid):
    """Return memory of a process and its descendants: their own, and the ring once."""
    own, shared = 0.0, 0.0
    for each in descendants(pid):
        try:
            lines = Path(f"/proc/{each}/status").read_text().splitlines()
        except OSError:
            continue
        told = dict(line.split(":", 1) for line in lines if ":" in line)
        own += int(told.get("RssAnon", "0 kB").split()[0]) / 1024
        shared = max(shared, int(told.get("RssShmem", "0 kB").split()[0]) / 1024)
    return own + shared


def watch(process, samples):
    while process.poll() is None:
        samples.append((time.monotonic(), memory_mb(process.pid)))
        time.sleep(1)


def wrong_frames(store):
    """Read the number in the pixels of every frame; return how many differ from ``frame_number``."""
    import zarr

    group = zarr.open_group(store, mode="r")
    numbers = group["frame_number"][:]
    pixels = group["0"]
    wrong = 0
    step = 16
    for start in range(0, pixels.shape[0], step):
        corner = np.ascontiguousarray(pixels[start : start + step, :, :4])
        told = corner.reshape(len(corner), -1, 4).view("<u8")[:, :, 0]
        wrong += int((told != numbers[start : start + step, None]).any(axis=1).sum())
    return len(numbers), wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--rate", default="60")
    parser.add_argument("--camera", default=CAMERA)
    parser.add_argument("--port", default="0")
    asked = parser.parse_args()
    with scratch() as folder:
        store = Path(folder) / "soak.zarr"
        command = [PYTHON, "-m", "pyramidion", "acquire", asked.camera.format(rate=asked.rate)]
        command += ["-o", str(store), "--duration", str(asked.minutes * 60), "--json"]
        command += ["--port", asked.port]
        samples = []
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        watcher = threading.Thread(target=watch, args=(process, samples))
        watcher.start()
        out, _ = process.communicate()
        watcher.join()
        report = json.loads(out)
        n_frames, wrong = wrong_frames(store)
    began = samples[0][0]
    early = [mb for at, mb in samples if 10 <= at - began <= 40]
    late = [mb for at, mb in samples[-30:]]
    print(f"{machine()}, {os.environ.get('PYRAMIDION_BENCH', 'the temporary folder')}")
    for name in ("frames_camera", "frames_stored", "frames_lost", "lost_by_reason", "fps",
                 "throughput_mb_s", "compression_ratio", "time_s"):  # fmt: skip
        print(f"  {name}: {report[name]}")
    print(f"  memory: {statistics.median(early):.0f} MB after 10 to 40 s, "
          f"{statistics.median(late):.0f} MB in the last 30 s, most {max(m for _, m in samples):.0f} MB")  # fmt: skip
    print(f"  frames read back: {n_frames}, wrong: {wrong}; exit status {process.returncode}")


if __name__ == "__main__":
    main()
