"""One field of an IDX dataset as an image of the axes t, c, z, y, x."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pyramidion.core import (
    Axis,
    Box,
    Channel,
    Closing,
    DamagedError,
    ImageLevel,
    ImageSpec,
    UsageError,
    image_axes,
)
from pyramidion.formats._format import OpenOptions
from pyramidion.formats._idx.dataset import IdxDataset
from pyramidion.formats._idx.fields import IdxField
from pyramidion.formats._idx.header import IdxHeader
from pyramidion.formats._idx.levels import image_levels, level_at
from pyramidion.formats._idx.metadata import channels_of, from_metadata

_RGB = (3, 4)


class IdxImage(Closing):
    """One field of a dataset.

    Parameters
    ----------
    path : Path
        The .idx file.
    options : OpenOptions
        `field` chooses, by default the first; `voxel` is used over what the file says;
        `end_resolution` is offered as the last level; with `fill_damaged`, blocks that do not
        decode hold the default value.

    Raises
    ------
    MissingError
        If there is no such file.
    DataError
        If the header is not one, or not supported.
    UsageError
        If there is no such field.
    """

    def __init__(self, path: Path, options: OpenOptions) -> None:
        self.dataset = IdxDataset(path, fill_damaged=options.fill_damaged)
        self._field = self.dataset.field_number(options.field)
        header = self.dataset.header
        field = header.fields[self._field]
        self._levels = image_levels(header, len(header.times), field.components)
        if options.end_resolution is not None:
            h = _checked_resolution(options.end_resolution, header)
            self._levels.append((h, level_at(header, h, len(header.times), field.components)))
        self._spec = _describe(header, field, options)

    @property
    def spec(self) -> ImageSpec:
        """What the image is."""
        return self._spec

    @property
    def levels(self) -> Sequence[ImageLevel]:
        """The levels that the order of the samples makes; see ``resolutions``."""
        return [level for _, level in self._levels]

    @property
    def resolutions(self) -> tuple[int, ...]:
        """The end resolution H of each level."""
        return tuple(h for h, _ in self._levels)

    @property
    def block(self) -> tuple[int, ...]:
        """The part of the image that a block of the finest level is spread over."""
        grid = self.dataset.grid
        place = grid.place(grid.n_blocks - 1)
        spans = (n * step for n, step in zip(place.count, place.step, strict=True))
        x, y, z = map(min, spans, self.dataset.header.dims)
        return 1, self._spec.shape[1], z, y, x

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of all fields of the dataset."""
        return tuple(field.name for field in self.dataset.header.fields)

    @property
    def details(self) -> dict[str, Any]:
        """What `info` tells of the dataset beyond the image (JSON values)."""
        header = self.dataset.header
        field = header.fields[self._field]
        return {
            "version": header.version,
            "variant": "arco" if header.arco else "modvisus",
            "codec": field.compression or "raw",
            "layout": "row-major" if field.is_row_major else "hz",
            "bitmask": header.bitmask.text,
            "bitsperblock": header.bitsperblock,
            "block_bytes": header.block_bytes(field),
            "blocks": header.n_blocks,
        }

    def read(self, box: Box, level: int = 0) -> np.ndarray:
        """Read a region (t, c, z, y, x) of a level, in the level's own elements.

        Raises
        ------
        DamagedError
            If a block does not decode.
        """
        h, place = self._levels[level]
        origin = self._spec.origin[::-1]
        stride = [int(s) for s in place.factors[:1:-1]]
        first = [p + int(s) for p, s in zip(origin, place.shift[:1:-1], strict=True)]
        p1 = [f + a * s for f, a, s in zip(first, box.start[:1:-1], stride, strict=True)]
        # The point after the last one is not part of the region, whatever the stride.
        p2 = [f + (b - 1) * s + 1 for f, b, s in zip(first, box.stop[:1:-1], stride, strict=True)]
        if 0 in box.shape:
            return np.empty(box.shape, self._spec.dtype)
        return self._read_lattice(box, p1, p2, h)

    def read_at(self, h: int, box: Box) -> np.ndarray:
        """Read what a resolution has of a region given in elements of level 0.

        Parameters
        ----------
        h : int
            End resolution, 0 to ``dataset.header.bitmask.maxh``.
        box : Box
            Region (t, c, z, y, x) of level 0.

        Returns
        -------
        ndarray, shape (t, c, z, y, x)
            The samples at multiples of the resolution's stride, counted from 0 in the dataset's
            own coordinates; an axis has size 0 where the region has none.
        """
        origin = self._spec.origin[::-1]
        p1 = [p + a for p, a in zip(origin, box.start[:1:-1], strict=True)]
        p2 = [p + b for p, b in zip(origin, box.stop[:1:-1], strict=True)]
        return self._read_lattice(box, p1, p2, h)

    def notes(self) -> tuple[str, ...]:
        """Return which blocks were absent, or damaged and filled, in the reads so far."""
        return self.dataset.notes()

    @property
    def n_damaged(self) -> int:
        """How many blocks did not decode and were filled, in the reads so far."""
        return self.dataset.n_damaged

    def block_faults(self) -> Iterator[str]:
        """Decode every block of the field; yield a line for each that does not."""
        header = self.dataset.header
        for time in header.times:
            for block in self.dataset.grid.meeting(header.p1, header.p2, header.bitmask.maxh):
                try:
                    self.dataset.check_block(self._field, time, block)
                except DamagedError as error:
                    yield error.line

    def close(self) -> None:
        """Let go of the decoded blocks."""
        self.dataset.close()

    def _read_lattice(self, box: Box, p1: Sequence[int], p2: Sequence[int], h: int) -> np.ndarray:
        """Read points of the time steps and channels of a box as (t, c, z, y, x)."""
        times = self.dataset.header.times[box.start[0] : box.stop[0]]
        channels = slice(box.start[1], box.stop[1])
        volumes = [
            np.moveaxis(self.dataset.read(self._field, t, p1, p2, h)[..., channels], -1, 0)
            for t in times
        ]
        return volumes[0][None] if len(volumes) == 1 else np.stack(volumes)


def _checked_resolution(h: int, header: IdxHeader) -> int:
    if not 0 <= h <= header.bitmask.maxh:
        raise UsageError("--toh", f"0 to {header.bitmask.maxh}", h, id="PYR-BOX-07")
    return h


def _describe(header: IdxHeader, field: IdxField, options: OpenOptions) -> ImageSpec:
    attributes, told = from_metadata(header.metadata)
    shape = (len(header.times), field.components, *header.dims[::-1])
    axes, warnings = _axes(header, shape, told, options)
    present = ("t" if shape[0] > 1 else "") + ("c" if shape[1] > 1 else "")
    is_picture = field.components in _RGB and field.dtype in (np.uint8, np.uint16)
    return ImageSpec(
        axes,
        field.dtype,
        name=field.name,
        present=present + ("zyx" if header.n_axes == 3 else "yx"),
        channels=_channels(field, channels_of(told, field.name)),
        is_rgb=is_picture and told.get("is_rgb") is not False,
        times=() if header.times == tuple(range(len(header.times))) else header.times,
        origin=(header.p1[2], header.p1[1], header.p1[0]),
        attributes=attributes,
        warnings=warnings,
    )


def _channels(field: IdxField, known: tuple[Channel, ...]) -> tuple[Channel, ...]:
    """Return the channels; a window that nothing else says is the range in the header."""
    n = field.components
    channels = list(known) if len(known) == n else [Channel()] * n
    for i, window in enumerate(zip(field.minima, field.maxima, strict=True)):
        channels[i] = dataclasses.replace(channels[i], window=channels[i].window or window)
    return tuple(channels) if any(c != Channel() for c in channels) else ()


def _axes(
    header: IdxHeader, shape: Sequence[int], told: dict[str, Any], options: OpenOptions
) -> tuple[tuple[Axis, ...], tuple[str, ...]]:
    voxel, offset, units = [1.0] * 3, [0.0] * 3, [""] * 3
    known = told.get("units")
    bounds, warnings = _bounds(header, has_units=bool(known))
    for axis, (low, size) in enumerate(bounds):  # x, y, z
        voxel[2 - axis], offset[2 - axis] = size, low
        unit = known.get("xyz"[axis]) if isinstance(known, dict) else None
        units[2 - axis] = unit if isinstance(unit, str) else ""
    if options.voxel is not None:
        voxel, offset, units = list(options.voxel), [0.0] * 3, [options.voxel_unit] * 3
    interval = told.get("interval")
    t_unit = known.get("t") if isinstance(known, dict) else None
    t, c, *zyx = image_axes(
        shape,
        voxel,
        offset=offset,
        interval=float(interval) if isinstance(interval, int | float) and interval > 0 else 1.0,
        time_unit=t_unit if isinstance(t_unit, str) else "",
    )
    space = (dataclasses.replace(a, unit=u) for a, u in zip(zyx, units, strict=True))
    return (t, c, *space), warnings


def _bounds(
    header: IdxHeader, *, has_units: bool
) -> tuple[list[tuple[float, float]], tuple[str, ...]]:
    """Return position of the first element and size of an element, along x, y, z.

    Without units, a physical box that is the box itself says nothing: the library writes it so.
    """
    n = header.n_axes
    if header.physic_box is not None:
        low, high = header.physic_box[::2], header.physic_box[1::2]
        sizes = [(b - a) / d for a, b, d in zip(low, high, header.dims, strict=False)]
        if header.physic_box == _plain_box(header) and not has_units:
            return [], ()
        if min(sizes) > 0:
            return list(zip(low, sizes, strict=True)), ()
        return [], ("(physic_box) has no extent: voxel sizes are left out",)
    matrix = header.logic_to_physic
    if matrix is None:
        return [], ()
    rows = np.array(matrix).reshape(n + 1, n + 1)
    scales, shifts = np.diagonal(rows)[:n], rows[:n, n]
    if np.any(rows[:n, :n] != np.diag(scales)) or np.any(scales <= 0):
        return [], ("(logic_to_physic) turns or shears: voxel sizes are left out",)
    if np.array_equal(rows, np.eye(n + 1)):
        return [], ()
    return [
        (float(shift + p * scale), float(scale))
        for shift, scale, p in zip(shifts, scales, header.p1, strict=False)
    ], ()


def _plain_box(header: IdxHeader) -> tuple[float, ...]:
    """Return the box as a physical one: what the library writes when it knows nothing better."""
    pairs = zip(header.p1, header.p2, strict=True)
    return tuple(float(v) for pair in pairs for v in pair)[: 2 * header.n_axes]
