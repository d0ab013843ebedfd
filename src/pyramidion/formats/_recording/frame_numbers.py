"""Which stored frame numbers are right, and what the others may have been.

The numbers are their own proof: each is above the one before, so that a number less its place in the
recording never falls. A disk that has lost a page gives zeros instead, and a damaged entry falls out
of line with all others.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable

import numpy as np

from pyramidion.core import Lost

LARGEST_NUMBER = 2**62
"""No camera counts so far."""


def known_numbers(numbers: np.ndarray) -> np.ndarray:
    """Tell which numbers were written: the most that agree with each other.

    Parameters
    ----------
    numbers : ndarray of int64, shape (n,)
        As stored; 0 where nothing is.

    Returns
    -------
    ndarray of bool, shape (n,)
        A 0 proves nothing by itself: at the first place it is taken for a number where the second
        is one.
    """
    is_known = np.zeros(len(numbers), bool)
    places = np.flatnonzero((numbers > 0) & (numbers < LARGEST_NUMBER))
    ahead = numbers[places] - places
    places, ahead = places[ahead >= 0], ahead[ahead >= 0]
    if (np.diff(ahead) < 0).any():
        places = places[_longest_rise(ahead.tolist())]
    is_known[places] = True
    if len(numbers) > 1 and numbers[0] == 0:
        is_known[0] = is_known[1]
    return is_known


def fill_numbers(numbers: np.ndarray, is_known: np.ndarray, lost: Iterable[Lost]) -> np.ndarray:
    """Count on where numbers are not known, over those that are lost, as far as there is room.

    Parameters
    ----------
    numbers : ndarray of int64, shape (n,)
        Numbers.
    is_known : ndarray of bool, shape (n,)
        Of :func:`known_numbers`.
    lost : iterable of Lost
        What is not stored.

    Returns
    -------
    ndarray of int64, shape (n,)
        Each above the one before; those that are known stay.
    """
    filled = np.array(numbers, np.int64)
    free = _Free(lost)
    edges = np.flatnonzero(np.diff(np.concatenate([[True], is_known, [True]]))).reshape(-1, 2)
    for a, b in edges.tolist():
        made = free.numbers(int(filled[a - 1]) + 1 if a else 0, b - a)
        if b < len(filled):  # the next one that is known leaves so much room
            made = np.minimum(made, int(filled[b]) - np.arange(b - a, 0, -1))
        filled[a:b] = made
    return filled


def without_stored(lost: Iterable[Lost], numbers: np.ndarray) -> list[Lost]:
    """Cut frames that are stored out of runs of lost ones.

    Parameters
    ----------
    lost : iterable of Lost
        Runs as stored.
    numbers : ndarray of int64, shape (n,)
        Of the frames that are stored, rising.
    """
    kept = []
    for run in lost:
        a, b = np.searchsorted(numbers, [run.first, run.first + run.n_frames])
        starts = [run.first, *(numbers[a:b] + 1).tolist()]
        stops = [*numbers[a:b].tolist(), run.first + run.n_frames]
        pieces = zip(starts, stops, strict=True)
        kept += [Lost(i, j - i, run.reason) for i, j in pieces if j > i or a == b]
    return kept


class _Free:
    """The numbers that are not lost, counted through."""

    def __init__(self, lost: Iterable[Lost]) -> None:
        starts, counts, reached = [0], [0], 0
        for run in sorted(lost):
            first = max(run.first, reached)
            stop = max(first, run.first + run.n_frames)
            starts.append(first)
            counts.append(stop - first)
            reached = max(reached, stop)
        self._starts = np.array(starts)
        self._stops = self._starts + counts
        self._lost = np.cumsum([0, *counts])

    def numbers(self, first: int, n: int) -> np.ndarray:
        """Return so many numbers from `first` on."""
        k = int(np.searchsorted(self._starts, first, "left"))
        n_below = self._lost[k] - max(0, int(self._stops[k - 1]) - first if k else 0)
        ranks = first - n_below + np.arange(n)
        before = self._starts - self._lost[:-1]
        made: np.ndarray = ranks + self._lost[np.searchsorted(before, ranks, "right")]
        return made


def _longest_rise(values: list[int]) -> list[int]:
    """Return the places of the longest part that never falls (patience sorting)."""
    tails: list[int] = []
    places: list[int] = []
    before = [-1] * len(values)
    for i, value in enumerate(values):
        at = bisect.bisect_right(tails, value)
        before[i] = places[at - 1] if at else -1
        tails[at : at + 1] = [value]
        places[at : at + 1] = [i]
    found = []
    at = places[-1] if places else -1
    while at >= 0:
        found.append(at)
        at = before[at]
    return found[::-1]
