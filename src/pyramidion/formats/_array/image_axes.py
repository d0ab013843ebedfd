"""The axes of a stored array that is an image: named by the user, by the file, or by their number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pyramidion.core import IMAGE_AXES, DataError, ImageSpec, UsageError
from pyramidion.formats._array.axis_map import AxisMap, map_named
from pyramidion.formats._array.kind import are_image_axes, has_colors, split_axes

_BY_NUMBER = {2: "yx", 3: "zyx", 4: "czyx", 5: "tczyx"}


@dataclass(frozen=True)
class StoredAxes:
    """The axes of a stored array.

    Parameters
    ----------
    names : tuple of str
        Of :data:`pyramidion.core.IMAGE_AXES`, slowest first.
    shape : tuple of int
        As stored.
    is_rgb : bool
        The axis c, the last one, holds the colours of one picture.
    """

    names: tuple[str, ...]
    shape: tuple[int, ...]
    is_rgb: bool

    @property
    def map(self) -> AxisMap:
        """Where each axis goes among (t, c, z, y, x)."""
        return map_named(self.shape, self.names, IMAGE_AXES)

    @property
    def present(self) -> str:
        """The axes in the order of an image."""
        return "".join(name for name in IMAGE_AXES if name in self.names)

    @property
    def reversed(self) -> StoredAxes:
        """The same array with its axes in the opposite order, as Fortran counts them."""
        return StoredAxes(self.names[::-1], self.shape[::-1], self.is_rgb)


def find_axes(
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    where: str,
    *,
    asked: str | None = None,
    labels: Sequence[str] = (),
) -> StoredAxes:
    """Return the axes of an array of 2 to 5 axes.

    Parameters
    ----------
    shape : tuple of int
        As stored.
    dtype : numpy.dtype
        As stored.
    where : str
        The array, named in errors.
    asked : str, optional
        What the user said: ``z,y,x`` or ``zyx``, in any order.
    labels : sequence of str
        What the file says; used when all of it is understood.

    Raises
    ------
    UsageError
        If the user's names are not axes of an image, or one is there twice.
    DataError
        If the array has another number of axes than they name.
    """
    if asked:
        names = _asked_names(asked, shape, where)
        return StoredAxes(names, shape, names[-1] == "c" and has_colors(shape, dtype))
    found = tuple(label.strip().lower() for label in labels)
    if are_image_axes(found) and len(set(found)) == len(found) == len(shape):
        return StoredAxes(found, shape, found[-1] == "c" and has_colors(shape, dtype))
    if has_colors(shape, dtype):
        return StoredAxes((*"tzyx"[5 - len(shape) :], "c"), shape, is_rgb=True)
    return StoredAxes(tuple(_BY_NUMBER[len(shape)]), shape, is_rgb=False)


def written_axes(spec: ImageSpec, *, keeps_names: bool) -> StoredAxes:
    """Return the axes that an image is written with: those it has, colours as the last one.

    Parameters
    ----------
    spec : ImageSpec
        The image.
    keeps_names : bool
        The file says what its axes are; if not, an axis c of one channel is left out, for arrays of
        four axes are taken for channels.
    """
    sizes = dict(zip(IMAGE_AXES, spec.shape, strict=True))
    names = [n for n in IMAGE_AXES if n in spec.present or n in "yx" or sizes[n] > 1]
    if sizes["c"] == 1 and not keeps_names and "c" in names:
        names.remove("c")
    is_rgb = spec.is_rgb and sizes["c"] in (3, 4)
    if is_rgb:
        names.sort(key=lambda name: name == "c")
    return StoredAxes(tuple(names), tuple(sizes[n] for n in names), is_rgb)


def _asked_names(text: str, shape: Sequence[int], where: str) -> tuple[str, ...]:
    names = tuple(split_axes(text))
    known = ", ".join(IMAGE_AXES)
    for name in names:
        if name not in IMAGE_AXES:
            raise UsageError(
                "--axes", "not an axis of an image", name, f"use {known}", id="PYR-ARR-01"
            )
    if len(set(names)) < len(names):
        raise UsageError("--axes", "an axis is given twice", text, id="PYR-ARR-01")
    if not are_image_axes(names):
        raise UsageError(
            "--axes", "no rows or no columns", text, "name two of them y and x", id="PYR-ARR-01"
        )
    if len(names) != len(shape):
        raise DataError(
            where,
            f"shape {tuple(shape)}: {len(names)} axes named",
            text,
            f"name {len(shape)} of {known} with --axes",
            id="PYR-ARR-02",
        )
    return names
