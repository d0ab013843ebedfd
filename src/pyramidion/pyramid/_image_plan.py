"""Which levels an image gets; computed before any data move.

A level halves the axes along which voxels are smallest, so that a stack of thin slices becomes
isotropic on the way and is halved evenly from there on. Time and channels are never reduced.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from pyramidion.kernels import MOST_IN_BOX, Counts, Factors, pooled_shape

PLANE_SIZE = 256
"""Volumes: the coarsest level has at most so many elements along y and x..."""

DEPTH_SIZE = 64
"""...and at most so many along z."""

PICTURE_SIZE = 512
"""Pictures of one plane: the coarsest level has at most so many elements along y and x."""

_NEARLY_EQUAL = 1.5


@dataclass(frozen=True)
class ImagePlan:
    """The levels of an image.

    Parameters
    ----------
    shape : tuple of int
        Elements of level 0 along (..., z, y, x).
    steps : tuple of tuple of int
        For each further level, 1 or 2 along z, y, x: how it is reduced from the one before.

    Examples
    --------
    >>> plan = ImagePlan.for_shape((40, 2000, 2000), voxel=(4.0, 1.0, 1.0))
    >>> plan.steps
    ((1, 2, 2), (1, 2, 2), (2, 2, 2))
    >>> plan.level_shape(3)
    (20, 250, 250)
    """

    shape: tuple[int, ...]
    steps: tuple[Factors, ...]

    @classmethod
    def for_shape(cls, shape: Sequence[int], voxel: Sequence[float] = (1.0, 1.0, 1.0)) -> ImagePlan:
        """Plan levels until the coarsest fits a small window.

        Parameters
        ----------
        shape : sequence of int
            (..., z, y, x).
        voxel : sequence of float
            Size of an element along z, y, x in one unit; all equal where it is not known.
        """
        sizes, voxels = [int(n) for n in shape[-3:]], [float(v) for v in voxel]
        if not all(math.isfinite(v) and v > 0 for v in voxels):
            voxels = [1.0, 1.0, 1.0]
        limits = (DEPTH_SIZE, PLANE_SIZE, PLANE_SIZE) if sizes[0] > 1 else (1, *[PICTURE_SIZE] * 2)
        steps: list[Factors] = []
        n_in_box = 1
        while any(n > most for n, most in zip(sizes, limits, strict=True)):
            smallest = min(v for n, v in zip(sizes, voxels, strict=True) if n > 1)
            z, y, x = (
                2 if n > 1 and v < _NEARLY_EQUAL * smallest else 1
                for n, v in zip(sizes, voxels, strict=True)
            )
            n_in_box *= z * y * x
            if n_in_box > MOST_IN_BOX:
                break
            steps.append((z, y, x))
            sizes = [-(-n // f) for n, f in zip(sizes, (z, y, x), strict=True)]
            voxels = [v * f for v, f in zip(voxels, (z, y, x), strict=True)]
        return cls(tuple(int(n) for n in shape), tuple(steps))

    @property
    def n_levels(self) -> int:
        """Number of levels, with level 0."""
        return len(self.steps) + 1

    def factors(self, level: int) -> Factors:
        """Return the size of a box of a level along z, y, x, in elements of level 0."""
        z, y, x = (math.prod(step[axis] for step in self.steps[:level]) for axis in range(3))
        return z, y, x

    def n_in_box(self, level: int) -> int:
        """Return how many elements of level 0 a whole box of a level holds."""
        return math.prod(self.factors(level))

    def level_shape(self, level: int) -> tuple[int, ...]:
        """Return the shape of a level, (..., z, y, x)."""
        shape = self.shape
        for step in itertools.islice(self.steps, level):
            shape = pooled_shape(shape, step)
        return shape

    def counts(self, level: int, stop: Sequence[int]) -> list[Counts]:
        """Return how many elements of level 0 the boxes of a region hold, along z, y, x.

        Parameters
        ----------
        level : int
            Which level.
        stop : sequence of int
            Where the region ends (..., z, y, x), in elements of the level.

        Returns
        -------
        list of (int, int)
            Per axis: of each box, and of the last one of the region.
        """
        counts = []
        for n, factor, b in zip(self.shape[-3:], self.factors(level), stop[-3:], strict=True):
            counts.append((factor, min(b * factor, n) - (b - 1) * factor))
        return counts
