"""Images, volumes and movies: always five axes, whatever the file has.

A photograph is a volume of one plane and one time. Every image source, level and box has the axes
(t, c, z, y, x); what the file itself had is kept in :attr:`ImageSpec.present`, so that a copy has
the same axes again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from pyramidion.core._box import Box
from pyramidion.core._source import Source
from pyramidion.core._spec import ArraySpec, Axis

IMAGE_AXES = ("t", "c", "z", "y", "x")

Index5 = tuple[int, int, int, int, int]


@dataclass(frozen=True)
class Channel:
    """How one channel is named and shown.

    Parameters
    ----------
    label : str
        Name for people.
    color : str
        Six hexadecimal digits; empty for the viewer's choice.
    window : tuple of float, or None
        Values shown darkest and brightest.
    limits : tuple of float, or None
        Smallest and largest value there is.
    """

    label: str = ""
    color: str = ""
    window: tuple[float, float] | None = None
    limits: tuple[float, float] | None = None


@dataclass(frozen=True)
class ImageLevel:
    """One level of an image; level 0 is the image itself.

    Parameters
    ----------
    shape : tuple of int
        Elements along t, c, z, y, x.
    factors : tuple of float
        Distance of two elements, in elements of level 0, per axis.
    shift : tuple of float
        Position of the first element, in elements of level 0. Half of ``factor - 1`` where
        elements are averages of a box, 0 where they are samples of its corner.
    """

    shape: tuple[int, ...]
    factors: tuple[float, ...] = (1.0,) * 5
    shift: tuple[float, ...] = (0.0,) * 5


@dataclass(frozen=True)
class ImageSpec(ArraySpec):
    """An image, a volume or a movie: elements of shape (t, c, z, y, x).

    The axes carry voxel sizes: element i along an axis is at ``offset + i * scale`` in its unit;
    an empty unit means that the size is not known.

    Parameters
    ----------
    name : str
        The field's name (``data``).
    present : str
        The axes that the source itself has, in the order of :data:`IMAGE_AXES` (``zyx``, ``yx``).
    channels : tuple of Channel
        One per channel; empty where nothing is known.
    is_rgb : bool
        The channels are red, green and blue (and alpha) of one picture.
    times : tuple of int
        What the source calls its time steps; empty for 0, 1, 2...
    origin : tuple of int
        Index (z, y, x) that the source gives to the first voxel.
    attributes : mapping
        Further metadata of the source, copied to the destination (JSON values).
    warnings : tuple of str
        Faults that left the result right; told once to the user.
    """

    name: str = "data"
    present: str = "zyx"
    channels: tuple[Channel, ...] = ()
    is_rgb: bool = False
    times: tuple[int, ...] = ()
    origin: tuple[int, int, int] = (0, 0, 0)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def time_steps(self) -> tuple[int, ...]:
        """What the time steps are called, one per element of t."""
        return self.times or tuple(range(self.shape[0]))


class ImageSource(Source, Protocol):
    """An image that can be read box by box at several levels, from many threads at once."""

    @property
    def spec(self) -> ImageSpec:
        """What the image is."""
        ...

    @property
    def levels(self) -> Sequence[ImageLevel]:
        """Level 0, and the coarser ones that need not be computed from it."""
        ...

    @property
    def block(self) -> tuple[int, ...]:
        """Shape (t, c, z, y, x) of what is decoded together, at level 0."""
        ...

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of all fields of the dataset; ``spec.name`` is the one that is open."""
        ...

    def read(self, box: Box, level: int = 0) -> np.ndarray:
        """Read a region.

        Parameters
        ----------
        box : Box
            Region of the level, in its own elements (t, c, z, y, x).
        level : int
            Which level.

        Returns
        -------
        ndarray, shape ``box.shape``, dtype ``spec.dtype`` (little-endian)
            In any memory order; may be a read-only view.

        Raises
        ------
        DamagedError
            If stored bytes do not decode.
        """
        ...

    def notes(self) -> tuple[str, ...]:
        """Return what the reads so far have found that the user should know (absent blocks)."""
        ...


def image_axes(
    shape: Sequence[int],
    voxel: Sequence[float] = (1.0, 1.0, 1.0),
    unit: str = "",
    *,
    interval: float = 1.0,
    time_unit: str = "",
    offset: Sequence[float] = (0.0, 0.0, 0.0),
) -> tuple[Axis, ...]:
    """Return the five axes of an image.

    Parameters
    ----------
    shape : sequence of int
        (t, c, z, y, x).
    voxel : sequence of float
        Size of an element along z, y, x.
    unit : str
        Unit of `voxel` and `offset`; empty when not known.
    interval : float
        Time from step to step.
    time_unit : str
        Its unit; empty when not known.
    offset : sequence of float
        Position of the first element along z, y, x.
    """
    t, c, *zyx = (int(n) for n in shape)
    space = (
        Axis(name, n, unit, float(size), float(at))
        for name, n, size, at in zip("zyx", zyx, voxel, offset, strict=True)
    )
    return Axis("t", t, time_unit, float(interval)), Axis("c", c), *space
