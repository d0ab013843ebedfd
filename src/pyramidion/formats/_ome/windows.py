"""What the values of each channel are, found while they pass: limits, and a window to begin with.

Limits are exact. The window is from the 0.1th to the 99.9th percentile of a regular sample of
level 0, whose places do not depend on how the work is cut, so that the result does not either.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from pyramidion.core import Box

SAMPLE = 2**16
"""Elements sampled of each channel..."""

ALL_SAMPLES = 2**20
"""...and of all together."""

_PERCENTILES = (0.1, 99.9)


class Sampler:
    """Limits and samples of the regions of one image.

    Parameters
    ----------
    shape : tuple of int
        (t, c, z, y, x).
    """

    def __init__(self, shape: Sequence[int]) -> None:
        self.strides = _strides(shape)

    def take(self, values: np.ndarray, region: Box) -> list[dict[str, Any]]:
        """Return what a region adds (JSON values), channel by channel.

        Parameters
        ----------
        values : ndarray, shape ``region.shape``
            Elements.
        region : Box
            Where they are.
        """
        picked = values[
            tuple(slice(-a % s, None, s) for a, s in zip(region.start, self.strides, strict=True))
        ]
        first = region.start[1]
        return [
            {
                "channel": first + c,
                "limits": _limits(values[:, c]),
                "sample": _finite(picked[:, c].reshape(-1)).tolist(),
            }
            for c in range(values.shape[1])
        ]


def windows(taken: Iterable[dict[str, Any]]) -> dict[int, dict[str, float]]:
    """Merge what all regions added; in any order.

    Returns
    -------
    dict
        Per channel ``min``, ``max`` (limits), ``start``, ``end`` (window), ``start < end``.
    """
    limits: dict[int, list[float]] = {}
    samples: dict[int, list[float]] = {}
    for part in taken:
        limits.setdefault(part["channel"], []).extend(part["limits"])
        samples.setdefault(part["channel"], []).extend(part["sample"])
    return {c: _window(limits[c], samples[c]) for c in limits}


def _window(limits: list[float], sample: list[float]) -> dict[str, float]:
    low, high = (min(limits), max(limits)) if limits else (0, 0)
    ordered = sorted(sample)
    last = len(ordered) - 1
    begin, end = low, high
    if last > 0:
        begin = ordered[math.floor(last * _PERCENTILES[0] / 100)]
        end = ordered[math.ceil(last * _PERCENTILES[1] / 100)]
    if not begin < end:
        begin, end = low, high
    if not begin < end:
        end = begin + max(1, abs(begin) * 1e-6)
    return {"min": low, "max": max(high, low), "start": begin, "end": end}


def _strides(shape: Sequence[int]) -> tuple[int, ...]:
    """Return strides that leave a bounded sample; the channels are all kept."""
    budget = min(SAMPLE, max(1, ALL_SAMPLES // max(1, shape[1])))
    strides = [1] * len(shape)
    counts = list(shape)
    while math.prod(counts) // shape[1] > budget:
        axis = max((0, 2, 3, 4), key=lambda a: counts[a])
        strides[axis] += 1
        counts[axis] = -(-shape[axis] // strides[axis])
    return tuple(strides)


def _limits(values: np.ndarray) -> list[float]:
    """Return the smallest and the largest finite value; nothing where there is none."""
    if values.dtype.kind != "f":
        return [int(values.min()), int(values.max())]
    low, high = float(np.fmin.reduce(values, axis=None)), float(np.fmax.reduce(values, axis=None))
    if math.isfinite(low) and math.isfinite(high):
        return [low, high]
    finite = _finite(values)
    return [float(finite.min()), float(finite.max())] if finite.size else []


def _finite(values: np.ndarray) -> np.ndarray:
    if values.dtype.kind != "f":
        return values
    kept: np.ndarray = values[np.isfinite(values)]
    return kept
