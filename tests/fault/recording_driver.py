"""A short recording, straight through the writer: what the fault tests kill.

Frames hold their own number in the first 8 bytes of every row, so that every frame and every torn
frame can be proved. What was published and what was acknowledged is told on a pipe, outside of the
file system under test, one line each: ``p 12``, ``a 8``, ``w 13`` (written), ``e reason``, ``done``.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

from pyramidion.core import FrameSpec, Lost, PyramidionError, Stamps
from pyramidion.formats import RecordingOptions, open_frame_writer
from pyramidion.formats._recording.repair import repair_recording

DEFAULTS = {
    "n_frames": 60, "height": 32, "width": 520, "batch": 3, "levels": "", "compression": "none",
    "chunk": [None, None, None], "shard": [4, None, None], "resume": False, "pause_s": 0.0,
    "sync_every": 4, "publish_every": 1, "lose_every": 0, "first_number": 0, "finish": True,
}  # fmt: skip


def frames_of(first, n_frames, height, width):
    """Frames number `first` and on, uint16: number in every row, then a pattern without zeros."""
    y, x = np.ogrid[:height, :width]
    frames = np.empty((n_frames, height, width), "<u2")
    for k in range(n_frames):
        frames[k] = (y * 7 + x * 3 + (first + k) * 11) % 1000 + 1
        frames[k, :, :4] = np.frombuffer(np.uint64(first + k).tobytes(), "<u2")
    return frames


def spec_of(job):
    return FrameSpec(job["height"], job["width"], np.dtype("<u2"), camera="driver", rate_hz=100.0)


def options_of(job):
    return RecordingOptions(
        chunk=tuple(job["chunk"]),
        shard=tuple(job["shard"]),
        compression=job["compression"],
        levels=job["levels"],
        resume=job["resume"],
    )


def record(path, job, tell):
    """Record; every ``lose_every``-th batch is preceded by a lost frame."""
    job = DEFAULTS | job
    try:
        writer = open_frame_writer(Path(path), spec_of(job), options_of(job))
    except PyramidionError as error:
        tell(f"e {error.line}")
        return 1
    tell(f"o {writer.first}")
    number, t = max(job["first_number"], 0), writer.first
    stop = t + job["n_frames"]
    try:
        for turn in range(10**9):
            if t >= stop:
                break
            if job["lose_every"] and turn % job["lose_every"] == job["lose_every"] - 1:
                writer.lose([Lost(number, 1, "ring")])
                number += 1
            n = min(job["batch"], stop - t)
            numbers = np.arange(number, number + n)
            frames = frames_of(number, n, job["height"], job["width"])
            writer.write(t, frames, Stamps(numbers, numbers / 100, 1.7e9 + numbers / 100))
            t, number = t + n, number + n
            tell(f"w {t}")
            if turn % job["publish_every"] == 0:
                tell(f"p {writer.publish()}")
            if turn % job["sync_every"] == 0:
                tell(f"a {writer.sync()}")
            time.sleep(job["pause_s"])
        if job["finish"]:
            writer.finish({"frames_camera": number, "frames_stored": t - writer.first})
        else:
            writer.abandon()
        tell("done")
        return 0
    except PyramidionError as error:
        tell(f"e {error.line}")
        writer.abandon()
        return 1


def mend(path, job, tell):
    """Repair."""
    del job
    try:
        done = repair_recording(Path(path))
    except PyramidionError as error:
        tell(f"e {error.line}")
        return 1
    tell(f"r {done.n_readable}")
    tell("done")
    return 0


def serve(tell):
    """Record once for each line of standard input, each time in a process of its own.

    A line is ``{"path", "job", "stop"}``; with ``stop`` the process waits for SIGCONT before it begins,
    so that it can be traced. Told are ``pid N`` and, when it has ended, ``end STATUS``.
    """
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            if order["stop"]:
                os.kill(os.getpid(), signal.SIGSTOP)
            do = mend if order["job"].get("repair") else record
            os._exit(do(order["path"], order["job"], tell))
        tell(f"pid {child}")
        _, status = os.waitpid(child, 0)
        tell(f"end {os.waitstatus_to_exitcode(status)}")


def main():
    handle = int(sys.argv[3])

    def tell(line):
        os.writev(handle, [f"{line}\n".encode()])  # not a call that the tests make fail

    if sys.argv[1] == "serve":
        serve(tell)
        return
    sys.exit(record(sys.argv[1], json.loads(sys.argv[2]), tell))


if __name__ == "__main__":
    main()
