"""A region of an array: half-open start and stop per axis."""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass


@dataclass(frozen=True)
class Box:
    """A half-open region.

    Parameters
    ----------
    start, stop : tuple of int
        First index, and one past the last, per axis.

    Examples
    --------
    >>> Box((0, 10), (2, 25)).shape
    (2, 15)
    """

    start: tuple[int, ...]
    stop: tuple[int, ...]

    @classmethod
    def whole(cls, shape: tuple[int, ...]) -> Box:
        """Return the box that covers an array of this shape."""
        return cls((0,) * len(shape), tuple(shape))

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of elements per axis."""
        return tuple(map(operator.sub, self.stop, self.start))

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def slices(self) -> tuple[slice, ...]:
        """The same region as slices, for indexing an array."""
        return tuple(map(slice, self.start, self.stop))

    def shifted(self, by: tuple[int, ...]) -> Box:
        """Return the box moved by `by` elements per axis."""
        return Box(
            tuple(map(operator.add, self.start, by)),
            tuple(map(operator.add, self.stop, by)),
        )

    def clipped(self, shape: tuple[int, ...]) -> Box:
        """Return the part of the box that lies inside an array of this shape."""
        return Box(tuple(map(min, self.start, shape)), tuple(map(min, self.stop, shape)))
