"""A part of an image: a box, a level, some time steps, as a source of its own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pyramidion.core import Box, Closing, ImageLevel, ImageSource, ImageSpec, UsageError

LAST_LEVEL = -1
"""Asks for the last level there is: an end resolution is offered as such."""
_AXES = "xyz"
_MOST_DIGITS = 18


@dataclass(frozen=True)
class Selection:
    """What is kept of an image.

    Parameters
    ----------
    box : Box
        Region of the level, in its elements (z, y, x).
    level : int
        Which level.
    times : tuple of int
        Positions of the time steps along t.
    first : tuple of int
        What the source calls the first voxel that is kept (z, y, x), at level 0.
    """

    box: Box
    level: int
    times: tuple[int, ...]
    first: tuple[int, int, int]


class SelectedImage(Closing):
    """A part of an image; positions, time steps and names stay what they were.

    Parameters
    ----------
    source : ImageSource
        Closed with this object.
    selection : Selection
        What is kept.
    """

    def __init__(self, source: ImageSource, selection: Selection) -> None:
        self._source, self._kept = source, selection
        self.fields = source.fields
        self.spec = _selected_spec(source, selection)
        self.levels = (ImageLevel(self.spec.shape),)
        factors = source.levels[selection.level].factors
        block = (max(1, round(n / f)) for n, f in zip(source.block, factors, strict=True))
        self.block = tuple(map(min, block, self.spec.shape))

    def read(self, box: Box, level: int = 0) -> np.ndarray:
        """Read a region, counted from the first element that is kept."""
        assert level == 0, "a part of an image has one level"
        shift = (0, 0, *self._kept.box.start)
        parts = []
        for first, stop in _runs(self._kept.times[box.start[0] : box.stop[0]]):
            moved = Box((first, *box.start[1:]), (stop, *box.stop[1:])).shifted(shift)
            parts.append(self._source.read(moved, self._kept.level))
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    @property
    def n_damaged(self) -> int:
        """Blocks of the source that did not decode and were filled."""
        return getattr(self._source, "n_damaged", 0)

    def notes(self) -> tuple[str, ...]:
        """Return what the source has found."""
        return self._source.notes()

    def close(self) -> None:
        """Close the source."""
        self._source.close()


def select(
    source: ImageSource, *, box: str = "", level: int = 0, times: str = "", clip: bool = False
) -> Selection | None:
    """Work out what the user wants of an image.

    Parameters
    ----------
    source : ImageSource
        The image.
    box : str
        ``"x1 x2 y1 y2 z1 z2"`` at level 0, in the source's own numbers, blanks or commas, both
        ends included; for a picture of two axes ``"x1 x2 y1 y2"`` also.
    level : int
        Which level; -1 for the last.
    times : str
        ``"3"``, ``"0:4"`` (both ends included), ``"0,5,10"``.
    clip : bool
        Cut a box that is partly outside.

    Returns
    -------
    Selection, or None for the whole image at level 0

    Raises
    ------
    UsageError
        If box, level or times do not fit the image.
    """
    if not (box or level or times):
        return None
    if level == LAST_LEVEL:
        level = len(source.levels) - 1
    if not 0 <= level < len(source.levels):
        raise UsageError("--level", f"0 to {len(source.levels) - 1}", level, id="PYR-BOX-07")
    spec = source.spec
    asked = parse_box(box, spec, clip=clip) if box else Box.whole(spec.shape[2:])
    kept = _times_of(times, spec)
    first = tuple(a + o for a, o in zip(asked.start, spec.origin, strict=True))
    return Selection(_at_level(asked, source, level), level, kept, (first[0], first[1], first[2]))


def parse_box(text: str, spec: ImageSpec, *, clip: bool = False) -> Box:
    """Read ``--box``.

    Returns
    -------
    Box
        (z, y, x), counted from the first voxel.

    Raises
    ------
    UsageError
        If it is no box, or lies outside the image.
    """
    n_axes = 3 if "z" in spec.present or spec.shape[2] > 1 else 2
    numbers = _box_numbers(text, n_axes)
    ends = [(numbers[2 * a], numbers[2 * a + 1]) for a in range(len(numbers) // 2)]
    ends += [(spec.origin[0], spec.origin[0])] * (3 - len(ends))
    start, stop = [], []
    for axis, (first, last), low, n in zip(
        _AXES, ends, spec.origin[::-1], spec.shape[:1:-1], strict=True
    ):
        a, b = _checked_ends(axis, first, last, low, low + n - 1, clip=clip)
        start.append(a - low)
        stop.append(b - low + 1)
    return Box(tuple(start[::-1]), tuple(stop[::-1]))


def _box_numbers(text: str, n_axes: int) -> list[int]:
    parts = text.replace(",", " ").split()
    wanted = 2 * n_axes
    if len(parts) != wanted and not (n_axes == 2 and len(parts) == 6):
        raise UsageError(
            "--box",
            f"{wanted} numbers needed for {n_axes} axes",
            f"got {len(parts)}",
            f'write --box "{" ".join(f"{a}1 {a}2" for a in _AXES[:n_axes])}"',
            id="PYR-BOX-02",
        )
    try:
        if any(len(part) > _MOST_DIGITS for part in parts):
            raise ValueError
        return [int(part) for part in parts]
    except ValueError:
        raise UsageError(
            "--box", "not whole numbers", text, 'write --box "x1 x2 y1 y2 z1 z2"', id="PYR-BOX-02"
        ) from None


def _checked_ends(  # one axis: what was asked, what there is
    axis: str, first: int, last: int, low: int, high: int, *, clip: bool
) -> tuple[int, int]:
    if first > last:
        raise UsageError("--box", f"{axis}: first behind last", f"{first} {last}", id="PYR-BOX-02")
    is_apart = last < low or first > high
    if is_apart or (not clip and (first < low or last > high)):
        bad = first if not low <= first <= high else last
        mend = None if is_apart else "use --clip to cut the box"
        raise UsageError(
            "--box", f"{axis} {bad} outside {low}..{high}", None, mend, id="PYR-BOX-03"
        )
    return max(first, low), min(last, high)


def _at_level(box: Box, source: ImageSource, level: int) -> Box:
    """Return the elements of a level that stand for a region of level 0."""
    about = source.levels[level]
    start, stop = [], []
    for axis, a, b, factor, shift, n in zip(
        "zyx", box.start, box.stop, about.factors[2:], about.shift[2:], about.shape[2:], strict=True
    ):
        if factor > 1 and math.isclose(shift, (factor - 1) / 2):
            # Averages: those of whose box a part is asked.
            first, last = math.floor(a / factor), math.ceil(b / factor)
        else:
            # Samples: those that lie inside.
            first, last = math.ceil((a - shift) / factor), math.ceil((b - shift) / factor)
        first, last = max(0, first), min(n, last)
        if first >= last:
            near = round(max(0, min(n - 1, round((a - shift) / factor))) * factor + shift)
            raise UsageError(
                "--box",
                f"{axis} {a} is not on level {level}",
                f"one in {factor:g} is",
                f"use {axis} {near} or a finer --level",
                id="PYR-BOX-03",
            )
        start.append(first)
        stop.append(last)
    return Box(tuple(start), tuple(stop))


def _times_of(text: str, spec: ImageSpec) -> tuple[int, ...]:
    steps = spec.time_steps
    if not text:
        return tuple(range(len(steps)))
    asked = _parse_times(text, steps)
    missing = [n for n in asked if n not in steps]
    if missing or not asked:
        shown = f"{steps[0]} to {steps[-1]}" if len(steps) > 1 else f"only {steps[0]}"
        what = f"{missing[0]} not in the dataset" if missing else "nothing asked"
        raise UsageError("--time", what, shown, id="PYR-IDX-15")
    return tuple(steps.index(n) for n in asked)


def _parse_times(text: str, steps: Sequence[int]) -> list[int]:
    asked: list[int] = []
    try:
        for part in text.replace(",", " ").split():
            first, colon, last = part.partition(":")
            if colon:
                low = int(first) if first else steps[0]
                high = int(last) if last else steps[-1]
                asked += [n for n in steps if low <= n <= high]
            else:
                asked.append(int(first))
    except ValueError:
        raise UsageError(
            "--time", "not time steps", text, "write for example 3, 0:4 or 0,5,10", id="PYR-ALL-14"
        ) from None
    return sorted(set(asked))


def _selected_spec(source: ImageSource, kept: Selection) -> ImageSpec:
    spec, level = source.spec, source.levels[kept.level]
    shape = (len(kept.times), spec.shape[1], *kept.box.shape)
    axes = [
        replace(
            axis,
            size=n,
            scale=axis.scale * factor,
            offset=axis.offset + axis.scale * (shift + first * factor),
        )
        for axis, n, factor, shift, first in zip(
            spec.axes, shape, level.factors, level.shift, (0, 0, *kept.box.start), strict=True
        )
    ]
    axes[0] = replace(spec.axes[0], size=shape[0])
    axes[1] = replace(spec.axes[1], size=shape[1])
    return replace(
        spec,
        axes=tuple(axes),
        times=tuple(spec.time_steps[t] for t in kept.times),
        origin=kept.first if kept.level == 0 else (0, 0, 0),
    )


def _runs(positions: Sequence[int]) -> list[tuple[int, int]]:
    """Join neighbouring positions into half-open ranges.

    Examples
    --------
    >>> _runs((0, 1, 2, 5))
    [(0, 3), (5, 6)]
    """
    runs: list[tuple[int, int]] = []
    for n in positions:
        if runs and runs[-1][1] == n:
            runs[-1] = (runs[-1][0], n + 1)
        else:
            runs.append((n, n + 1))
    return runs
