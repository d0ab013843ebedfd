"""NumPy's `.npy`: one array in one file, a waveform or an image.

Here is the waveform, with 1 to 4 axes of (channels, trcs, segments, samples); the image is in
``_npy.image``. The file says nothing of volts or seconds: gain 1, offset 0, and the interval that
the user gives.

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     with open_npy(_example(Path(folder)), OpenOptions(interval=1e-6)) as source:
...         source.spec.shape, source.spec.dtype.name
((2, 1, 3, 1003), 'int16')
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
    Closing,
    DataError,
    WaveformSource,
    WaveformSpec,
    escape,
    waveform_axes,
)
from pyramidion.formats._flat_file import FlatFile
from pyramidion.formats._format import (
    Format,
    OpenOptions,
    Read,
    Sink,
    WriteOptions,
    example_codes,
    example_voxels,
)
from pyramidion.formats._npy.header import check_length, header_bytes, is_npy, read_header
from pyramidion.formats._npy.image import create_image, kind_of, open_image, plan_image
from pyramidion.storage import WriterLock, hidden_sibling, told_as

TASK_SAMPLES = 1 << 22
DEFAULT_INTERVAL_S = 1e-9

_SLAB_BYTES = 1 << 23


class NpySource(Closing):
    """An `.npy` file as a waveform.

    Parameters
    ----------
    path : Path
        The file.
    options : OpenOptions
        `interval` is used; 1 ns is assumed without it.

    Raises
    ------
    DataError
        If it is not such a file, is cut short, or holds something other than numbers.
    """

    def __init__(self, path: Path, options: OpenOptions) -> None:
        self._file = FlatFile(path)
        self._header = read_header(self._file)
        _check_axes(self._header.shape, str(path))
        warnings = check_length(self._file, self._header)
        if options.interval is None:
            warnings.append(
                f"{escape(path)}: no sample interval in the file, 1 ns assumed: use --dt"
            )
        interval = DEFAULT_INTERVAL_S if options.interval is None else options.interval
        axes = waveform_axes(self._header.shape, interval)
        self._spec = WaveformSpec(
            axes,
            self._header.dtype.newbyteorder("<"),
            gains=np.ones((axes[0].size, axes[1].size)),
            offsets=np.zeros((axes[0].size, axes[1].size)),
            unit="",
            warnings=tuple(warnings),
        )

    @property
    def spec(self) -> WaveformSpec:
        """What the waveform is."""
        return self._spec

    def read(self, box: Box) -> np.ndarray:
        """Read a region of shape ``box.shape``."""
        header = self._header
        if not header.fortran_order:
            return self._file.read_box(header.data_offset, self._spec.shape, header.dtype, box)
        return self._read_fortran(box)

    def _read_fortran(self, box: Box) -> np.ndarray:
        """Read from a file in which the samples are the slowest axis.

        All channels of one sample are neighbours, so whole slabs of samples are read, and what the
        box does not want of them is dropped.
        """
        shape, header = self._spec.shape[::-1], self._header
        values = np.empty(box.shape, header.dtype.newbyteorder("<"))
        step = max(1, _SLAB_BYTES // (math.prod(shape[1:]) * header.dtype.itemsize))
        start, stop = box.start[3], box.stop[3]
        for lo in range(start, stop, step):
            hi = min(lo + step, stop)
            wanted = Box((lo, 0, 0, 0), (hi, *shape[1:]))
            slab = self._file.read_box(header.data_offset, shape, header.dtype, wanted)
            values[..., lo - start : hi - start] = slab.T[(*box.slices[:3], slice(None))]
        return values


class NpySink:
    """An `.npy` file under way; see :class:`pyramidion.formats.Sink`.

    Every task owns a run of neighbouring bytes, so that tasks are written in parallel and in any
    order.

    Parameters
    ----------
    path : Path
        The file; it appears under this name on `commit`.
    spec : WaveformSpec
        Shape and dtype are written, nothing else fits in the file.

    Raises
    ------
    StorageError
        If the file cannot be made, or another process is writing it.
    """

    resumable = False

    def __init__(self, path: Path, spec: WaveformSpec) -> None:
        self._path, self._shape = path, spec.shape
        self._dtype = spec.dtype.newbyteorder("<")
        self.tasks: Sequence[Box] = contiguous_boxes(spec.shape, TASK_SAMPLES)
        header = header_bytes(self._shape, self._dtype)
        self._data_offset = len(header)
        self._part = hidden_sibling(path, "part")
        self._lock = WriterLock(path)
        try:
            with told_as(path):
                self._part.write_bytes(header)
                os.truncate(self._part, len(header) + math.prod(self._shape) * self._dtype.itemsize)
        except BaseException:
            self.abort()
            raise

    def is_done(self, task: int) -> bool:
        """Nothing is resumed: a part of a file that was not synced cannot be trusted."""
        del task
        return False

    def work(self, task: int, read: Read) -> None:
        """Read one task's region and write it to its place."""
        box = self.tasks[task]
        values = np.ascontiguousarray(read(box), self._dtype)
        position = int(np.ravel_multi_index(box.start, self._shape)) * self._dtype.itemsize
        rest = values.reshape(-1).view(np.uint8).data
        with told_as(self._path), self._part.open("r+b", buffering=0) as file:
            file.seek(self._data_offset + position)
            while rest.nbytes:
                rest = rest[file.write(rest) :]

    def accept(self, task: int, result: object) -> None:
        """Nothing spans tasks."""

    def commit(self) -> None:
        """Give the file its name."""
        with told_as(self._path):
            self._part.replace(self._path)
        self._lock.release()

    def abort(self) -> None:
        """Remove what was written; safe after ``commit`` and safe to call twice."""
        if self._lock.held:
            self._part.unlink(missing_ok=True)
            self._lock.release()


def contiguous_boxes(shape: tuple[int, ...], limit: int) -> list[Box]:
    """Cut an array into regions that are contiguous in C order.

    Parameters
    ----------
    shape : tuple of int
        The array.
    limit : int
        Most elements in a region.

    Returns
    -------
    list of Box
        In C order; together they cover the array exactly once.

    Examples
    --------
    >>> [box.slices for box in contiguous_boxes((2, 5), 4)]  # doctest: +ELLIPSIS
    [(slice(0, 1, None), slice(0, 4, None)), (slice(0, 1, None), slice(4, 5, None)), ...
    """
    axis = len(shape) - 1
    while axis > 0 and math.prod(shape[axis:]) <= limit:
        axis -= 1
    step = max(1, limit // math.prod(shape[axis + 1 :]))
    boxes = []
    for outer in np.ndindex(*shape[:axis]):
        one_past = tuple(i + 1 for i in outer)
        for lo in range(0, shape[axis], step):
            inner_start = (lo,) + (0,) * (len(shape) - axis - 1)
            inner_stop = (min(lo + step, shape[axis]), *shape[axis + 1 :])
            boxes.append(Box(outer + inner_start, one_past + inner_stop))
    return boxes


def open_npy(path: Path, options: OpenOptions) -> WaveformSource:
    """Open an `.npy` file; see :class:`NpySource`."""
    return NpySource(path, options)


def create_npy(path: Path, spec: WaveformSpec, options: WriteOptions) -> Sink:
    """Begin an `.npy` file; see :class:`NpySink`."""
    del options  # an uncompressed file has no choices
    return NpySink(path, spec)


def _check_axes(shape: tuple[int, ...], where: str) -> None:
    if not 1 <= len(shape) <= 4:
        raise DataError(
            where,
            f"shape {escape(shape)}: 1 to 4 axes needed",
            "channels, trcs, segments, samples",
            "reshape it",
            id="PYR-NPY-04",
        )


def _plan(spec: WaveformSpec, options: WriteOptions) -> dict[str, Any]:
    del options
    return {"arrays": {"array": {"shape": spec.shape, "dtype": spec.dtype.str}}}


def _example(folder: Path) -> Path:
    path = folder / "example.npy"
    np.save(path, example_codes())
    return path


def _image_example(folder: Path) -> Path:
    path = folder / "example.npy"
    np.save(path, example_voxels()[0, 0])
    return path


FORMAT = Format(
    name="npy",
    summary="NumPy arrays: waveforms of 1 to 4 axes, images of 2 to 5",
    suffixes=(".npy",),
    matches=is_npy,
    open=open_npy,
    create=create_npy,
    plan=_plan,
    example=_example,
    open_image=open_image,
    create_image=create_image,
    plan_image=plan_image,
    kind=kind_of,
    image_example=_image_example,
    opens_remote=True,
)
