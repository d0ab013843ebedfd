"""The axes of a TIFF, as tifffile names them, in the five of an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pyramidion.core import IMAGE_AXES, Box, UsageError
from pyramidion.formats._format import OpenOptions

_ANY = "IQ"
"""Pages, and axes, of which the file does not say what they are."""


@dataclass(frozen=True)
class AxisMap:
    """Where each axis of the file lies in (t, c, z, y, x).

    Parameters
    ----------
    axes : str
        Of the file: letters of ``tczyxs``; ``s`` (samples of a pixel) are channels.
    sizes : tuple of int
        Along these.
    """

    axes: str
    sizes: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, int, int, int, int]:
        """(t, c, z, y, x)."""
        size = dict(zip(self.axes, self.sizes, strict=True))
        size.setdefault("c", size.get("s", 1))
        t, c, z, y, x = (size.get(a, 1) for a in IMAGE_AXES)
        return t, c, z, y, x

    @property
    def present(self) -> str:
        """The axes that the file has."""
        there = self.axes.replace("s", "c")
        return "".join(a for a in IMAGE_AXES if a in there)

    def box(self, box: Box) -> Box:
        """Return a box of the image as one of the file."""
        at = [IMAGE_AXES.index("c" if a == "s" else a) for a in self.axes]
        return Box(tuple(box.start[i] for i in at), tuple(box.stop[i] for i in at))

    def image(self, values: np.ndarray) -> np.ndarray:
        """Return elements of the file as (t, c, z, y, x)."""
        axes = self.axes.replace("s", "c")
        there = [a for a in IMAGE_AXES if a in axes]
        values = values.transpose([axes.index(a) for a in there])
        return values[tuple(slice(None) if a in axes else None for a in IMAGE_AXES)]


def map_axes(where: str, axes: str, shape: Sequence[int], options: OpenOptions) -> AxisMap:
    """Find out which axis of a file is which.

    Parameters
    ----------
    where : str
        The file, for errors.
    axes : str
        As tifffile names them (``ZYX``, ``IYX``, ``QQYX``).
    shape : sequence of int
        Their sizes.
    options : OpenOptions
        `axes` decides where the file does not. One axis without a name is z, a second one t.

    Raises
    ------
    UsageError
        If it is not clear; ``--axes`` then says it.
    """
    letters = _asked(where, axes, shape, options) if options.axes else list(axes.lower())
    keep = [i for i, a in enumerate(letters) if shape[i] > 1 or a in "yx"]
    letters, sizes = [letters[i] for i in keep], [shape[i] for i in keep]
    unknown = [i for i, a in enumerate(letters) if a.upper() in _ANY]
    if len(unknown) == 1:
        free = [a for a in "zt" if a not in letters]
        letters[unknown[0]] = free[0] if free else letters[unknown[0]]
    wrong = set(letters) - set("tczyxs") or len(set(letters)) < len(letters)
    if wrong or {"c", "s"} <= set(letters) or not {"y", "x"} <= set(letters):
        raise UsageError(
            where,
            f"axes {axes} of {' x '.join(map(str, shape))} are not clear",
            mend="use --axes, for example t,z,y,x",
            id="PYR-TIF-05",
        )
    return AxisMap("".join(letters), tuple(sizes))


def _asked(where: str, axes: str, shape: Sequence[int], options: OpenOptions) -> list[str]:
    asked = [a.strip().lower() for a in (options.axes or "").replace(",", " ").split()]
    if len(asked) == 1 and len(asked[0]) > 1:
        asked = list(asked[0])
    if "s" in axes.lower() and "s" not in asked and len(asked) == len(shape) - 1:
        asked.insert(axes.lower().index("s"), "s")
    if len(asked) != len(shape) or not set(asked) <= set("tczyxs") or len(set(asked)) < len(asked):
        raise UsageError(
            "--axes",
            f"{len(shape)} axes needed for {where}, of t, c, z, y, x",
            options.axes,
            id="PYR-TIF-05",
        )
    return asked
