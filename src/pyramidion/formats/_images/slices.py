"""Which pictures an image becomes: planes of it, and where in the file each value goes.

Rows are the slower of the two axes that are left, columns the faster: a slice along z has y down
and x to the right, along y it has z down and x to the right, along x z down and y to the right. Row
0 is element 0; nothing is turned over.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pyramidion.core import Axis, Box, ImageSpec, UsageError
from pyramidion.formats._images.template import NameTemplate

_T, _C, _Z, _Y, _X = range(5)


@dataclass(frozen=True)
class Slicing:
    """The pictures of an image.

    Parameters
    ----------
    shape : tuple of int
        The image, (t, c, z, y, x).
    along : int
        Axis whose elements are the pictures.
    flat : int
        Axis of space that the pictures do not have.
    numbers : tuple of int
        Number of each picture, for its name.
    """

    shape: tuple[int, ...]
    along: int
    flat: int
    numbers: tuple[int, ...]

    @property
    def picture_shape(self) -> tuple[int, ...]:
        """(rows, columns), or (rows, columns, channels)."""
        rows, columns = (self.shape[a] for a in (_Z, _Y, _X) if a != self.flat)
        return (rows, columns) if self.shape[_C] == 1 else (rows, columns, self.shape[_C])

    def axes(self, spec: ImageSpec) -> tuple[Axis, Axis]:
        """Return the axes of rows and columns."""
        rows, columns = (spec.axes[a] for a in (_Z, _Y, _X) if a != self.flat)
        return rows, columns

    def box(self, first: int, last: int) -> Box:
        """Return the region that holds the pictures from `first` up to before `last`."""
        start, stop = [0] * 5, list(self.shape)
        start[self.along], stop[self.along] = first, last
        return Box(tuple(start), tuple(stop))

    def pictures(self, values: np.ndarray) -> np.ndarray:
        """Return the pictures of such a region, (picture, rows, columns[, channels])."""
        values = np.moveaxis(values, _C, -1)  # t z y x c
        along = self.along - (self.along > _C)
        values = np.moveaxis(values, along, 0)
        n_pictures = values.shape[0]
        return values.reshape(n_pictures, *self.picture_shape)


def slicing(where: str, spec: ImageSpec, template: NameTemplate) -> Slicing:
    """Choose the pictures of an image.

    Parameters
    ----------
    where : str
        The destination, for errors.
    spec : ImageSpec
        The image. One that is flat along z, y or x becomes one picture per time step; another one
        picture per element of z.
    template : NameTemplate
        Names; without a number there can be one picture only.

    Raises
    ------
    UsageError
        If there would be several time steps of several slices, or several pictures of one name.
    """
    shape = spec.shape
    flat = next((a for a in (_Z, _Y, _X) if shape[a] == 1), _Z)
    if shape[flat] > 1 and shape[_T] > 1:
        raise UsageError(
            where,
            f"{shape[_T]} time steps of {shape[_Z]} slices have two numbers",
            mend="choose one with --time, or write a .tif",
            id="PYR-BOX-06",
        )
    along = _T if shape[flat] == 1 else flat
    if shape[along] > 1 and not template.has_number:
        raise holds_one(where, template.suffix)
    return Slicing(shape, along, flat, _numbers(spec, along))


def holds_one(where: str, suffix: str, what: str | None = None) -> UsageError:
    """Return the error for what a picture cannot hold."""
    kinds = {".png": ("PNG", "8/16-bit"), ".jpg": ("JPEG", "8-bit"), ".jpeg": ("JPEG", "8-bit")}
    name, bits = kinds.get(suffix, ("a TIFF without pages", "plain"))
    return UsageError(
        where,
        f"{name} holds one {bits} slice",
        what,
        "use a .tif, %04d in the name, or --range lo hi",
        id="PYR-BOX-05",
    )


def _numbers(spec: ImageSpec, along: int) -> tuple[int, ...]:
    """Return what the source calls the time steps or slices."""
    if along == _T:
        return tuple(spec.time_steps)
    first = max(0, spec.origin[0])
    return tuple(range(first, first + spec.shape[along]))
