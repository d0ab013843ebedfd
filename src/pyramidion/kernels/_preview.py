"""Means of k x k pixels, for a live picture of a camera: numpy, and compiled where numba is there.

A preview of 2304 x 4096 pixels of 16 bits in 4 x 4 means takes 4.5 ms in numpy and 0.8 ms compiled,
on one core that the recording needs as well, twenty times a second. Compiling takes a second, so it
is asked for (:func:`compile_means`) where nobody waits; until then, and where it is impossible,
numpy does the work. Both forms, and the reference, give the same integers.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

MOST_TO_A_SIDE = 64
"""Largest k: sums of 64 x 64 pixels of 16 bits stay within 32 bits."""
_BLOCK_ROWS = 64

_Compiled = Callable[[np.ndarray, int, bool, np.ndarray, np.ndarray], None]
_compiled: dict[np.dtype[Any], _Compiled] = {}


def mean_blocks(pixels: np.ndarray, k: int) -> np.ndarray:
    """Return the mean of each square of k x k pixels.

    Parameters
    ----------
    pixels : ndarray, shape (height, width)
        Integers of up to 32 bits, or floats.
    k : int
        1 to :data:`MOST_TO_A_SIDE`.

    Returns
    -------
    ndarray, shape (ceil(height / k), ceil(width / k)), dtype of `pixels`
        Integers are rounded to the nearest, half to even. Squares at the far edges hold what is
        left there.
    """
    compiled = _compiled.get(pixels.dtype)
    if compiled is None:
        return _mean_blocks_numpy(pixels, k)
    return _run(compiled, np.ascontiguousarray(pixels), k)


def compile_means(dtype: np.dtype[Any]) -> bool:
    """Have :func:`mean_blocks` run compiled for a type from now on; takes a second at first.

    Parameters
    ----------
    dtype : numpy.dtype
        Of the pixels.

    Returns
    -------
    bool
        False where numba is not installed, or cannot work or keep its results here.
    """
    try:
        numba = importlib.import_module("numba")
        compiled: _Compiled = numba.njit(nogil=True, error_model="numpy", cache=True)(_mean_rows)
        _run(compiled, np.zeros((2, 2), dtype), 2)
    except (ImportError, OSError, RuntimeError):  # RuntimeError: no folder for its cache
        return False
    _compiled[np.dtype(dtype)] = compiled
    return True


def mean_blocks_reference(pixels: np.ndarray, k: int) -> np.ndarray:
    """Do what :func:`mean_blocks` does, one square after another, for the tests."""
    out = np.empty(_shape(pixels, k), pixels.dtype)
    for row, column in np.ndindex(out.shape):
        square = pixels[row * k : (row + 1) * k, column * k : (column + 1) * k].reshape(-1)
        if pixels.dtype.kind == "f":
            out[row, column] = square.astype(np.float64).mean()
        else:  # Python rounds half to even
            out[row, column] = round(Fraction(sum(map(int, square)), square.size))
    return out


def _mean_blocks_numpy(pixels: np.ndarray, k: int) -> np.ndarray:
    """Reduce blocks of rows that stay in the cache, first along y, where neighbours are vectors."""
    out = np.empty(_shape(pixels, k), pixels.dtype)
    width = pixels.shape[1]
    n_columns = np.minimum(k, width - np.arange(0, width, k))
    n_out = max(1, _BLOCK_ROWS // k)
    for first in range(0, len(out), n_out):
        block = pixels[first * k : (first + n_out) * k]
        n_rows = np.minimum(k, len(block) - np.arange(0, len(block), k))
        sums = _sum_columns(_sum_rows(block, k), k)
        means = sums / (n_rows[:, None] * n_columns)
        out[first : first + n_out] = np.rint(means) if out.dtype.kind in "iu" else means
    return out


def _sum_rows(pixels: np.ndarray, k: int) -> np.ndarray:
    """Add up k rows at a time; the last ones may be fewer."""
    dtype, n_whole = _sum_dtype(pixels), len(pixels) // k
    sums = np.empty((-(-len(pixels) // k), pixels.shape[1]), dtype)
    whole = pixels[: n_whole * k].reshape(n_whole, k, pixels.shape[1])
    np.add.reduce(whole, axis=1, dtype=dtype, out=sums[:n_whole])
    if n_whole < len(sums):
        np.add.reduce(pixels[n_whole * k :], axis=0, dtype=dtype, out=sums[n_whole])
    return sums


def _sum_columns(sums: np.ndarray, k: int) -> np.ndarray:
    """Add up k neighbours of each row; the last ones may be fewer."""
    out = sums[:, ::k].copy()
    for column in range(1, k):
        some = sums[:, column::k]
        out[:, : some.shape[1]] += some
    return out


def _mean_rows(pixels: Any, k: Any, rounds: Any, sums: Any, out: Any) -> None:
    """Reduce into `out`; `sums` is scratch for one row. Plain loops, which numba compiles.

    The squares of 2 and 4 have loops of their own, which become vector instructions.
    """
    height, width = pixels.shape
    n_whole = width // k
    for i in range(out.shape[0]):
        n_rows = min(k, height - i * k)
        sums[:] = 0
        for row in range(i * k, i * k + n_rows):
            line = pixels[row]
            for j in range(width):
                sums[j] += line[j]
        means = out[i]
        n = n_rows * k
        if k == 4:
            for j in range(n_whole):
                mean = (sums[4 * j] + sums[4 * j + 1] + sums[4 * j + 2] + sums[4 * j + 3]) / n
                means[j] = np.rint(mean) if rounds else mean
        elif k == 2:
            for j in range(n_whole):
                mean = (sums[2 * j] + sums[2 * j + 1]) / n
                means[j] = np.rint(mean) if rounds else mean
        else:
            for j in range(n_whole):
                mean = sums[j * k : (j + 1) * k].sum() / n
                means[j] = np.rint(mean) if rounds else mean
        if n_whole < out.shape[1]:
            mean = sums[n_whole * k :].sum() / (n_rows * (width - n_whole * k))
            means[n_whole] = np.rint(mean) if rounds else mean


def _run(compiled: _Compiled, pixels: np.ndarray, k: int) -> np.ndarray:
    out = np.empty(_shape(pixels, k), pixels.dtype)
    sums = np.empty(pixels.shape[1], _sum_dtype(pixels))
    compiled(pixels, k, out.dtype.kind in "iu", sums, out)
    return out


def _shape(pixels: np.ndarray, k: int) -> tuple[int, int]:
    height, width = pixels.shape
    return -(-height // k), -(-width // k)


def _sum_dtype(pixels: np.ndarray) -> np.dtype[Any]:
    """Return the type in which a square is added up: exact for integers."""
    dtype = pixels.dtype
    if dtype.kind == "f":
        return np.dtype(np.float64)
    return np.dtype(f"{dtype.kind}{4 if dtype.itemsize <= 2 else 8}")
