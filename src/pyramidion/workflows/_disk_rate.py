"""How fast a disk takes bytes: tried before a recording that may be too much for it."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import numpy as np

from pyramidion.core import FrameSpec, format_bytes
from pyramidion.formats import RecordingPlan
from pyramidion.workflows._acquire_options import AcquireOptions
from pyramidion.workflows._capture_process import RingSize
from pyramidion.workflows._spool import place_on_disk

_LEAST_RATE = 100e6
"""Bytes a second that every disk takes; slower cameras are not worth a trial."""

_BLOCK_BYTES = 32 * 2**20
_TRIAL_S = 0.4
_MOST_BYTES = 2**30
_COMPRESSED_SHARE = 0.5
"""Of the bytes of a camera's frames, when they are compressed, at the best: less is promised."""


def warn_of_slow_disk(
    out: Path, spec: FrameSpec, plan: RecordingPlan, options: AcquireOptions
) -> str:
    """Return a warning if a camera is faster than a disk; empty if it is not, or not known.

    Parameters
    ----------
    out : Path
        The store; something is written beside it, and is gone again.
    spec : FrameSpec
        The camera's frames.
    plan : RecordingPlan
        What is stored of them.
    options : AcquireOptions
        Say how much can wait between camera and disk.
    """
    share = 1.0 if plan.levels[0].codec.name == "none" else _COMPRESSED_SHARE
    needed = plan.frame_bytes_on_disk * spec.rate_hz * share
    if needed < _LEAST_RATE:
        return ""
    taken = disk_rate(place_on_disk(out).absolute().parent)
    if not 0 < taken < needed:
        return ""
    waiting = RingSize.of(spec, options.ring_bytes).n_slots * spec.frame_bytes
    seconds = waiting / (needed - taken)
    compressed = "" if share == 1 else ", compressed to a half"
    return (
        f"the camera gives {format_bytes(needed)}/s{compressed}, the disk takes "
        f"{format_bytes(taken)}/s: frames drop after {seconds:.2g} s"
    )


def disk_rate(folder: Path) -> float:
    """Return how many bytes a second a disk takes, synced, in a trial of about half a second.

    Returns
    -------
    float
        0 if it cannot be tried.
    """
    block = np.random.default_rng(0).bytes(_BLOCK_BYTES)
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            began = time.monotonic()
            n_bytes = 0
            while n_bytes < _MOST_BYTES and time.monotonic() - began < _TRIAL_S:
                n_bytes += os.write(file.fileno(), block)
                os.fsync(file.fileno())
            return n_bytes / (time.monotonic() - began)
    except OSError:  # full or gone: told better by whoever needs it
        return 0.0
