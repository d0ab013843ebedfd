"""NumPy's `.npy`: one array in one file, with 1 to 4 axes of (channels, trcs, segments, samples).

The file says nothing of volts or seconds: gain 1, offset 0, and the interval that the user gives.
Pickles are never loaded: only integers and floats are read, and the header is read by a parser of
literals. Format: the document "numpy.lib.format", versions 1 to 3.

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     with open_npy(_example(Path(folder)), OpenOptions(interval=1e-6)) as source:
...         source.spec.shape, source.spec.dtype.name
((2, 1, 3, 1003), 'int16')
"""

from __future__ import annotations

import ast
import io
import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
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
from pyramidion.formats._flat_file import FlatFile, grouped
from pyramidion.formats._format import (
    Format,
    OpenOptions,
    Read,
    Sink,
    WriteOptions,
    example_codes,
)
from pyramidion.storage import WriterLock, hidden_sibling, told_as

TASK_SAMPLES = 1 << 22
DEFAULT_INTERVAL_S = 1e-9

_MAGIC = b"\x93NUMPY"
_HEADER_LIMIT = 10_000
_SLAB_BYTES = 1 << 23
_PLAIN_TYPE = re.compile(r"[<>|=]?(?:[iu][1248]|f[248])")


@dataclass(frozen=True)
class _Header:
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran_order: bool
    data_offset: int


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
        self._header = _read_header(self._file)
        warnings = _check_length(self._file, self._header)
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
        header = _header_bytes(self._shape, self._dtype)
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


def _read_header(file: FlatFile) -> _Header:
    where = str(file.path)
    head = file.read_head(_HEADER_LIMIT + 12)
    if head[:6] != _MAGIC:
        raise DataError(
            where, "not a .npy file", f"starts with `{head[:4].hex(' ')}`", id="PYR-NPY-01"
        )
    if len(head) < 12:
        raise _truncated(where, 12, file.size)
    n_length = 2 if head[6] == 1 else 4
    begin = 8 + n_length
    length = int.from_bytes(head[8:begin], "little")
    if head[6] not in (1, 2, 3) or length > _HEADER_LIMIT:
        raise _not_a_header(where, f"version {head[6]}, {length} B of header")
    if begin + length > file.size:
        raise _truncated(where, begin + length, file.size)
    fields = _literal(head[begin : begin + length], where)
    shape, order = fields["shape"], fields["fortran_order"]
    if not (isinstance(shape, tuple) and isinstance(order, bool) and all(map(_is_size, shape))):
        raise _not_a_header(where, f"shape {shape}, fortran_order {order}")
    dtype = _plain_type(fields["descr"], where)
    _check_shape(shape, where)
    return _Header(shape, dtype, order, begin + length)


def _literal(text: bytes, where: str) -> dict[str, Any]:
    try:
        fields = ast.literal_eval(text.decode("latin-1").strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise _not_a_header(where, text[:60]) from error
    if not isinstance(fields, dict) or set(fields) != {"descr", "fortran_order", "shape"}:
        raise _not_a_header(where, text[:60])
    return fields


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _plain_type(descr: object, where: str) -> np.dtype[Any]:
    # Matched before numpy sees it: `|O` is a pickle, and a list is a record.
    if not isinstance(descr, str) or not _PLAIN_TYPE.fullmatch(descr):
        shown = "Python objects, a pickle" if descr == "|O" else descr
        raise DataError(
            where,
            "unsupported type",
            shown,
            "integers and floats of up to 64 bits are read",
            id="PYR-NPY-03",
        )
    return np.dtype(descr)


def _check_shape(shape: tuple[int, ...], where: str) -> None:
    if not 1 <= len(shape) <= 4:
        raise DataError(
            where,
            f"shape {escape(shape)}: 1 to 4 axes needed",
            "channels, trcs, segments, samples",
            "reshape it",
            id="PYR-NPY-04",
        )
    if 0 in shape:
        raise DataError(where, "empty", "0 samples", id="PYR-NPY-05")


def _check_length(file: FlatFile, header: _Header) -> list[str]:
    """Return a warning when something follows the array."""
    needed = header.data_offset + math.prod(header.shape) * header.dtype.itemsize
    if file.size < needed:
        raise _truncated(str(file.path), needed, file.size)
    extra = file.size - needed
    return [f"{escape(file.path)}: {grouped(extra)} B after the array left out"] if extra else []


def _truncated(where: str, needed: int, found: int) -> DataError:
    return DataError(
        where,
        "truncated",
        f"needs {grouped(needed)} B, has {grouped(found)} B",
        "copy it again",
        id="PYR-NPY-02",
    )


def _not_a_header(where: str, found: object) -> DataError:
    return DataError(where, "not a .npy header", found, "save it again", id="PYR-NPY-01")


def _header_bytes(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": dtype.str, "fortran_order": False, "shape": shape}
    )
    return header.getvalue()


def _matches(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def _plan(spec: WaveformSpec, options: WriteOptions) -> dict[str, Any]:
    del options
    return {"arrays": {"array": {"shape": spec.shape, "dtype": spec.dtype.str}}}


def _example(folder: Path) -> Path:
    path = folder / "example.npy"
    np.save(path, example_codes())
    return path


FORMAT = Format(
    name="npy",
    summary="NumPy arrays with 1 to 4 axes of (channels, trcs, segments, samples)",
    suffixes=(".npy",),
    matches=_matches,
    open=open_npy,
    create=create_npy,
    plan=_plan,
    example=_example,
)
