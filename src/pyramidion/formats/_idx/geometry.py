"""Where the samples of a block lie: every block is a regular grid.

With this no address along the HZ curve is ever computed for a sample: a whole block is read or
written with one strided slice assignment, and the blocks that meet a box are found axis by axis.

Tuples are in the order x, y, z; arrays have the axes z, y, x and perhaps one of components.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from pyramidion.formats._idx.bitmask import XYZ, Bitmask

Slices = tuple[slice, slice, slice]


@dataclass(frozen=True)
class BlockPlace:
    """The grid of one block.

    Parameters
    ----------
    level : int
        The finest level of its samples.
    origin, step, count : tuple of int
        First sample, distance of samples and number of samples along x, y, z.
    """

    level: int
    origin: XYZ
    step: XYZ
    count: XYZ

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape (z, y, x) of the block as an array."""
        x, y, z = self.count
        return z, y, x

    @property
    def last(self) -> XYZ:
        """The last sample along x, y, z."""
        x, y, z = (o + (n - 1) * s for o, s, n in zip(*self._grid, strict=True))
        return x, y, z

    @property
    def _grid(self) -> tuple[XYZ, XYZ, XYZ]:
        return self.origin, self.step, self.count

    def slices(self, start: Sequence[int], shape: Sequence[int]) -> tuple[Slices, Slices] | None:
        """Return where a full-resolution array and the block share samples.

        Parameters
        ----------
        start : sequence of int
            Coordinates x, y, z of the array's first element.
        shape : sequence of int
            Its size along x, y, z.

        Returns
        -------
        (array slices, block slices), each z, y, x, or None
            ``block[b] = array[a]`` and ``array[a] = block[b]`` move all that both have.
        """
        return shared_slices(self, tuple(start), tuple(shape), (1, 1, 1))


class BlockGrid:
    """The blocks of a dataset.

    Parameters
    ----------
    bitmask : Bitmask
        Order of the halvings.
    bitsperblock : int
        A block has ``2 ** bitsperblock`` samples.

    Examples
    --------
    >>> grid = BlockGrid(Bitmask("V0101010"), 4)
    >>> place = grid.place(3)
    >>> place.origin[:2], place.step[:2], place.count[:2]
    ((8, 1), (2, 2), (4, 4))
    >>> grid.meeting((9, 0, 0), (10, 1, 1), 7)
    [0, 6]
    """

    def __init__(self, bitmask: Bitmask, bitsperblock: int) -> None:
        if not 0 <= bitsperblock <= bitmask.maxh:
            raise ValueError(f"{bitsperblock} bits per block of {bitmask.maxh}")
        self.bitmask, self.bitsperblock = bitmask, bitsperblock

    @property
    def n_blocks(self) -> int:
        """Number of blocks."""
        return 1 << (self.bitmask.maxh - self.bitsperblock)

    def level_of(self, block: int) -> int:
        """Return the level of a block; block 0 holds all levels up to ``bitsperblock``."""
        return self.bitsperblock + block.bit_length()

    def level_blocks(self, h: int) -> range:
        """Return the blocks of level `h` >= bitsperblock."""
        if h == self.bitsperblock:
            return range(1)
        tiles = h - self.bitsperblock - 1
        return range(1 << tiles, 1 << (tiles + 1))

    def place(self, block: int) -> BlockPlace:
        """Return the grid of a block."""
        h = self.level_of(block)
        offset, step, count = self.lattice(h)
        if not block:
            return BlockPlace(h, offset, step, count)
        # The bits of the number below its leading one say which tile of the level it is.
        n_bits = h - self.bitsperblock - 1
        index = [0, 0, 0]
        for bit in range(n_bits):
            axis = self.bitmask.axis(bit + 1)
            index[axis] = index[axis] << 1 | block >> (n_bits - 1 - bit) & 1
        x, y, z = (o + i * n * s for o, i, n, s in zip(offset, index, count, step, strict=True))
        return BlockPlace(h, (x, y, z), step, count)

    def lattice(self, h: int) -> tuple[XYZ, XYZ, XYZ]:
        """Return what the blocks of level `h` >= bitsperblock have in common.

        Returns
        -------
        (first sample of the level, distance of samples, samples of a block), each x, y, z
        """
        return _lattice(self.bitmask, self.bitsperblock, h)

    def meeting(self, p1: Sequence[int], p2: Sequence[int], h: int) -> list[int]:
        """Return the blocks that a query needs: 0, and those of finer levels that meet the box.

        Parameters
        ----------
        p1, p2 : sequence of int
            Box along x, y, z; `p2` is exclusive.
        h : int
            Finest level wanted.
        """
        found = [0]
        for level in range(self.bitsperblock + 1, min(h, self.bitmask.maxh) + 1):
            found.extend(self.level_meeting(p1, p2, level).tolist())
        return found

    def level_meeting(self, p1: Sequence[int], p2: Sequence[int], h: int) -> np.ndarray:
        """Return the blocks of level `h` > bitsperblock with a sample in the box [p1, p2).

        Returns
        -------
        ndarray of int64
            Sorted by place: x fastest.
        """
        n_bits = h - self.bitsperblock - 1
        total = np.full((1, 1, 1), 1 << n_bits, np.int64)
        for axis, tiles in enumerate(self._tiles(p1, p2, h)):
            spread = self._spread(np.arange(tiles.start, tiles.stop, dtype=np.int64), axis, n_bits)
            total = total + spread.reshape([-1 if i == 2 - axis else 1 for i in range(3)])
        return total.ravel()

    def n_meeting(self, p1: Sequence[int], p2: Sequence[int], h: int) -> int:
        """Return how many blocks :meth:`meeting` names."""
        levels = range(self.bitsperblock + 1, min(h, self.bitmask.maxh) + 1)
        return 1 + sum(math.prod(map(len, self._tiles(p1, p2, level))) for level in levels)

    def _tiles(self, p1: Sequence[int], p2: Sequence[int], h: int) -> list[range]:
        """Return the tiles along x, y, z whose blocks of level `h` have a sample in a box."""
        n_tiles = self.bitmask.extent(1, h - self.bitsperblock - 1)
        tiles = []
        for axis, (offset, step, count) in enumerate(zip(*self.lattice(h), strict=True)):
            first = max(0, _ceil_div(p1[axis] - offset, step))
            stop = min(n_tiles[axis] * count, _ceil_div(p2[axis] - offset, step))
            empty = first >= stop
            tiles.append(range(0) if empty else range(first // count, _ceil_div(stop, count)))
        return tiles

    def _spread(self, numbers: np.ndarray, axis: int, n_bits: int) -> np.ndarray:
        """Put the bits of tile numbers along an axis where they belong in a block's number."""
        spread = np.zeros_like(numbers)
        taken = 0
        for place in range(n_bits):  # from the least significant bit of the block's number
            if self.bitmask.axis(n_bits - place) == axis:
                spread |= (numbers >> taken & 1) << place
                taken += 1
        return spread


def shared_slices(
    place: BlockPlace, first: Sequence[int], shape: Sequence[int], stride: Sequence[int]
) -> tuple[Slices, Slices] | None:
    """Return where an array of lattice points and a block share samples.

    Parameters
    ----------
    place : BlockPlace
        The block; its samples lie on the lattice of `stride`.
    first : sequence of int
        Number of the array's first point on the lattice: its coordinates / stride.
    shape : sequence of int
        Points of the array along x, y, z.
    stride : sequence of int
        Distance of lattice points.

    Returns
    -------
    (array slices, block slices), each z, y, x, or None where nothing is shared
    """
    array, block = [], []
    for axis in (2, 1, 0):
        found = _shared(
            place.origin[axis],
            place.step[axis],
            place.count[axis],
            first[axis],
            shape[axis],
            stride[axis],
        )
        if found is None:
            return None
        array.append(found[0])
        block.append(found[1])
    return (array[0], array[1], array[2]), (block[0], block[1], block[2])


def lattice_range(p1: Sequence[int], p2: Sequence[int], stride: Sequence[int]) -> tuple[XYZ, XYZ]:
    """Return first point and number of points, along x, y, z, of a lattice inside [p1, p2)."""
    first = [_ceil_div(a, s) for a, s in zip(p1, stride, strict=True)]
    stop = [_ceil_div(b, s) for b, s in zip(p2, stride, strict=True)]
    x, y, z = first
    nx, ny, nz = (max(0, b - a) for a, b in zip(first, stop, strict=True))
    return (x, y, z), (nx, ny, nz)


def _shared(
    origin: int, step: int, count: int, first: int, n: int, stride: int
) -> tuple[slice, slice] | None:
    """Return along one axis where `n` lattice points and a block share samples."""
    if stride > step:
        # Only block 0, which begins at 0, holds points between those of a coarser lattice.
        every = stride // step
        end = min(n, _ceil_div(count, every) - first)
        if end <= 0:
            return None
        return slice(0, end), slice(first * every, (first + end - 1) * every + 1, every)
    at, apart = origin // stride - first, step // stride
    begin, end = max(0, _ceil_div(-at, apart)), min(count, _ceil_div(n - at, apart))
    if begin >= end:
        return None
    return slice(at + begin * apart, at + (end - 1) * apart + 1, apart), slice(begin, end)


@lru_cache(maxsize=256)
def _lattice(bitmask: Bitmask, bitsperblock: int, h: int) -> tuple[XYZ, XYZ, XYZ]:
    stride = bitmask.stride(h)
    if h == bitsperblock:
        return (0, 0, 0), stride, bitmask.extent(1, h)
    halved = bitmask.axis(h)
    ox, oy, oz = (s if axis == halved else 0 for axis, s in enumerate(stride))
    sx, sy, sz = (2 * s if axis == halved else s for axis, s in enumerate(stride))
    return (ox, oy, oz), (sx, sy, sz), bitmask.extent(h - bitsperblock, h - 1)


def _ceil_div(a: int, b: int) -> int:
    return -(-a // b)
