"""What is carried from level to level, and what of it is stored."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyramidion.core import UsageError
from pyramidion.kernels import (
    Factors,
    mean_of_sums,
    pool_extreme,
    pool_mode,
    pool_nearest,
    pool_sums,
    split_wide,
    sum_dtype,
)
from pyramidion.pyramid import ImagePlan

STATS = ("mean", "min", "max", "nearest", "mode")


class Reducer:
    """One statistic of one image.

    For ``mean``, sums over the raw box are carried, so that every level is the rounded mean of its
    raw elements; for the others, the elements of the level.

    Parameters
    ----------
    plan : ImagePlan
        The levels.
    dtype : numpy.dtype
        Of the elements.
    stat : str
        One of :data:`STATS`; empty for ``mean``.

    Raises
    ------
    UsageError
        If the statistic is not known.
    """

    def __init__(self, plan: ImagePlan, dtype: np.dtype[Any], stat: str) -> None:
        self.stat = stat or "mean"
        if self.stat not in STATS:
            raise UsageError(
                "--stat", "unknown", stat, f"one of {', '.join(STATS)}", id="PYR-CMP-01"
            )
        self._plan, self._dtype = plan, dtype
        self._is_wide = self.stat == "mean" and dtype.kind in "iu" and dtype.itemsize == 8

    @property
    def in_steps(self) -> bool:
        """A box may be reduced along one axis now and along another later."""
        return self.stat != "mode"

    @property
    def shift(self) -> float:
        """Position of an element in its box, from its first (0) to its last (1)."""
        return 0.0 if self.stat == "nearest" else 0.5

    @property
    def lead(self) -> tuple[int, ...]:
        """Shape of what is carried before the five axes of the image."""
        return (2,) if self._is_wide else ()

    def carried_dtype(self, level: int) -> np.dtype[Any]:
        """Return the type of what is carried at a level."""
        if self.stat != "mean" or level == 0:
            return self._dtype
        return sum_dtype(self._dtype, self._plan.n_in_box(level))

    def begin(self, values: np.ndarray) -> np.ndarray:
        """Return what is carried at level 0."""
        return split_wide(values) if self._is_wide else values

    def pool(self, carried: np.ndarray, factors: Factors, level: int) -> np.ndarray:
        """Reduce what is carried by `factors`, towards `level`."""
        if self.stat == "mean":
            return pool_sums(carried, factors, self.carried_dtype(level))
        if self.stat == "nearest":
            return pool_nearest(carried, factors)
        if self.stat == "mode":
            return pool_mode(carried, factors)
        return pool_extreme(carried, factors, largest=self.stat == "max")

    def shown(self, carried: np.ndarray, level: int, stop: tuple[int, ...]) -> np.ndarray:
        """Return the elements of a region of a level that ends at `stop`."""
        if self.stat != "mean" or level == 0:
            return carried
        return mean_of_sums(carried, self._plan.counts(level, stop), self._dtype)
