"""What the tests of the recording's writer do again and again."""

import contextlib
import time

import numpy as np
import zarr

from pyramidion.core import FrameSpec, Stamps
from pyramidion.formats import RecordingOptions, open_frame_writer

PUBLISH_S = 0.11


def stamps(first, n):
    """Stamps of `n` frames, from number `first` on."""
    number = np.arange(first, first + n)
    return Stamps(number, number * 0.01, 1.7e9 + number * 0.01)


def spec_of(frames, **fields):
    return FrameSpec(*frames.shape[1:], frames.dtype, **fields)


def begin(path, frames, **options):
    fields = {k: options.pop(k) for k in ("camera", "rate_hz", "pixel_um", "origin") if k in options}  # fmt: skip
    return open_frame_writer(path, spec_of(frames, **fields), RecordingOptions(**options))


def put(writer, frames, first, last, offset=0):
    """Write frames as if they had come just now."""
    writer.write(first, frames[first:last], stamps(first - offset, last - first))


def publish(writer):
    """Publish, however short ago that was done."""
    time.sleep(PUBLISH_S)
    for _ in range(100):
        n = writer.publish()
        if n == writer.publish():
            return n
        time.sleep(0.01)
    return n


def read(path, key="0"):
    """Read an array with zarr-python; again where a shard was just being replaced."""
    for _ in range(50):
        with contextlib.suppress(RuntimeError, ValueError):
            return zarr.open(path, mode="r")[key][:]
        time.sleep(0.02)
    return zarr.open(path, mode="r")[key][:]


def some_frames(rng, n, shape, dtype):
    """Frames over a good part of the range of a type; no two are equal."""
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        return (rng.standard_normal((n, *shape)) * 1000).astype(dtype)
    limits = np.iinfo(dtype)
    return rng.integers(limits.min, limits.max, (n, *shape), dtype, endpoint=True)


def box_means(frames, size):
    """Mean of size x size raw pixels, rounded half to even; what is left at the far edges."""
    n, h, w = frames.shape
    out = np.empty((n, -(-h // size), -(-w // size)), frames.dtype)
    for y, x in np.ndindex(out.shape[1:]):
        box = frames[:, y * size : (y + 1) * size, x * size : (x + 1) * size].reshape(n, -1)
        means = box.astype(np.float64).mean(axis=1)
        out[:, y, x] = np.rint(means) if frames.dtype.kind in "iu" else means
    return out
