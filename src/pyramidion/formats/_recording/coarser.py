"""The coarser levels of frames, made from the frames themselves."""

from __future__ import annotations

import numpy as np

from pyramidion.formats._ome.reducer import Reducer
from pyramidion.formats._recording.plan import RecordingPlan
from pyramidion.kernels import compile_halving, halve_means, sum_dtype


class Coarser:
    """Makes the coarser levels of frames; safe to use from many threads.

    Means of integers are made by compiled code where there is some.

    Parameters
    ----------
    plan : RecordingPlan
        Levels and what they hold.
    """

    def __init__(self, plan: RecordingPlan) -> None:
        self._image, self._n_levels = plan.image, plan.image.n_levels
        dtype, stat = plan.levels[0].dtype, plan.options.levels
        self._reducer = Reducer(plan.image, dtype, stat)
        self._shapes = [(layout.shape[1], layout.shape[2]) for layout in plan.levels[1:]]
        sums = sum_dtype(dtype, plan.image.n_in_box(self._n_levels - 1))
        self._sums = np.dtype(f"{sums.kind}{max(4, sums.itemsize)}")
        halved = stat == "mean" and all(step == (1, 2, 2) for step in plan.image.steps)
        self._is_compiled = halved and compile_halving(dtype, self._sums)

    def levels(self, frames: np.ndarray) -> list[np.ndarray]:
        """Return levels 1, 2... of frames.

        Parameters
        ----------
        frames : ndarray, shape (k, h, w)
            C-contiguous.

        Returns
        -------
        list of ndarray, shape (k, h_level, w_level)
        """
        if self._is_compiled:
            each = [halve_means(frame, self._shapes, self._sums) for frame in frames]
            if len(each) == 1:
                return [level[np.newaxis] for level in each[0]]
            return [np.stack(level) for level in zip(*each, strict=True)]
        made = []
        carried = self._reducer.begin(frames[:, np.newaxis])
        for level in range(1, self._n_levels):
            carried = self._reducer.pool(carried, self._image.steps[level - 1], level)
            stop = (1, *self._image.level_shape(level)[1:])
            made.append(np.ascontiguousarray(self._reducer.shown(carried, level, stop)[:, 0]))
        return made
