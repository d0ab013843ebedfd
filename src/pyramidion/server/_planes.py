"""Elements at regular distances, read from any image source.

Many sources decode far more than was asked for: a PNG slice is decoded as a whole for one of its
pixels. Such planes are kept, in full and in the coarser samplings that a viewer asks for next, so
that a plane is decoded once for all the chunks in it and not once for each.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from pyramidion.core import Box, ImageSource
from pyramidion.storage import ByteCache

PLANE_CACHE_BYTES = 256 * 2**20
MAX_ELEMENTS_DECODED = 2**28
"""Most elements of the source that are decoded for one answer."""
_PIECE = 2**22
_FACTORS = (2, 4, 8, 16, 32, 64, 128)
_Z, _Y, _X = 2, 3, 4


@dataclass(frozen=True)
class Lattice:
    """Elements of a level at regular distances.

    Parameters
    ----------
    first, count, step : tuple of int
        First element, number of elements and their distance along t, c, z, y, x.
    """

    first: tuple[int, ...]
    count: tuple[int, ...]
    step: tuple[int, ...] = (1, 1, 1, 1, 1)

    @property
    def extent(self) -> tuple[int, ...]:
        """Elements from the first to the last, both included."""
        return tuple((n - 1) * s + 1 for n, s in zip(self.count, self.step, strict=True))

    @property
    def box(self) -> Box:
        """The smallest box with all of them."""
        stop = tuple(a + n for a, n in zip(self.first, self.extent, strict=True))
        return Box(self.first, stop)


class Sampler:
    """Reads lattices from a source, through a cache of planes where that pays.

    Parameters
    ----------
    source : ImageSource
        What is read.
    """

    def __init__(self, source: ImageSource) -> None:
        self._source = source
        self._block = tuple(source.block)
        shape = source.spec.shape
        plane = math.prod(self._plane_shape(shape)) * source.spec.dtype.itemsize
        # One plane must fit, or every chunk of a huge picture would decode it anew.
        self._planes: ByteCache[np.ndarray] = ByteCache(
            max(PLANE_CACHE_BYTES, plane * 3 // 2), lambda array: array.nbytes
        )
        self._whole_planes = self._block[_Z] == 1 and all(
            self._block[axis] >= shape[axis] for axis in (_Y, _X)
        )

    @property
    def decodes_whole_planes(self) -> bool:
        """Whether the cheapest read of the source is one whole plane."""
        return self._whole_planes

    def cost(self, lattice: Lattice, level: int = 0) -> int:
        """Return the elements that are decoded for a lattice, at most.

        Notes
        -----
        Planes and rows between those wanted are passed over where the source allows.
        """
        if self._is_cached(level):
            t, c, z = (lattice.count[axis] for axis in (0, 1, _Z))
            n_channels = self._plane_shape(self._source.spec.shape)[1]
            plane = math.prod(self._source.spec.shape[_Y:]) * n_channels
            return t * -(-c // n_channels) * z * plane
        return sum(box.size for box in self._pieces(lattice))

    def read(self, lattice: Lattice, level: int = 0) -> np.ndarray:
        """Read a lattice.

        Returns
        -------
        ndarray, shape ``lattice.count``
        """
        if self._is_cached(level):
            return self._read_planes(lattice)
        if lattice.count == lattice.extent:
            return self._source.read(lattice.box, level)
        out = np.empty(lattice.count, self._source.spec.dtype)
        for piece in self._pieces(lattice):
            at = [
                (a - first) // s
                for a, first, s in zip(piece.start, lattice.first, lattice.step, strict=True)
            ]
            read = self._source.read(piece, level)[
                tuple(slice(None, None, s) for s in lattice.step)
            ]
            out[tuple(slice(a, a + n) for a, n in zip(at, read.shape, strict=True))] = read
        return out

    def _is_cached(self, level: int) -> bool:
        return self._whole_planes and level == 0

    def _plane_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        return (1, shape[1] if self._block[1] > 1 else 1, 1, *shape[_Y:])

    def _pieces(self, lattice: Lattice) -> Iterator[Box]:
        """Cut a lattice into boxes that begin on it, leaving out planes and rows in between."""
        t, c, _, _, x = (
            [(first, first + n)] for first, n in zip(lattice.first, lattice.extent, strict=True)
        )
        per_row = math.prod(lattice.extent[axis] for axis in (0, 1, _X))
        z = _runs(lattice, _Z, self._block[_Z], _PIECE // (per_row * lattice.extent[_Y]))
        y = _runs(lattice, _Y, self._block[_Y], _PIECE // per_row)
        for spans in itertools.product(t, c, z, y, x):
            yield Box(tuple(a for a, _ in spans), tuple(b for _, b in spans))

    def _read_planes(self, lattice: Lattice) -> np.ndarray:
        out = np.empty(lattice.count, self._source.spec.dtype)
        (t0, c0, z0, y0, x0), step = lattice.first, lattice.step
        _, _, _, ny, nx = lattice.count
        for i, j, k in np.ndindex(lattice.count[:3]):
            t, c, z = t0 + i * step[0], c0 + j * step[1], z0 + k * step[2]
            factor = _common_power(y0, x0, step[_Y], step[_X])
            plane = self._plane(t, c, z, factor)
            y, x, sy, sx = (n // factor for n in (y0, x0, step[_Y], step[_X]))
            out[i, j, k] = plane[y : y + (ny - 1) * sy + 1 : sy, x : x + (nx - 1) * sx + 1 : sx]
        return out

    def _plane(self, t: int, c: int, z: int, factor: int) -> np.ndarray:
        """Return every `factor`-th row and column of a plane."""
        n_channels = self._plane_shape(self._source.spec.shape)[1]
        base = c - c % n_channels
        key = (t, base, z)
        if factor > 1:
            small: np.ndarray = self._planes.get(
                (*key, factor),
                lambda: np.ascontiguousarray(self._decoded(*key)[:, ::factor, ::factor]),
            )
        else:
            small = self._decoded(*key)
        plane: np.ndarray = small[c - base]
        return plane

    def _decoded(self, t: int, c: int, z: int) -> np.ndarray:
        def decode() -> np.ndarray:
            shape = self._plane_shape(self._source.spec.shape)
            start = (t, c, z, 0, 0)
            stop = tuple(a + n for a, n in zip(start, shape, strict=True))
            whole = self._source.read(Box(start, stop))[0, :, 0]
            for factor in _FACTORS:  # what the coarser levels of a viewer are made of
                small = np.ascontiguousarray(whole[:, ::factor, ::factor])
                self._planes.put((t, c, z, factor), small)
            return whole

        return self._planes.get((t, c, z), decode)


def _common_power(*values: int) -> int:
    """Return the largest factor of the kept samplings that divides all of the values."""
    dividing = (f for f in reversed(_FACTORS) if all(value % f == 0 for value in values))
    return next(dividing, 1)


def _runs(lattice: Lattice, axis: int, block: int, longest: int) -> list[tuple[int, int]]:
    """Return the spans to be read along an axis; each begins with an element of the lattice."""
    first, n, step = lattice.first[axis], lattice.count[axis], lattice.step[axis]
    if step > block:
        return [(first + i * step, first + i * step + 1) for i in range(n)]
    together = max(1, longest // step, block // step)
    return [
        (first + i * step, first + (min(i + together, n) - 1) * step + 1)
        for i in range(0, n, together)
    ]
