"""The HZ order: how old datasets order the samples inside a block.

A sample's coordinates are interleaved bit by bit as the bitmask says (the Z address); then the
trailing zeros and the lowest one of ``guard bit | address`` are shifted out, which sorts the samples
by level. Source: V. Pascucci and R. J. Frank, "Global static indexing for real-time exploration of
very large regular grids", 2001; bit order as in the IDX format.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from pyramidion.formats._idx.bitmask import XYZ, Bitmask


def hz_to_point(bitmask: Bitmask, hz: int) -> XYZ:
    """Return the coordinates x, y, z of an HZ address.

    Examples
    --------
    >>> [hz_to_point(Bitmask("V0101"), hz)[:2] for hz in (0, 1, 2, 7)]
    [(0, 0), (2, 0), (0, 2), (3, 2)]
    """
    z = hz << 1 | 1
    z <<= bitmask.maxh - z.bit_length() + 1
    point, taken = [0, 0, 0], [0, 0, 0]
    for bit in range(bitmask.maxh):
        axis = bitmask.axis(bitmask.maxh - bit)
        point[axis] |= (z >> bit & 1) << taken[axis]
        taken[axis] += 1
    x, y, z = point
    return x, y, z


def point_to_hz(bitmask: Bitmask, point: XYZ) -> int:
    """Return the HZ address of a point; the inverse of :func:`hz_to_point`."""
    left = list(point)
    z = 1 << bitmask.maxh
    for bit in range(bitmask.maxh):
        axis = bitmask.axis(bitmask.maxh - bit)
        z |= (left[axis] & 1) << bit
        left[axis] >>= 1
    while not z & 1:
        z >>= 1
    return z >> 1


def to_row_major(bitmask: Bitmask, bitsperblock: int, level: int) -> np.ndarray:
    """Return the order in which the samples of a block in HZ order make its grid.

    Parameters
    ----------
    bitmask : Bitmask
        Order of the halvings.
    bitsperblock : int
        A block has ``2 ** bitsperblock`` samples.
    level : int
        The block's level; all blocks of a level have one order.

    Returns
    -------
    ndarray, shape (2 ** bitsperblock,), int32 or int64, read-only
        ``grid = block[order]``: x fastest, then y, then z.
    """
    if level == bitsperblock:
        return _order(bitmask.text[1 : bitsperblock + 1], is_first=True)
    return _order(bitmask.text[level - bitsperblock : level], is_first=False)


@lru_cache(maxsize=8)
def _order(digits: str, *, is_first: bool) -> np.ndarray:
    """Return the order for a block whose grid is halved by these digits, coarsest first.

    Past the first block the addresses of a block count its grid in plain Z order; the first block
    holds whole levels, whose addresses are those of a small dataset of its own.
    """
    n_bits = len(digits)
    dtype = np.int32 if n_bits < 31 else np.int64
    z = np.arange(1 << n_bits, dtype=np.int64)
    if is_first:
        hz = z
        z = hz << 1 | 1
        for shift in (32, 16, 8, 4, 2, 1):
            low = z < 1 << max(0, n_bits + 1 - shift)
            z = np.where(low, z << shift, z)
        z &= (1 << n_bits) - 1
    grid = np.zeros_like(z)
    # In the number of a grid point the bits of x are the lowest, then those of y, then of z.
    base = {"0": 0, "1": digits.count("0"), "2": digits.count("0") + digits.count("1")}
    for bit, digit in enumerate(reversed(digits)):
        grid |= (z >> bit & 1) << base[digit]
        base[digit] += 1
    order = np.empty(1 << n_bits, dtype)
    order[grid] = np.arange(1 << n_bits, dtype=dtype)
    order.flags.writeable = False
    return order
