"""Cutting an image into the regions that are read, or written, together."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

from pyramidion.core import Box

TASK_BYTES = 2**26
_BLOCK_BYTES = 2**20
_CUT_FIRST = (0, 2, 3, 4, 1)


def slab_shape(
    shape: Sequence[int], unit: Sequence[int], itemsize: int, limit: int
) -> tuple[int, ...]:
    """Return the shape of a slab: whole pictures as long as they fit.

    Parameters
    ----------
    shape : sequence of int
        (t, c, z, y, x).
    unit : sequence of int
        What must not be cut, per axis: the shape of a chunk.
    itemsize : int
        Bytes of an element.
    limit : int
        Most bytes of a slab, unless one unit is larger.

    Notes
    -----
    Axes are cut in the order t, z, y, x, c, to a power of two of units, so that slabs agree with
    the blocks in which most sources are stored. Channels stay together: sources often decode them
    together.

    Examples
    --------
    >>> slab_shape((3, 1, 100, 512, 512), (1, 1, 1, 1, 1), 2, 2**25)
    (1, 1, 64, 512, 512)
    """
    counts = [-(-n // u) for n, u in zip(shape, unit, strict=True)]

    def slab() -> tuple[int, ...]:
        return tuple(min(n, c * u) for n, c, u in zip(shape, counts, unit, strict=True))

    for axis in _CUT_FIRST:
        while counts[axis] > 1 and math.prod(slab()) * itemsize > limit:
            counts[axis] = 1 << (counts[axis] - 1).bit_length() - 1
    return slab()


def boxes_in(box: Box, step: Sequence[int]) -> Iterator[Box]:
    """Yield the pieces of a region in C order; those at its end may be smaller."""
    ranges = [range(a, b, n) for a, b, n in zip(box.start, box.stop, step, strict=True)]
    for start in itertools.product(*ranges):
        stop = (min(a + n, b) for a, n, b in zip(start, step, box.stop, strict=True))
        yield Box(start, tuple(stop))


def run_shape(shape: Sequence[int], itemsize: int) -> tuple[int, ...]:
    """Return the shape of a run of neighbouring elements that is worth a read of its own."""
    run = [1] * len(shape)
    for axis in range(len(shape) - 1, -1, -1):
        run[axis] = max(1, min(shape[axis], _BLOCK_BYTES // (math.prod(run) * itemsize)))
        if run[axis] < shape[axis]:
            break
    return tuple(run)
