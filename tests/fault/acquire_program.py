"""The whole program recording, as a process that can be stopped, killed and looked at."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import zarr

from pyramidion.core import LOST_REASONS
from pyramidion.instruments.sim import numbers_in
from pyramidion.storage import FrameRing


def command(*arguments):
    return [sys.executable, "-m", "pyramidion", "acquire", *map(str, arguments)]


def start(*arguments, **options):
    """Start a recording in a process group of its own."""
    return subprocess.Popen(
        command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True, **options,
    )  # fmt: skip


def report_of(process, timeout=60):
    """Wait for the end; return exit status, report, and the lines on stderr."""
    out, err = process.communicate(timeout=timeout)
    return process.returncode, json.loads(out) if out.strip() else None, err.splitlines()


def children_of(pid):
    """Return the processes that a process has started, by what they do (``camera``, ``live``)."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [int(child) for child in text_of(task).split()]
    return found


def text_of(path):
    """Return what stands in a file of a process or thread; empty when that ended meanwhile."""
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def resident_mb(pid):
    """Return the memory of a process in MB, the ring included; 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def wait_for(condition, timeout=60.0):
    until = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.01)


def stop_until_frames_are_lost(process):
    """Stop a recorder (SIGSTOP); return when its ring has been full for many frames, or it is ending."""
    os.kill(process.pid, signal.SIGSTOP)
    path = next(Path("/dev/shm").glob(f"pyramidion-{process.pid}-*"), None)
    if path is None:
        return
    # Not attached: that would tell the resource tracker of the tests to remove it.
    memory = SimpleNamespace(name=path.name, buf=np.memmap(path, mode="r"))
    ring = FrameRing(memory, owner=False)
    wait_for(lambda: ring.is_stopped or ring.pushed - ring.released == ring.n_slots)
    taken = ring.n_camera
    wait_for(lambda: ring.is_stopped or ring.n_camera > taken + ring.n_slots)


def frames_in(store):
    """Return how many frames plain zarr-python sees; 0 while there is no store."""
    try:
        return zarr.open_group(store, mode="r")["0"].shape[0]
    except (FileNotFoundError, KeyError):
        return 0


def check_frames(store):
    """Check that every frame is the one that its number says, in all rows; return the numbers."""
    group = zarr.open_group(store, mode="r")
    numbers = group["frame_number"][:]
    pixels = group["0"]
    n_frames, height, _ = pixels.shape
    assert len(numbers) >= n_frames
    step = max(1, 2**26 // (height * pixels.shape[2]))
    for t in range(0, n_frames, step):
        block = pixels[t : t + step]
        told = numbers_in(block.reshape(-1, block.shape[2])).reshape(-1, height)
        assert (told == numbers[t : t + len(block), None]).all(), f"a frame of {t}..."
    return numbers[:n_frames].tolist()


def lost_in(store):
    """Return the numbers of the lost frames that the store lists, by reason."""
    found = {}
    for first, count, code in zarr.open_group(store, mode="r")["lost"][:].tolist():
        found.setdefault(LOST_REASONS[code], []).extend(range(first, first + count))
    return found


def check_accounted(store, frames_camera):
    """Check that every frame of the camera is stored or listed as lost, once."""
    lost = [number for numbers in lost_in(store).values() for number in numbers]
    numbers = np.array(sorted([*check_frames(store), *lost]))
    assert np.array_equal(numbers, np.arange(frames_camera))


def stop_group(process):
    """End a process and all it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdout, process.stderr):
        stream.close()
