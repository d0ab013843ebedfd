"""Smallest and largest value of each component, found while a dataset is written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

Limits = tuple[list[float], list[float]]
"""Minima and maxima, one per component; both empty where nothing is known."""


def limits_of(samples: np.ndarray) -> Limits:
    """Return the limits of an array.

    Parameters
    ----------
    samples : ndarray, shape (z, y, x, components)
        Values that are not finite are left out.

    Examples
    --------
    >>> limits_of(np.array([[[[3.0, 1.0], [np.nan, 2.0]]]]))
    ([3.0, 1.0], [3.0, 2.0])
    """
    found = [_limits(samples[..., c]) for c in range(samples.shape[-1])]
    known = [pair for pair in found if pair is not None]
    if len(known) < len(found):
        return [], []
    return [pair[0] for pair in known], [pair[1] for pair in known]


def joined(limits: Iterable[Sequence[Sequence[float]]]) -> Limits:
    """Return the limits of several parts together.

    Examples
    --------
    >>> joined([([3], [4]), ([], []), ([1], [2])])
    ([1], [4])
    """
    known = [pair for pair in limits if pair[0]]
    if not known:
        return [], []
    lows, highs = zip(*known, strict=True)
    return [min(v) for v in zip(*lows, strict=True)], [max(v) for v in zip(*highs, strict=True)]


def _limits(values: np.ndarray) -> tuple[float, float] | None:
    if values.size == 0:
        return None
    low, high = values.min(), values.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        # Plane by plane, so that the copies without NaN and infinities stay small.
        finite = (plane[np.isfinite(plane)] for plane in values)
        found = [(plane.min(), plane.max()) for plane in finite if plane.size]
        if not found:
            return None
        low, high = min(pair[0] for pair in found), max(pair[1] for pair in found)
    return low.item(), high.item()
