"""Putting a chunk where it belongs."""

from __future__ import annotations

import numpy as np

from pyramidion.core import Box


def paste(out: np.ndarray, box: Box, chunk: np.ndarray, chunk_box: Box) -> None:
    """Copy the part of a chunk that lies in a region.

    Parameters
    ----------
    out : ndarray, shape ``box.shape``
        The region; written to.
    box : Box
        Where `out` lies in the array.
    chunk : ndarray, shape ``chunk_box.shape``
        The decoded chunk.
    chunk_box : Box
        Where `chunk` lies in the array.
    """
    start = tuple(max(a, b) for a, b in zip(box.start, chunk_box.start, strict=True))
    stop = tuple(min(a, b) for a, b in zip(box.stop, chunk_box.stop, strict=True))
    inside = Box(start, stop)
    target = inside.shifted(tuple(-a for a in box.start)).slices
    source = inside.shifted(tuple(-a for a in chunk_box.start)).slices
    out[target] = chunk[source]
