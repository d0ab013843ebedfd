"""A streaming pyramid: samples in, finished bins of every level out, in bounded memory.

Pure numbers: no files, no threads. What is carried between two blocks is less than one bin of each
level. A level is built from the level below and equals the level built from the samples: minima
and maxima compose exactly, and means carry their sums.

>>> import numpy as np
>>> builder = PyramidBuilder((2, 4))
>>> [(b.level, b.start, b.values.tolist()) for b in builder.push(np.array([3, 1, 4, 1, 5]))]
[(0, 0, [[1, 1], [3, 4]]), (1, 0, [[1], [4]])]
>>> [(b.level, b.start, b.values.tolist()) for b in builder.finish()]
[(0, 2, [[5], [5]]), (1, 1, [[5], [5]])]
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from pyramidion.kernels import merge_minmax, merge_sums, reduce_minmax, reduce_sum

Reduce = Callable[[np.ndarray, int], np.ndarray]


@dataclass(frozen=True)
class LevelBlock:
    """Finished bins of one level.

    Parameters
    ----------
    level : int
        Position in the builder's factors (0 is the finest).
    start : int
        First bin.
    values : ndarray
        ``minmax``: shape (..., 2, n_bins), dtype of the samples. ``mean``: shape (..., n_bins),
        float64. The reduced axis is the last.
    """

    level: int
    start: int
    values: np.ndarray


class PyramidBuilder:
    """Reduce a stream of blocks to the bins of several levels.

    Parameters
    ----------
    factors : sequence of int
        Samples per bin of each level, finest first; each a multiple of the one before.
    stat : {"minmax", "mean"}
        What a bin keeps.
    axis : int
        The axis of the blocks along which they follow each other and are reduced.
    paired : bool
        The blocks pushed are themselves bins (minima and maxima, shape (..., 2, n), or sums), and
        `factors` count those bins; ``minmax`` only.
    """

    def __init__(
        self, factors: Sequence[int], *, stat: str = "minmax", axis: int = -1, paired: bool = False
    ) -> None:
        pairs = list(itertools.pairwise(factors))
        steps = [factors[0], *(b // a for a, b in pairs)]
        if any(b % a for a, b in pairs):
            raise ValueError(f"each factor must be a multiple of the one before: {factors}")
        first, further = {
            "minmax": (merge_minmax if paired else reduce_minmax, merge_minmax),
            "mean": (reduce_sum, merge_sums),
        }[stat]
        self._stages = [_Stage(f, first if k == 0 else further) for k, f in enumerate(steps)]
        self._factors = tuple(factors)
        self._mean = stat == "mean"
        self._axis = axis
        self._n_pushed = 0

    def push(self, block: np.ndarray) -> list[LevelBlock]:
        """Take the next samples and return the bins that they complete.

        Parameters
        ----------
        block : ndarray
            Any length along the reduced axis, the same shape along the others.
        """
        moved = np.moveaxis(block, self._axis, -1)
        self._n_pushed += moved.shape[-1]
        return list(self._run(moved, last=False))

    def finish(self) -> list[LevelBlock]:
        """Return the last, shorter bins of every level."""
        return list(self._run(None, last=True))

    def _run(self, values: np.ndarray | None, *, last: bool) -> Iterator[LevelBlock]:
        for level, stage in enumerate(self._stages):
            start = stage.n_done
            values = stage.take(values, last=last)
            if values is not None:
                yield LevelBlock(level, start, self._shown(values, level, start))

    def _shown(self, values: np.ndarray, level: int, start: int) -> np.ndarray:
        if not self._mean:
            return values
        factor = self._factors[level]
        first = np.arange(start, start + values.shape[-1]) * factor
        counts = np.minimum(first + factor, self._n_pushed) - first
        means: np.ndarray = values / counts
        return means


class _Stage:
    """One level: keeps the less-than-a-bin that is left over between two blocks."""

    def __init__(self, step: int, reduce: Reduce) -> None:
        self._step, self._reduce = step, reduce
        self._rest: np.ndarray | None = None
        self.n_done = 0

    def take(self, values: np.ndarray | None, *, last: bool) -> np.ndarray | None:
        if self._rest is not None:
            values = self._rest if values is None else np.concatenate([self._rest, values], axis=-1)
        if values is None:
            return None
        n_whole = values.shape[-1] if last else values.shape[-1] // self._step * self._step
        # A copy, so that a small rest does not keep a large block alive.
        rest = values[..., n_whole:]
        self._rest = rest.copy() if rest.shape[-1] else None
        if n_whole == 0:
            return None
        bins = self._reduce(values[..., :n_whole], self._step)
        self.n_done += bins.shape[-1]
        return bins
