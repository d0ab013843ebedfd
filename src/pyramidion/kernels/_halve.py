"""All coarser levels of one camera frame in one pass over it, compiled where numba is there.

A block of rows is reduced from level to level while it is in the cache, so that the frame is read
once and sums never go to memory and back: three levels of 2304 x 4096 pixels of 16 bits take
1.8 ms, with numpy (:mod:`pyramidion.kernels._pool_nd`), which makes the same, 11 ms. Compiling takes
seconds at first, so it is asked for (:func:`compile_halving`) where nobody waits.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

_Compiled = Callable[..., None]
_compiled: dict[tuple[np.dtype[Any], np.dtype[Any]], _Compiled] = {}
_BLOCK_BYTES = 2**18


def compile_halving(dtype: np.dtype[Any], sums: np.dtype[Any]) -> bool:
    """Have :func:`halve_means` work for a type from now on; takes seconds at first.

    Parameters
    ----------
    dtype : numpy.dtype
        Of the pixels: integers of up to 32 bits.
    sums : numpy.dtype
        In which the raw pixels of the largest boxes add up.

    Returns
    -------
    bool
        False where numba is not installed, cannot work or keep its results here, or the type is
        none of these.
    """
    if dtype.kind not in "iu" or dtype.itemsize > 4:
        return False
    try:
        numba = importlib.import_module("numba")
        halve: _Compiled = numba.njit(nogil=True, error_model="numpy", cache=True)(_halve_all)
        _run(halve, np.zeros((4, 4), dtype), [(2, 2), (1, 1)], sums)
    except (ImportError, OSError, RuntimeError):  # RuntimeError: no folder for its cache
        return False
    _compiled[np.dtype(dtype), np.dtype(sums)] = halve
    return True


def halve_means(
    frame: np.ndarray, shapes: list[tuple[int, int]], sums: np.dtype[Any]
) -> list[np.ndarray]:
    """Return the means of 2 x 2, 4 x 4... raw pixels.

    Parameters
    ----------
    frame : ndarray, shape (h, w)
        Of a type that :func:`compile_halving` was asked for; C-contiguous.
    shapes : list of (int, int)
        Of each level: half of the one before, rounded up, along both axes.
    sums : numpy.dtype
        As told to :func:`compile_halving`.

    Returns
    -------
    list of ndarray
        One per level, dtype of `frame`; rounded to the nearest, half to even. The last boxes of odd
        sizes hold what is left.

    Raises
    ------
    KeyError
        If it was not asked for.
    """
    return _run(_compiled[frame.dtype, np.dtype(sums)], frame, shapes, sums)


def halve_means_reference(frame: np.ndarray, shapes: list[tuple[int, int]]) -> list[np.ndarray]:
    """Do what :func:`halve_means` does, one box after another, for the tests."""
    levels = []
    for level, shape in enumerate(shapes, 1):
        out, size = np.empty(shape, frame.dtype), 2**level
        for y, x in np.ndindex(shape):
            box = frame[y * size : (y + 1) * size, x * size : (x + 1) * size]
            out[y, x] = round(Fraction(sum(map(int, box.reshape(-1))), box.size))
        levels.append(out)
    return levels


def _run(
    halve: _Compiled, frame: np.ndarray, shapes: list[tuple[int, int]], sums: np.dtype[Any]
) -> list[np.ndarray]:
    sizes = np.array([frame.shape, *shapes], np.int64)
    starts = np.concatenate([[0], np.cumsum(sizes[1:].prod(axis=1))])
    out = np.empty(int(starts[-1]), frame.dtype)
    tallest = 2 ** len(shapes)  # rows of a block are whole boxes of every level
    n_rows = max(1, _BLOCK_BYTES // (tallest * frame.shape[1] * frame.itemsize)) * tallest
    scratch = np.empty((len(shapes), n_rows // 2, shapes[0][1]), sums)
    nothing = np.zeros(frame.shape[1], frame.dtype), np.zeros(shapes[0][1], sums)
    halve(frame, sizes, starts, scratch, nothing, out)
    parts = zip(starts[:-1].tolist(), starts[1:].tolist(), shapes, strict=True)
    return [out[a:b].reshape(shape) for a, b, shape in parts]


def _halve_all(  # noqa: C901
    frame: Any, sizes: Any, starts: Any, scratch: Any, nothing: Any, out: Any
) -> None:
    """Fill `out` with all levels; plain loops, which numba compiles.

    `sizes` are rows and columns of every level, `starts` where each coarser one begins in `out`,
    `scratch` holds the sums of a block, level by level, `nothing` a row of zeros of frame and sums.
    One function, because what it called would have to be compiled, and kept, on its own.
    """
    height, width = frame.shape
    n_block = scratch.shape[1] * 2
    zero = scratch[0, 0, 0] * 0
    one = zero + 1
    for top in range(0, height, n_block):
        for level in range(1, len(scratch) + 1):
            n_y, n_x = sizes[level]
            below_y, below_x = sizes[level - 1]
            n_pairs, n_whole, shift = below_x // 2, width >> level, 2 * level
            first = top >> level
            for row in range(first, min(n_y, (top + n_block) >> level)):
                sums = scratch[level - 1, row - first]
                is_pair = 2 * row + 1 < below_y
                if level == 1:
                    a = frame[2 * row]
                    b = frame[2 * row + 1] if is_pair else nothing[0]
                    for x in range(n_pairs):
                        sums[x] = (zero + a[2 * x] + a[2 * x + 1]) + (
                            zero + b[2 * x] + b[2 * x + 1]
                        )
                    if n_pairs < n_x:
                        sums[n_pairs] = zero + a[2 * n_pairs] + b[2 * n_pairs]
                else:
                    c = scratch[level - 2, 2 * (row - first)]
                    d = scratch[level - 2, 2 * (row - first) + 1] if is_pair else nothing[1]
                    for x in range(n_pairs):
                        sums[x] = c[2 * x] + c[2 * x + 1] + d[2 * x] + d[2 * x + 1]
                    if n_pairs < n_x:
                        sums[n_pairs] = c[2 * n_pairs] + d[2 * n_pairs]
                means = out[starts[level - 1] + row * n_x : starts[level - 1] + (row + 1) * n_x]
                n_rows = min(1 << level, height - (row << level))
                n_shifted = n_whole if n_rows == 1 << level else 0
                half = (one << (shift - 1)) - one
                for x in range(n_shifted):  # half to even
                    means[x] = (sums[x] + half + ((sums[x] >> shift) & one)) >> shift
                for x in range(n_shifted, n_x):
                    n = n_rows * min(1 << level, width - (x << level))
                    mean = sums[x] // n
                    twice = 2 * (sums[x] - mean * n)
                    means[x] = mean + (twice > n or (twice == n and mean % 2 == 1))
