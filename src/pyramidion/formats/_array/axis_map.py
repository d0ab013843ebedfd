"""Where each axis of a stored array goes among those that every source has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pyramidion.core import Box


@dataclass(frozen=True)
class AxisMap:
    """Where each axis of an array goes.

    Parameters
    ----------
    order : tuple of int
        For each stored axis, slowest first, its position among those of the source.
    shape : tuple of int
        Of the source; axes that are not stored have one element.
    """

    order: tuple[int, ...]
    shape: tuple[int, ...]

    def to_stored(self, box: Box) -> Box:
        """Return a region of the source as a region of the stored array."""
        return Box(
            tuple(box.start[axis] for axis in self.order),
            tuple(box.stop[axis] for axis in self.order),
        )

    def from_stored(self, values: np.ndarray, box: Box) -> np.ndarray:
        """Return elements in the stored order as elements of the source's region `box`; a view."""
        ascending = sorted(range(len(self.order)), key=lambda axis: self.order[axis])
        return values.transpose(ascending).reshape(box.shape)

    def in_stored_order(self, values: np.ndarray) -> np.ndarray:
        """Return a region of the source as it is stored; the inverse of :meth:`from_stored`."""
        absent = tuple(axis for axis in range(len(self.shape)) if axis not in self.order)
        moved = values.transpose((*self.order, *absent))
        return moved.reshape(moved.shape[: len(self.order)])

    def spread(self, stored: Sequence[int]) -> tuple[int, ...]:
        """Return a shape in the stored axes as one in the axes of the source."""
        full = [1] * len(self.shape)
        for axis, n in zip(self.order, stored, strict=True):
            full[axis] = int(n)
        return tuple(full)


def map_named(shape: Sequence[int], names: Sequence[str], known: Sequence[str]) -> AxisMap:
    """Return the map for an array whose axes have these names.

    Parameters
    ----------
    shape : sequence of int
        As stored.
    names : sequence of str
        One of `known` per axis.
    known : sequence of str
        The axes of the source.

    Examples
    --------
    >>> map_named((5, 7), ("x", "y"), ("t", "c", "z", "y", "x")).shape
    (1, 1, 1, 7, 5)
    """
    order = tuple(known.index(name) for name in names)
    full = [1] * len(known)
    for axis, n in zip(order, shape, strict=True):
        full[axis] = int(n)
    return AxisMap(order, tuple(full))
