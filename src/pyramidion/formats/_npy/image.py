"""`.npy` files as images.

The file says nothing of axes or sizes: the axes follow from their number, or are named by the user.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pyramidion.core import (
    Box,
    DataError,
    ImageSource,
    ImageSpec,
    PyramidionError,
    UsageError,
    escape,
    image_axes,
)
from pyramidion.formats._array.image_axes import find_axes, written_axes
from pyramidion.formats._array.kind import kind_of_array
from pyramidion.formats._array.slabs import TASK_BYTES, boxes_in, run_shape, slab_shape
from pyramidion.formats._array.source import ArrayImage
from pyramidion.formats._array.staged import StagedArray
from pyramidion.formats._flat_file import FlatFile
from pyramidion.formats._format import ImageSink, ImageTask, Kind, OpenOptions, Read, WriteOptions
from pyramidion.formats._npy.header import check_length, header_bytes, is_npy, read_header
from pyramidion.storage import told_as


class NpyImage(ArrayImage):
    """An `.npy` file as an image.

    Parameters
    ----------
    path : Path
        The file.
    options : OpenOptions
        Axes, voxel size, interval of time steps.

    Raises
    ------
    DataError
        If it is not such a file, is cut short, or holds something other than numbers.
    UsageError
        If the axes are not those of an image.
    """

    def __init__(self, path: Path, options: OpenOptions) -> None:
        self._file = FlatFile(path)
        header = read_header(self._file)
        _check_axes(header.shape, str(path))
        warnings = check_length(self._file, header)
        axes = find_axes(header.shape, header.dtype, str(path), asked=options.axes)
        # Seen from its fastest axis, an array in Fortran order is one in C order.
        self._stored = axes.reversed if header.fortran_order else axes
        self._map, self._header = self._stored.map, header
        size = {"voxel": options.voxel, "unit": options.voxel_unit} if options.voxel else {}
        time = {"interval": options.interval, "time_unit": "s"} if options.interval else {}
        spec = ImageSpec(
            image_axes(self._map.shape, **size, **time),  # type: ignore[arg-type]
            header.dtype.newbyteorder("<"),
            present=axes.present,
            is_rgb=axes.is_rgb,
            warnings=tuple(warnings),
        )
        block = self._map.spread(run_shape(self._stored.shape, header.dtype.itemsize))
        super().__init__(spec, block, (spec.name,))

    def _read(self, box: Box) -> np.ndarray:
        header = self._header
        values = self._file.read_box(
            header.data_offset, self._stored.shape, header.dtype, self._map.to_stored(box)
        )
        return self._map.from_stored(values, box)


class NpyImageSink:
    """An image as an `.npy` file under way; see :class:`pyramidion.formats.ImageSink`.

    The file has its full size from the beginning, and each task fills a part of it.

    Parameters
    ----------
    path : Path
        The file; it appears under this name on `commit`.
    specs : sequence of ImageSpec
        One field.
    options : WriteOptions
        Resume, overwrite, attach.

    Raises
    ------
    UsageError
        If there are several fields.
    StorageError
        If the file cannot be made, or another process is writing it.
    """

    resumable = True

    def __init__(self, path: Path, specs: Sequence[ImageSpec], options: WriteOptions) -> None:
        spec = _only(path, specs)
        self._path, self._dtype = path, spec.dtype.newbyteorder("<")
        self._axes = written_axes(spec, keeps_names=False)
        self._map = self._axes.map
        step = slab_shape(spec.shape, (1,) * 5, self._dtype.itemsize, TASK_BYTES)
        self._boxes = list(boxes_in(Box.whole(spec.shape), step))
        self.tasks: Sequence[ImageTask] = [
            ImageTask(0, box.size * self._dtype.itemsize) for box in self._boxes
        ]
        header = header_bytes(self._axes.shape, self._dtype)
        self._data_offset = len(header)
        plan: dict[str, Any] = {
            "format": "npy",
            "axes": self._axes.names,
            "shape": self._axes.shape,
        }
        plan |= {"dtype": self._dtype.str, "step": step}
        self._staged = StagedArray(path, plan, options, is_npy)
        try:
            self._prepare(header)
        except BaseException:
            self.abort()
            raise

    def is_done(self, task: int) -> bool:
        """Tell whether a task is recorded; it was on the disk before that."""
        return self._staged.record.get(task) is not None

    def work(self, task: int, reads: Sequence[Read]) -> None:
        """Read one region and write it to its place."""
        box = self._boxes[task]
        values = self._map.in_stored_order(np.asarray(reads[0](box), self._dtype))
        with told_as(self._path), self._staged.file.open("r+b", buffering=0) as file:
            for position, run in _runs(self._axes.shape, self._map.to_stored(box), values):
                file.seek(self._data_offset + position)
                while run.nbytes:
                    run = run[file.write(run) :]  # noqa: PLW2901 - what is left of it
            # The size tells nothing after a power cut: it is the full one from the beginning.
            os.fsync(file.fileno())
        self._staged.record.put(task, {}, {})

    def commit(self) -> None:
        """Give the file its name."""
        self._staged.commit(range(len(self.tasks)))

    def abort(self) -> None:
        """Stop; what is recorded stays."""
        self._staged.abort(len(self.tasks))

    def _prepare(self, header: bytes) -> None:
        n_bytes = len(header) + math.prod(self._axes.shape) * self._dtype.itemsize
        with told_as(self._path):
            # Neither of the two harms a file that another process has begun to fill.
            fd = os.open(
                self._staged.file, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666
            )
            with os.fdopen(fd, "r+b", buffering=0) as file:
                file.write(header)
                file.truncate(n_bytes)


def _runs(shape: tuple[int, ...], box: Box, values: np.ndarray) -> list[tuple[int, memoryview]]:
    """Return the pieces of a region that are neighbours in the file, each with its position."""
    axis = len(shape) - 1
    while axis > 0 and box.shape[axis] == shape[axis]:
        axis -= 1
    itemsize = values.dtype.itemsize
    found = []
    for lead in np.ndindex(*box.shape[:axis]):
        at = (*(a + b for a, b in zip(box.start, lead, strict=False)), *box.start[axis:])
        position = 0
        for index, n in zip(at, shape, strict=True):
            position = position * n + index
        run = np.ascontiguousarray(values[lead]).reshape(-1).view(np.uint8).data
        found.append((position * itemsize, run))
    return found


def open_image(path: Path, options: OpenOptions) -> ImageSource:
    """Open an `.npy` file as an image; see :class:`NpyImage`."""
    return NpyImage(path, options)


def create_image(path: Path, specs: Sequence[ImageSpec], options: WriteOptions) -> ImageSink:
    """Begin an `.npy` file; see :class:`NpyImageSink`."""
    return NpyImageSink(path, specs, options)


def plan_image(path: Path, specs: Sequence[ImageSpec], options: WriteOptions) -> dict[str, Any]:
    """Return what would be written, for ``--dry-run``."""
    del options  # an uncompressed file has no choices
    spec = _only(path, specs)
    axes = written_axes(spec, keeps_names=False)
    dtype = spec.dtype.newbyteorder("<").str
    return {"arrays": {"array": {"shape": axes.shape, "axes": "".join(axes.names), "dtype": dtype}}}


def kind_of(path: Path, options: OpenOptions) -> Kind:
    """Tell a waveform from an image; what cannot be read counts as a waveform."""
    try:
        header = read_header(FlatFile(path))
    except PyramidionError:
        return "waveform"  # which is refused in the same words
    return kind_of_array(header.shape, header.dtype, axes=options.axes)


def _check_axes(shape: tuple[int, ...], where: str) -> None:
    if not 2 <= len(shape) <= 5:
        raise DataError(
            where,
            f"shape {escape(shape)}: 2 to 5 axes needed",
            "t, c, z, y, x",
            "reshape it",
            id="PYR-NPY-04",
        )


def _only(path: Path, specs: Sequence[ImageSpec]) -> ImageSpec:
    if len(specs) > 1:
        raise UsageError(
            str(path),
            f"an .npy file holds one field, the source has {len(specs)}",
            ", ".join(spec.name for spec in specs),
            "choose one with --field, or write an .h5",
            id="PYR-NPY-06",
        )
    return specs[0]
