"""Running the driver under faults, and proving what it left with plain zarr-python."""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import zarr
from tests.fault.recording_driver import frames_of

ROOT = Path(__file__).parents[2]
SIDES = ("frame_number", "time_camera", "time_host")


class Told:
    """What a run told before it ended."""

    def __init__(self):
        self.lines, self.status = [], None

    def last(self, letter):
        """The last number told after a word; None where there is none."""
        numbers = [line.split()[1] for line in self.lines if line.startswith(f"{letter} ")]
        return int(numbers[-1]) if numbers else None

    @property
    def error(self):
        return next((line[2:] for line in self.lines if line.startswith("e ")), "")

    @property
    def is_done(self):
        return "done" in self.lines


class Driver:
    """The driver as a process that records in children of its own."""

    def __init__(self):
        self._read, write = os.pipe()
        command = [sys.executable, "-m", "tests.fault.recording_driver", "serve", "-", str(write)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, text=True, pass_fds=[write], cwd=ROOT
        )
        os.close(write)
        self._rest = b""

    def begin(self, path, job, stop=False):
        """Begin a run; returns the number of its process."""
        order = {"path": str(path), "job": job, "stop": stop}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        self.told = Told()
        while not (pid := self.told.last("pid")):
            self._read_some(60)
        return pid

    def so_far(self):
        """What the run has told until now."""
        while self._read_some(0):
            pass
        return self.told

    def end(self):
        """Wait until the run has ended."""
        while self.told.last("end") is None:
            self._read_some(20)
        self.told.status = self.told.last("end")
        return self.told

    def run(self, path, job, inject=(), log=None):
        """Run, with faults injected into its system calls by strace."""
        if not inject:
            self.begin(path, job)
            return self.end()
        number = self.begin(path, job, stop=True)
        _wait_for_status(number, "State:\tT")
        command = ["strace", "-f", "-q", "-o", str(log or os.devnull), "-p", str(number)]
        for rule in inject:
            command += ["-e", rule]
        tracer = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            _wait_for_status(number, f"TracerPid:\t{tracer.pid}")
            os.kill(number, signal.SIGCONT)
            return self.end()
        finally:
            with contextlib.suppress(subprocess.TimeoutExpired):
                tracer.wait(5)
            tracer.kill()
            tracer.wait()

    def close(self):
        self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._read)

    def _read_some(self, timeout):
        if not select.select([self._read], [], [], timeout)[0]:
            assert timeout == 0, "the driver says nothing any more"
            return False
        data = os.read(self._read, 2**16)
        assert data, "the driver has died"
        *lines, self._rest = (self._rest + data).split(b"\n")
        self.told.lines += [line.decode() for line in lines]
        return True


def wait_until_stopped(number):
    """Wait until SIGSTOP has stopped every thread of a process."""
    for thread in Path(f"/proc/{number}/task").iterdir():
        _wait_for_status(thread.name, "State:\tT")


def _wait_for_status(number, words):
    status = Path(f"/proc/{number}/status")
    for _ in range(10000):
        if words in status.read_text():
            return
        time.sleep(0.001)
    raise AssertionError(f"process {number} is never {words}")


def halved(frames):
    """Mean of 2 x 2 pixels, rounded half to even; sizes must be even."""
    n, height, width = frames.shape
    boxes = frames.reshape(n, height // 2, 2, width // 2, 2).astype(np.float64)
    return np.rint(boxes.mean(axis=(2, 4))).astype(frames.dtype)


def check_shown(path, least=0):
    """Whatever is in the shape is right, for plain zarr-python; returns how many frames."""
    group = zarr.open_group(str(path), mode="r")
    levels = [d["path"] for d in group.attrs["ome"]["multiscales"][0]["datasets"]]
    n = group[levels[0]].shape[0]
    assert n >= least, f"{n} frames are shown, {least} were published"
    numbers = group["frame_number"][:]
    for name in SIDES:
        assert group[name].shape[0] >= n, name
    numbers = numbers[:n]
    assert (np.diff(numbers) > 0).all(), numbers
    if not n:
        return 0
    frames = group[levels[0]][:n]
    expected = expected_frames(numbers, frames.shape[1:])
    assert (frames == expected).all(), wrong(frames, expected)
    for key in levels[1:]:
        assert group[key].shape[0] >= n, key
        expected = halved(expected)
        found = group[key][:n]
        assert (found == expected).all(), f"{key}: {wrong(found, expected)}"
    assert np.allclose(group["time_host"][:n], 1.7e9 + numbers / 100)
    return n


def expected_frames(numbers, shape):
    return np.concatenate([frames_of(int(number), 1, *shape) for number in numbers])


def wrong(found, expected):
    bad = np.flatnonzero((found != expected).any(axis=(1, 2)))
    zeros = (found[bad] == 0).mean(axis=(1, 2)).round(3).tolist()
    differ = (found[bad] != expected[bad]).mean(axis=(1, 2)).round(3).tolist()
    return f"frames {bad.tolist()} of {len(found)} differ in {differ} of their pixels, {zeros} are zeros"
