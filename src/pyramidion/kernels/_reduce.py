"""Reductions of bins along the last axis: a readable reference and the fast form of each.

All is numpy: a compiled kernel was measured, and its import and its memory cost more than a
conversion gained (see ``docs/decisions/0005-numpy-kernels.md``). Narrow integers, which are what
converters of instruments make, go a faster way than ``reduceat``: 6 instead of 2.1 GB/s a core.
"""

from __future__ import annotations

import numpy as np

from pyramidion.core import DataError


def bin_count(n_samples: int, factor: int) -> int:
    """Return the number of bins; the last, shorter one counts.

    Examples
    --------
    >>> bin_count(1003, 10)
    101
    """
    return -(-n_samples // factor)


def reduce_minmax(samples: np.ndarray, factor: int) -> np.ndarray:
    """Reduce samples to the minimum and maximum of each bin.

    Parameters
    ----------
    samples : ndarray, shape (..., n_samples)
        Raw codes in any integer or float dtype; not scaled to volts.
    factor : int
        Samples per bin along the last axis.

    Returns
    -------
    ndarray, shape (..., 2, ceil(n_samples / factor)), dtype of `samples`
        Index 0 holds minima, index 1 maxima. The last bin may be shorter than `factor`. NaN is
        ignored; a bin of nothing but NaN is NaN.

    Raises
    ------
    DataError
        If there are no samples.
    """
    edges = _edges(samples, factor)
    out = np.empty((*samples.shape[:-1], 2, edges.size), samples.dtype)
    n_fast = _reduce_by_words(samples, factor, out) if _is_narrow(samples, factor) else 0
    if n_fast < edges.size:
        rest, places = samples[..., n_fast * factor :], edges[: edges.size - n_fast]
        lowest, highest = _pair(samples.dtype)
        lowest.reduceat(rest, places, axis=-1, out=out[..., 0, n_fast:])
        highest.reduceat(rest, places, axis=-1, out=out[..., 1, n_fast:])
    return out


def merge_minmax(pairs: np.ndarray, factor: int) -> np.ndarray:
    """Reduce bins to coarser bins.

    Parameters
    ----------
    pairs : ndarray, shape (..., 2, n_bins)
        Minima and maxima.
    factor : int
        Fine bins per coarse bin.

    Returns
    -------
    ndarray, shape (..., 2, ceil(n_bins / factor)), dtype of `pairs`
        Equal to reducing the samples themselves by the product of both factors.
    """
    edges = _edges(pairs, factor)
    out = np.empty((*pairs.shape[:-1], edges.size), pairs.dtype)
    lowest, highest = _pair(pairs.dtype)
    lowest.reduceat(pairs[..., 0, :], edges, axis=-1, out=out[..., 0, :])
    highest.reduceat(pairs[..., 1, :], edges, axis=-1, out=out[..., 1, :])
    return out


def reduce_sum(samples: np.ndarray, factor: int) -> np.ndarray:
    """Add up the samples of each bin, without overflow.

    Parameters
    ----------
    samples : ndarray, shape (..., n_samples)
        Any integer or float dtype.
    factor : int
        Samples per bin along the last axis.

    Returns
    -------
    ndarray, shape (..., ceil(n_samples / factor)), int64 or float64
        Exact in int64 for integers of up to 32 bits (at least 2^31 samples a bin); float64 for the
        others, because a 64-bit sum could overflow.
    """
    small = samples.dtype.kind in "iu" and samples.dtype.itemsize <= 4
    accumulator = np.dtype(np.int64 if small else np.float64)
    sums: np.ndarray = np.add.reduceat(samples, _edges(samples, factor), axis=-1, dtype=accumulator)
    return sums


def merge_sums(sums: np.ndarray, factor: int) -> np.ndarray:
    """Add up neighbouring sums, in their own dtype.

    Parameters
    ----------
    sums : ndarray, shape (..., n_bins)
        From :func:`reduce_sum`.
    factor : int
        Fine bins per coarse bin.

    Returns
    -------
    ndarray, shape (..., ceil(n_bins / factor)), dtype of `sums`
    """
    merged: np.ndarray = np.add.reduceat(sums, _edges(sums, factor), axis=-1)
    return merged


def reduce_minmax_reference(samples: np.ndarray, factor: int) -> np.ndarray:
    """Do what :func:`reduce_minmax` does, one bin after another, for the tests to compare with."""
    flat = samples.reshape(-1, samples.shape[-1])
    bins = range(0, samples.shape[-1], factor)
    lowest, highest = _pair(samples.dtype)
    rows = [
        [[extreme.reduce(row[i : i + factor]) for i in bins] for extreme in (lowest, highest)]
        for row in flat
    ]
    return np.array(rows, samples.dtype).reshape(*samples.shape[:-1], 2, len(bins))


_WORD = np.dtype(np.uint64)


def _is_narrow(samples: np.ndarray, factor: int) -> bool:
    """Tell whether bins are whole machine words of small integers, one after another in memory."""
    dtype = samples.dtype
    return (
        dtype.kind in "iu"
        and dtype.itemsize <= 2
        and (factor * dtype.itemsize) % _WORD.itemsize == 0
        and samples.size == samples.shape[-1] >= factor
        and samples.flags.c_contiguous
    )


def _reduce_by_words(samples: np.ndarray, factor: int, out: np.ndarray) -> int:
    """Reduce the whole bins of one contiguous row; return how many there were.

    The bins are transposed a machine word at a time, so that the processor compares whole rows of
    words: `reduceat` compares sample by sample. A word holds several samples of the same bin, and
    these are compared last.
    """
    n_bins = int(samples.shape[-1]) // factor
    per_word = _WORD.itemsize // samples.dtype.itemsize
    words = samples.reshape(-1)[: n_bins * factor].view(_WORD).reshape(n_bins, -1)
    columns = np.ascontiguousarray(words.T).view(samples.dtype)
    for stat, extreme in enumerate((np.minimum, np.maximum)):
        partial = extreme.reduce(columns, axis=0).reshape(n_bins, per_word)
        place = out.reshape(2, -1)[stat, :n_bins]
        extreme(partial[:, 0], partial[:, 1], out=place)
        for k in range(2, per_word):
            extreme(place, partial[:, k], out=place)
    return n_bins


def _pair(dtype: np.dtype) -> tuple[np.ufunc, np.ufunc]:
    # fmin and fmax skip NaN; on integers they are the same as minimum and maximum but slower.
    return (np.fmin, np.fmax) if dtype.kind == "f" else (np.minimum, np.maximum)


def _edges(samples: np.ndarray, factor: int) -> np.ndarray:
    if samples.shape[-1] == 0:
        raise DataError("waveform", "empty", "0 samples", id="PYR-H5-09")
    return np.arange(0, samples.shape[-1], factor)
