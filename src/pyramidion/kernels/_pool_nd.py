"""Halving images: boxes of 2 (or 1) along z, y and x become one element each.

Every reduction takes an array whose last three axes are z, y, x and a factor of 1 or 2 for each of
them; axes before are kept. The last box of an axis of odd length holds what is left.

Sums are exact. Integers are added in a wider type; those of 64 bits are first split into two
halves of 32 bits (:func:`split_wide`), which are added separately. A mean is the sum over the raw
box divided once (:func:`mean_of_sums`), so that a level of a pyramid does not depend on the levels
between. Floats are added in float64, along x, then y, then z.

Narrow integers go a faster way than strided addition: a pair of neighbours along x is one machine
integer of twice the width, whose halves are added with a mask and a shift: 3.3 instead of 2.2 GB/s
of 16-bit voxels on one core of a busy machine.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

MOST_IN_BOX = 2**31
"""Most raw elements of one box: so many halves of 64-bit integers add up in 64 bits."""

Factors = tuple[int, int, int]
Counts = tuple[int, int]
_BLOCK_BYTES = 2**18  # of one block of rows: what a core's own cache holds together with its sums
_HALF_BITS = 32


def pooled_shape(shape: Sequence[int], factors: Factors) -> tuple[int, ...]:
    """Return the shape after a reduction.

    Examples
    --------
    >>> pooled_shape((3, 7, 5, 4), (2, 2, 1))
    (3, 4, 3, 4)
    """
    *lead, z, y, x = shape
    return (*lead, *(-(-n // f) for n, f in zip((z, y, x), factors, strict=True)))


def sum_dtype(dtype: np.dtype[Any], n_in_box: int) -> np.dtype[Any]:
    """Return the type in which boxes of raw elements are added up.

    Parameters
    ----------
    dtype : numpy.dtype
        Of the raw elements.
    n_in_box : int
        Raw elements of a box, at most :data:`MOST_IN_BOX`.

    Returns
    -------
    numpy.dtype
        float64 for floats; otherwise the narrowest integer of the same sign that is wider than
        `dtype` and keeps a bit free for rounding, or 64 bits for each half of a 64-bit integer.
    """
    if dtype.kind == "f":
        return np.dtype(np.float64)
    bits = 8 * dtype.itemsize + math.ceil(math.log2(max(1, n_in_box)))
    width = next((w for w in (2, 4) if w > dtype.itemsize and bits < 8 * w), 8)
    return np.dtype(f"{dtype.kind}{width}")


def split_wide(values: np.ndarray) -> np.ndarray:
    """Split 64-bit integers into halves, so that many can be added up.

    Parameters
    ----------
    values : ndarray, int64 or uint64

    Returns
    -------
    ndarray, shape (2, ...), dtype of `values`
        High half (with the sign) and low half: ``high * 2**32 + low``.
    """
    halves = np.empty((2, *values.shape), values.dtype)
    np.right_shift(values, _HALF_BITS, out=halves[0])
    np.bitwise_and(values, values.dtype.type(2**_HALF_BITS - 1), out=halves[1])
    return halves


def pool_sums(values: np.ndarray, factors: Factors, dtype: np.dtype[Any]) -> np.ndarray:
    """Add up each box.

    Parameters
    ----------
    values : ndarray, shape (..., z, y, x)
        Raw elements, or sums of the level before.
    factors : tuple of int
        Size of a box along z, y, x; 1 or 2 each.
    dtype : numpy.dtype
        From :func:`sum_dtype`, for the raw elements of the new boxes.

    Returns
    -------
    ndarray, shape ``pooled_shape(values.shape, factors)``, `dtype`
    """

    def add(block: np.ndarray) -> np.ndarray:
        sums = _pairs_along_x(block, dtype) if factors[2] == 2 else block.astype(dtype, copy=False)
        for axis in (-2, -3):
            if factors[axis] == 2:
                sums = _pairwise(np.add, sums, axis)
        return sums

    with np.errstate(invalid="ignore", over="ignore"):  # infinities among floats
        return _by_blocks(values, factors, dtype, add)


def pool_extreme(values: np.ndarray, factors: Factors, *, largest: bool) -> np.ndarray:
    """Keep the smallest or the largest element of each box; NaN is ignored.

    Parameters
    ----------
    values : ndarray, shape (..., z, y, x)
        Elements.
    factors : tuple of int
        Size of a box along z, y, x; 1 or 2 each.
    largest : bool
        The largest instead of the smallest.

    Returns
    -------
    ndarray, shape ``pooled_shape(values.shape, factors)``, dtype of `values`
        NaN where a box holds nothing else.
    """
    extreme: np.ufunc
    if values.dtype.kind == "f":
        extreme = np.fmax if largest else np.fmin
    else:
        extreme = np.maximum if largest else np.minimum

    def reduce(block: np.ndarray) -> np.ndarray:
        for axis in (-3, -2, -1):  # rows first: neighbours along x are the slowest to compare
            if factors[axis] == 2:
                block = _pairwise(extreme, block, axis)
        return block

    return _by_blocks(values, factors, values.dtype, reduce)


def pool_nearest(values: np.ndarray, factors: Factors) -> np.ndarray:
    """Keep the first element of each box (a view)."""
    z, y, x = factors
    return values[..., ::z, ::y, ::x]


def pool_mode(values: np.ndarray, factors: Factors) -> np.ndarray:
    """Keep the most frequent element of each box; of several, the smallest.

    NaN is no element that could be frequent: it is kept only where a box holds nothing else.
    """
    return _by_blocks(values, factors, values.dtype, lambda block: _mode_of_block(block, factors))


def mean_of_sums(sums: np.ndarray, counts: Sequence[Counts], dtype: np.dtype[Any]) -> np.ndarray:
    """Divide sums by the number of raw elements in their boxes.

    Parameters
    ----------
    sums : ndarray, shape (..., z, y, x)
        Of :func:`pool_sums`; with the two halves as first axis for 64-bit integers.
    counts : sequence of (int, int)
        Along z, y, x: raw elements of a box, and of the last one.
    dtype : numpy.dtype
        Of the raw elements.

    Returns
    -------
    ndarray, dtype `dtype`
        Integers are rounded to the nearest, half to even.
    """
    is_wide = dtype.kind in "iu" and dtype.itemsize == 8
    out = np.empty(sums.shape[1:] if is_wide else sums.shape, dtype)
    (each, last), *in_plane = counts
    parts = [_equal_counts(n, count) for n, count in zip(out.shape[-2:], in_plane, strict=True)]
    for plane in np.ndindex(out.shape[:-2]):  # one at a time: temporaries stay in the cache
        n_planes = last if plane[-1] == out.shape[-3] - 1 else each
        for (rows, n_rows), (columns, n_columns) in itertools.product(*parts):
            n_in_box = n_planes * n_rows * n_columns
            inside = (*plane, rows, columns)
            if is_wide:
                out[inside] = _divide_wide(sums[0][inside], sums[1][inside], n_in_box)
            elif dtype.kind == "f":
                out[inside] = sums[inside] / n_in_box
            else:
                out[inside] = _divide(sums[inside], n_in_box)
    return out


def pool_reference(values: np.ndarray, factors: Factors, stat: str) -> np.ndarray:
    """Do what the reductions do in one step from raw elements, box after box, for the tests."""
    keeps: dict[str, Callable[[np.ndarray], Any]] = {
        "mean": _mean_of_box,
        "min": np.fmin.reduce,
        "max": np.fmax.reduce,
        "nearest": lambda box: box[0],
        "mode": _mode_of_box,
    }
    keep = keeps[stat]
    out = np.empty(pooled_shape(values.shape, factors), values.dtype)
    for place in np.ndindex(out.shape):
        lead = place[:-3]
        box = tuple(slice(i * f, (i + 1) * f) for i, f in zip(place[-3:], factors, strict=True))
        out[place] = keep(values[(*lead, *box)].reshape(-1))
    return out


def _by_blocks(
    values: np.ndarray,
    factors: Factors,
    dtype: np.dtype[Any],
    reduce: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    """Reduce one or two planes at a time, in blocks of rows that stay in the cache."""
    out = np.empty(pooled_shape(values.shape, factors), dtype)
    fz, fy, _ = factors
    row_bytes = max(1, values.shape[-1] * values.dtype.itemsize * fz)
    rows = max(1, _BLOCK_BYTES // row_bytes // fy)
    for lead in np.ndindex(values.shape[:-3]):
        for z in range(out.shape[-3]):
            planes = values[lead][z * fz : (z + 1) * fz]
            for y in range(0, out.shape[-2], rows):
                block = planes[:, y * fy : (y + rows) * fy]
                out[lead][z, y : y + rows] = reduce(block)[0]
    return out


def _pairwise(combine: np.ufunc, values: np.ndarray, axis: int) -> np.ndarray:
    """Combine neighbours along an axis; the last of an odd number stays alone."""
    moved = np.moveaxis(values, axis, 0)
    n_pairs = moved.shape[0] // 2
    pairs = combine(moved[0 : 2 * n_pairs : 2], moved[1 : 2 * n_pairs : 2])
    if moved.shape[0] % 2:
        pairs = np.concatenate([pairs, moved[-1:]])
    result: np.ndarray = np.moveaxis(pairs, 0, axis)
    return result


def _pairs_along_x(block: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    """Add neighbours along x into a type that is wide enough for a whole box."""
    n_pairs, itemsize = block.shape[-1] // 2, block.dtype.itemsize
    if block.dtype.kind == "f" or dtype.itemsize <= itemsize or not n_pairs:
        return _pairwise(np.add, block.astype(dtype, copy=False), -1)
    if block.strides[-1] != itemsize:
        block = np.ascontiguousarray(block)
    wide = np.dtype(f"{block.dtype.kind}{2 * itemsize}")
    pairs = block[..., : 2 * n_pairs].view(wide)
    shift = 8 * itemsize
    sums = np.empty((*block.shape[:-1], n_pairs + block.shape[-1] % 2), wide)
    low = sums[..., :n_pairs]
    if wide.kind == "u":
        np.bitwise_and(pairs, wide.type(2**shift - 1), out=low)
    else:  # shifted up and down again, so that the sign is that of the low half
        np.left_shift(pairs, shift, out=low)
        np.right_shift(low, shift, out=low)
    low += pairs >> shift
    if block.shape[-1] % 2:
        sums[..., -1] = block[..., -1]
    added: np.ndarray = sums.astype(dtype, copy=False)
    return added


def _mode_of_block(block: np.ndarray, factors: Factors) -> np.ndarray:
    out = np.empty(pooled_shape(block.shape, factors), block.dtype)
    parts = [_whole_and_rest(n, f) for n, f in zip(block.shape, factors, strict=True)]
    for place in itertools.product(*parts):
        inside = tuple(slice(a, b) for a, b, _ in place)
        sizes = [f for _, _, f in place]
        target = tuple(slice(a // f, -(-b // f)) for (a, b, _), f in zip(place, factors, strict=True))  # fmt: skip
        region = block[inside]
        elements = np.stack(
            [
                region[tuple(slice(at, None, f) for at, f in zip(corner, sizes, strict=True))]
                for corner in itertools.product(*map(range, sizes))
            ]
        )
        out[target] = _mode_along_first(elements)
    return out


def _whole_and_rest(n: int, factor: int) -> list[tuple[int, int, int]]:
    """Return (start, stop, box size) of the whole boxes, and of the one that is cut."""
    n_whole = n // factor * factor
    return [part for part in ((0, n_whole, factor), (n_whole, n, n - n_whole)) if part[1] > part[0]]


def _mode_along_first(elements: np.ndarray) -> np.ndarray:
    ordered = np.sort(elements, axis=0)
    best = ordered[0].copy()
    run = np.ones(best.shape, np.uint8)
    longest = run.copy()
    for before, here in itertools.pairwise(ordered):
        run = np.where(here == before, run + 1, 1).astype(np.uint8)
        is_longer = run > longest
        best[is_longer] = here[is_longer]
        longest = np.maximum(longest, run)
    mode: np.ndarray = best
    return mode


def _equal_counts(n: int, count: Counts) -> list[tuple[slice, int]]:
    each, last = count
    if last == each:
        return [(slice(0, n), each)]
    return [(slice(0, n - 1), each), (slice(n - 1, n), last)]


def _divide(sums: np.ndarray, n: int) -> np.ndarray:
    """Divide integers, rounding half to even; they keep a bit free (:func:`sum_dtype`)."""
    if n & (n - 1):
        quotient, rest = np.divmod(sums, sums.dtype.type(n))
        quotient += _is_rounded_up(quotient, rest, n)
        means: np.ndarray = quotient
        return means
    shift = n.bit_length() - 1
    if shift == 0:
        return sums
    rounded = sums >> shift
    rounded &= 1  # half goes up only from an odd number
    rounded += sums
    rounded += n // 2 - 1
    rounded >>= shift
    return rounded


def _divide_wide(high: np.ndarray, low: np.ndarray, n: int) -> np.ndarray:
    """Divide ``high * 2**32 + low``; no step leaves 64 bits for up to 2**31 elements a box."""
    dtype = high.dtype
    quotient, rest = np.divmod(high, dtype.type(n))
    # 0 <= rest < n, so that rest * 2**32 + low < 2 * n * 2**32 <= 2**64.
    remaining = (rest.astype(np.uint64) << np.uint64(_HALF_BITS)) + low.astype(np.uint64)
    tail, rest = np.divmod(remaining, np.uint64(n))
    tail += _is_rounded_up(tail, rest, n)
    # Both parts may pass the end of the type on their own; the mean itself does not.
    total = (quotient.astype(np.uint64) << np.uint64(_HALF_BITS)) + tail
    means: np.ndarray = total.view(dtype)
    return means


def _is_rounded_up(quotient: np.ndarray, rest: np.ndarray, n: int) -> np.ndarray:
    twice = rest.astype(np.uint64) * np.uint64(2)
    up = (twice > n) | ((twice == n) & ((quotient & quotient.dtype.type(1)) == 1))
    added: np.ndarray = up.astype(quotient.dtype)
    return added


def _mean_of_box(box: np.ndarray) -> Any:
    if box.dtype.kind == "f":
        return box.astype(np.float64).mean()
    return round(Fraction(sum(map(int, box)), box.size))  # Python rounds half to even


def _mode_of_box(box: np.ndarray) -> Any:
    values = [v for v in box.tolist() if v == v]  # NaN differs from itself
    return min(values, key=lambda v: (-values.count(v), v)) if values else box[0]
