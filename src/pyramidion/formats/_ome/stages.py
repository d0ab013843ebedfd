"""In which stages the levels of an image are made, and what one hands over to the next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pyramidion.core import Box
from pyramidion.formats._ome.geometry import Grid, ImageGeometry
from pyramidion.formats._ome.reducer import Reducer
from pyramidion.kernels import Factors, pooled_shape

UNREDUCED: Factors = (1, 1, 1)


@dataclass(frozen=True)
class Stage:
    """How one level hands over to the next.

    Parameters
    ----------
    first : int
        Number of its first task.
    grid : Grid
        Its regions, one per task.
    done, rest : tuple of int
        How far a task reduces its own region along z, y and x, and what is left to those who
        gather: a slab of one slice has no neighbour to be added to.
    spilled : Grid
        The same regions after that.
    """

    first: int
    grid: Grid
    done: Factors
    rest: Factors
    spilled: Grid


def plan_stages(geometry: ImageGeometry, reducer: Reducer) -> Iterator[Stage]:
    """Return the stages, up to the first level whose regions are whole."""
    first = 0
    for level, grid in enumerate(geometry.grids):
        is_last = grid.is_whole() or level + 1 == geometry.plan.n_levels
        step = UNREDUCED if is_last else geometry.plan.steps[level]
        done, rest = _shares(grid, step, in_steps=reducer.in_steps)
        spilled = Grid(pooled_shape(grid.shape, done), pooled_shape(grid.step, done))
        yield Stage(first, grid, done, rest, spilled)
        first += len(grid)
        if is_last:
            return


def _shares(grid: Grid, step: Factors, *, in_steps: bool) -> tuple[Factors, Factors]:
    """Return how far a region is reduced by the task itself, and what is left to the next stage."""
    even = [
        side % factor == 0 or side >= n
        for n, side, factor in zip(grid.shape[2:], grid.step[2:], step, strict=True)
    ]
    if not in_steps:
        even = [all(even)] * 3
    z, y, x = (factor if is_even else 1 for factor, is_even in zip(step, even, strict=True))
    rest_z, rest_y, rest_x = (f // d for f, d in zip(step, (z, y, x), strict=True))
    return (z, y, x), (rest_z, rest_y, rest_x)


def scaled(box: Box, factors: Factors) -> Box:
    """Return a region in elements that are `factors` finer along z, y and x."""
    five = (1, 1, *factors)
    return Box(
        tuple(a * f for a, f in zip(box.start, five, strict=True)),
        tuple(b * f for b, f in zip(box.stop, five, strict=True)),
    )


def pooled_box(box: Box, factors: Factors) -> Box:
    """Return a region in elements that are `factors` coarser along z, y and x."""
    five = (1, 1, *factors)
    return Box(
        tuple(a // f for a, f in zip(box.start, five, strict=True)),
        tuple(-(-b // f) for b, f in zip(box.stop, five, strict=True)),
    )


def overlap(one: Box, other: Box) -> Box:
    """Return what two regions have in common."""
    return Box(
        tuple(map(max, one.start, other.start)),
        tuple(map(min, one.stop, other.stop)),
    )
