"""Comparing the levels of an image with its level 0, in bounded memory.

Level 0 is read once, box by box; each box is reduced step by step and every step compared with what
is stored. Boxes are cut at powers of two, so that none of the reductions crosses them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from pyramidion.core import Box, PyramidionError
from pyramidion.formats._ome.reducer import Reducer
from pyramidion.formats._ome.source import OmeSource
from pyramidion.pyramid import ImagePlan

BOX_BYTES = 2**25
"""Most bytes of level 0 that are held at once."""


def check_levels(source: OmeSource) -> Iterator[str]:
    """Compare every level with the reduction of level 0.

    Parameters
    ----------
    source : OmeSource
        An image that this program wrote; of others it is not known how levels were made.

    Yields
    ------
    str
        A fault, one line for each box and level that differs or cannot be read.
    """
    if not source.stat or len(source.levels) < 2:
        return
    plan = _plan(source)
    if plan is None:
        yield f"{source.path}: levels are not halves of each other"
        return
    checker = _Checker(source, plan)
    top = plan.n_levels - 1
    shape = plan.level_shape(top)
    for t, c in itertools.product(range(shape[0]), range(shape[1])):
        checker.faults.clear()
        checker.carried(top, Box((t, c, 0, 0, 0), (t + 1, c + 1, *shape[2:])))
        yield from checker.faults


def _plan(source: OmeSource) -> ImagePlan | None:
    """Return the plan that the levels follow; None when they follow none of ours."""
    steps = []
    for fine, coarse in itertools.pairwise(source.levels):
        z, y, x = (round(b / a) for a, b in zip(fine.factors[2:], coarse.factors[2:], strict=True))
        steps.append((z, y, x))
    if any(f not in (1, 2) for step in steps for f in step):
        return None
    plan = ImagePlan(tuple(source.levels[0].shape), tuple(steps))
    fits = all(plan.level_shape(k) == tuple(level.shape) for k, level in enumerate(source.levels))
    return plan if fits else None


class _Checker:
    """Reduces boxes and collects what differs."""

    def __init__(self, source: OmeSource, plan: ImagePlan) -> None:
        self._source, self._plan = source, plan
        self._reducer = Reducer(plan, source.spec.dtype, source.stat)
        self.faults: list[str] = []

    def carried(self, level: int, box: Box) -> np.ndarray | None:
        """Reduce level 0 to a box of a level, comparing on the way; None where it cannot be read."""
        raw_bytes = box.size * self._plan.n_in_box(level) * self._source.spec.dtype.itemsize
        halves = _halves(box) if raw_bytes > BOX_BYTES else None
        if halves is not None:
            axis, parts = halves
            reduced = [self.carried(level, part) for part in parts]
            if any(part is None for part in reduced):
                return None
            return np.concatenate([p for p in reduced if p is not None], axis=axis - 5)
        if level == 0:
            values = self._read(0, box)
            return None if values is None else self._reducer.begin(values)
        finer = self.carried(level - 1, self._children(level, box))
        if finer is None:
            return None
        carried = self._reducer.pool(finer, self._plan.steps[level - 1], level)
        self._compare(level, box, self._reducer.shown(carried, level, box.stop))
        return carried

    def _children(self, level: int, box: Box) -> Box:
        five = (1, 1, *self._plan.steps[level - 1])
        start = tuple(a * f for a, f in zip(box.start, five, strict=True))
        stop = tuple(b * f for b, f in zip(box.stop, five, strict=True))
        return Box(start, stop).clipped(self._plan.level_shape(level - 1))

    def _compare(self, level: int, box: Box, expected: np.ndarray) -> None:
        stored = self._read(level, box)
        if stored is None:
            return
        differs = stored != expected
        if stored.dtype.kind == "f":
            differs &= ~(np.isnan(stored) & np.isnan(expected))
        n_faults = int(differs.sum())
        if n_faults:
            place = np.unravel_index(int(differs.argmax()), differs.shape)
            at = ", ".join(str(a + int(i)) for a, i in zip(box.start, place, strict=True))
            self.faults.append(
                f"{self._source.path}/{self._source.arrays[level].key}: {n_faults} elements are not"
                f" the {self._source.stat} of level 0, the first at (t, c, z, y, x) = ({at}):"
                f" {stored[place]} instead of {expected[place]}"
            )

    def _read(self, level: int, box: Box) -> np.ndarray | None:
        try:
            return self._source.read(box, level)
        except PyramidionError as error:
            self.faults.append(error.line)
            return None


def _halves(box: Box) -> tuple[int, tuple[Box, Box]] | None:
    """Cut a box along its longest axis at a power of two; None for a single element."""
    axis = max(range(5), key=lambda a: box.shape[a])
    length = box.shape[axis]
    if length < 2:
        return None
    at = box.start[axis] + 2 ** ((length - 1).bit_length() - 1)
    stop, start = list(box.stop), list(box.start)
    stop[axis] = start[axis] = at
    return axis, (Box(box.start, tuple(stop)), Box(tuple(start), box.stop))
