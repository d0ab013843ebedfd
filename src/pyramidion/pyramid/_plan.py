"""Which levels a record gets; computed before any data move."""

from __future__ import annotations

from dataclasses import dataclass

from pyramidion.kernels import bin_count

FIRST_FACTOR = 64
"""Samples per bin of the finest level: 4.2 % extra storage (measured; 16 would cost 16.7 %)."""

STEP = 4
"""How much coarser each next level is."""

LEAST_BINS = 4000
"""What a 4,000-pixel view wants: the coarsest level keeps at least this many bins."""


@dataclass(frozen=True)
class Level:
    """One level of an overview.

    Parameters
    ----------
    factor : int
        Samples per bin.
    bins : int
        Number of bins; the last may be shorter than `factor`.
    """

    factor: int
    bins: int


@dataclass(frozen=True)
class PyramidPlan:
    """The levels of a record, finest first.

    Parameters
    ----------
    n_samples : int
        Length of the record.
    levels : tuple of Level
        Each factor is a multiple of the one before.

    Examples
    --------
    >>> [level.factor for level in PyramidPlan.for_record(1_000_000).levels]
    [64]
    >>> [level.factor for level in PyramidPlan.for_record(10_000_000).levels]
    [64, 256, 1024]
    """

    n_samples: int
    levels: tuple[Level, ...]

    @classmethod
    def for_record(
        cls, n_samples: int, first: int = FIRST_FACTOR, step: int = STEP, least: int = LEAST_BINS
    ) -> PyramidPlan:
        """Plan levels until the next coarser one would have fewer than `least` bins.

        Parameters
        ----------
        n_samples : int
            Length of the record, at least 1.
        first, step : int
            Samples per bin of the finest level, and the factor from level to level.
        least : int
            Fewest bins of a level beyond the finest.
        """
        levels = [Level(first, bin_count(n_samples, first))]
        while bin_count(n_samples, levels[-1].factor * step) >= least:
            factor = levels[-1].factor * step
            levels.append(Level(factor, bin_count(n_samples, factor)))
        return cls(n_samples, tuple(levels))

    @property
    def factors(self) -> tuple[int, ...]:
        """Samples per bin of each level, finest first."""
        return tuple(level.factor for level in self.levels)
