"""An image as an OpenVisus client sees it: an IDX dataset, whatever is stored.

An IDX dataset keeps its box, bitmask, fields and time steps. Everything else is given the bitmask
that the library would choose. The header that is sent is normalised: answers are row-major and
compressed as the client asks, so how the blocks lie on the disk is nobody's business.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace

import numpy as np

from pyramidion.core import PyramidionError
from pyramidion.formats._idx.bitmask import XYZ, Bitmask
from pyramidion.formats._idx.fields import IdxField
from pyramidion.formats._idx.geometry import BlockGrid, lattice_range
from pyramidion.formats._idx.header import IdxHeader
from pyramidion.formats._idx.image import IdxImage
from pyramidion.server._errors import BadRequestError, NotServedError, TooLargeError
from pyramidion.server._image_view import ImageView
from pyramidion.server._images import Images, Target, cannot_read
from pyramidion.server._planes import MAX_ELEMENTS_DECODED, Lattice

_BITS_PER_BLOCK = 16
_TYPES = frozenset({"u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"})


@dataclass(frozen=True)
class Points:
    """Points at regular distances, in the coordinates of the dataset.

    Parameters
    ----------
    start, step, count : tuple of int
        First point, distance and number along x, y, z.
    """

    start: XYZ
    step: XYZ
    count: XYZ

    @property
    def axes(self) -> tuple[XYZ, XYZ, XYZ]:
        """First point, distance and number."""
        return self.start, self.step, self.count

    @property
    def size(self) -> int:
        """Number of points."""
        return math.prod(self.count)


class IdxView:
    """A dataset with its header.

    Parameters
    ----------
    images : Images
        Where its fields are opened.
    target : Target
        Which dataset.
    """

    def __init__(self, images: Images, target: Target) -> None:
        self._target = target
        # Held while this lives, so that it stays open.
        self._view = images.open(target)
        source = self._view.source
        self._stored = source.dataset if isinstance(source, IdxImage) else None
        self.header = _made_up(self._view) if self._stored is None else _plain(self._stored.header)
        self.grid = BlockGrid(self.header.bitmask, self.header.bitsperblock)

    def field(self, name: str) -> IdxField:
        """Return a field; the first one if `name` is empty.

        Raises
        ------
        NotServedError
            If there is none of this name.
        """
        fields = self.header.fields
        found = next((f for f in fields if f.name == (name or fields[0].name)), None)
        if found is None:
            names = ", ".join(f.name for f in fields)
            raise NotServedError("no such field", name, f"one of {names}", id="PYR-HTTP-13")
        return found

    def box_points(self, p1: XYZ, p2: XYZ, h: int) -> Points:
        """Return the points of all levels up to `h` inside the box [p1, p2).

        Raises
        ------
        BadRequestError
            If there is none.
        """
        stride = self.header.bitmask.stride(h)
        first, count = lattice_range(p1, p2, stride)
        if not all(count):
            axis = count.index(0)
            mend = f"{'xyz'[axis]} must hold a multiple of {stride[axis]}, or raise toh"
            what = "no sample of this resolution in the box"
            raise BadRequestError(what, h, mend, id="PYR-HTTP-11")
        x, y, z = (a * s for a, s in zip(first, stride, strict=True))
        return Points((x, y, z), stride, count)

    def block_points(self, block: int) -> Points:
        """Return the points of a block."""
        place = self.grid.place(block)
        return Points(place.origin, place.step, place.count)

    def read_box(self, field: IdxField, time: int, p1: XYZ, p2: XYZ, h: int) -> np.ndarray:
        """Read the points of all levels up to `h` inside a box.

        Returns
        -------
        ndarray, shape (z, y, x, components)
            Points outside of the dataset's box hold the default value.

        Raises
        ------
        TooLargeError
            If too much of the source would have to be decoded for it.
        FailedReadError
            If what is stored cannot be read.
        """
        if self._stored is None:
            return self._sample(field, time, self.box_points(p1, p2, h))
        number = self.header.fields.index(field)
        try:
            return self._stored.read(number, time, p1, p2, h)
        except PyramidionError as error:
            what = f"box of field {field.name} at time {time}"
            raise cannot_read(what, error, self._target) from error

    def read_block(self, field: IdxField, time: int, block: int) -> np.ndarray:
        """Read a block; returns and raises what :meth:`read_box` does."""
        if self._stored is None:
            return self._sample(field, time, self.block_points(block))
        number = self.header.fields.index(field)
        try:
            found = self._stored.read_block(number, time, block)
        except PyramidionError as error:
            what = f"block {block} of field {field.name} at time {time}"
            raise cannot_read(what, error, self._target) from error
        return _default(field, self.block_points(block)) if found is None else found

    def _sample(self, field: IdxField, time: int, points: Points) -> np.ndarray:
        """Read points from level 0: the coarser levels may hold means, which IDX never does."""
        out = _default(field, points)
        inside = self._inside(points)
        if inside is None:
            return out
        begin, count = inside
        first = [a + i * s for a, i, s in zip(points.start, begin, points.step, strict=True)]
        t = self.header.times.index(time)
        lattice = Lattice(
            (t, 0, *first[::-1]), (1, field.components, *count[::-1]), (1, 1, *points.step[::-1])
        )
        cost = self._view.sampler.cost(lattice)
        if cost > MAX_ELEMENTS_DECODED:
            mend = "ask for a smaller box, or write the dataset as IDX"
            raise TooLargeError("too much would have to be decoded", cost, mend, id="PYR-HTTP-12")
        try:
            voxels = self._view.sampler.read(lattice)[0]
        except PyramidionError as error:
            raise cannot_read(f"samples at time {time}", error, self._target) from error
        place = tuple(slice(a, a + n) for a, n in zip(begin[::-1], count[::-1], strict=True))
        out[place] = np.moveaxis(voxels, 0, -1)
        return out

    def _inside(self, points: Points) -> tuple[list[int], list[int]] | None:
        """Return which of the points lie in the dataset's box: first and number, along x, y, z."""
        begin, count = [], []
        low, high = self.header.p1, self.header.p2
        for p1, p2, start, step, n in zip(low, high, *points.axes, strict=True):
            first = max(0, -(-(p1 - start) // step))
            stop = min(n, -(-(p2 - start) // step))
            if first >= stop:
                return None
            begin.append(first)
            count.append(stop - first)
        return begin, count


def _default(field: IdxField, points: Points) -> np.ndarray:
    shape = (*points.count[::-1], field.components)
    return np.full(shape, field.default_value, field.dtype)


def _plain(stored: IdxHeader) -> IdxHeader:
    """Return a header that says how blocks are sent, not how they are stored."""
    fields = tuple(replace(field, layout="") for field in stored.fields)
    return replace(stored, version=6, arco=0, interleave=0, fields=fields)


def _made_up(view: ImageView) -> IdxHeader:
    """Return the header of an image that is not stored as IDX."""
    spec = view.spec
    if spec.dtype.str[1:] not in _TYPES:
        raise NotServedError("IDX has no such type", spec.dtype.name, id="PYR-HTTP-13")
    z, y, x = spec.shape[2:]
    # An axis of one element at the end has no digit: a line is made a picture of two rows.
    dims = (x, y, z) if z > 1 else (x, max(y, 2))
    bitmask = Bitmask.for_dims(dims)
    limits = [channel.limits for channel in spec.channels]
    known = [pair for pair in limits if pair is not None]
    field = IdxField(
        re.sub(r"[^A-Za-z0-9_]+", "_", spec.name) or "data",
        spec.dtype,
        spec.shape[1],
        minima=tuple(low for low, _ in known) if len(known) == len(limits) else (),
        maxima=tuple(high for _, high in known) if len(known) == len(limits) else (),
    )
    return IdxHeader(
        p1=(0, 0, 0),
        p2=(x, y, z),
        fields=(field,),
        bitmask=bitmask,
        bitsperblock=min(_BITS_PER_BLOCK, bitmask.maxh),
        times=tuple(spec.time_steps),
        time_template="time%06d/" if spec.shape[0] > 1 else "",
        axis_names=("X", "Y", "Z")[: len(dims)],
    )
