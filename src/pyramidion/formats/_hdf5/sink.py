"""Writing an HDF5 waveform: one dataset ``data``, its calibration in root attributes.

Workers shuffle and compress whole chunks with libdeflate; one thread hands the result to the
library, which only appends. Any HDF5 reader of 1.8 or later reads the file.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pyramidion import __version__
from pyramidion.core import Box, UsageError, WaveformSpec
from pyramidion.formats._array.slabs import boxes_in
from pyramidion.formats._format import Read, WriteOptions
from pyramidion.formats._hdf5.calibration import JSON_NAMES, WRITTEN
from pyramidion.formats._hdf5.chunks import shuffle
from pyramidion.storage import WriterLock, hidden_sibling, storage_error

CHUNK_SAMPLES = 2**16
TASK_SAMPLES = 2**22
_LEVEL = 4
_GZIP = re.compile(r"gzip(?::([1-9]))?$")
_LIMIT_ATTRIBUTE_BYTES = 2**15
"""Longer arrays become datasets; an attribute should stay small."""

Chunk = tuple[tuple[int, ...], bytes | bytearray | memoryview]


class HDF5Sink:
    """An HDF5 file under way; see :class:`pyramidion.formats.Sink`.

    Parameters
    ----------
    path : Path
        The file; filled under another name in the same folder.
    spec : WaveformSpec
        What is written.
    options : WriteOptions
        Compression: ``gzip`` (level 4, the default), ``gzip:1`` to ``gzip:9``, or ``none``.

    Raises
    ------
    UsageError
        If it is to be resumed, or the compression is another.
    StorageError
        If the file cannot be made, or another process is writing it.
    """

    resumable = False

    def __init__(self, path: Path, spec: WaveformSpec, options: WriteOptions) -> None:
        import h5py

        if options.resume:
            raise UsageError(
                "--resume",
                "an HDF5 file cannot be resumed",
                path.name,
                "run again with --overwrite, or write a .zarr",
                id="PYR-H5-24",
            )
        self._level = gzip_level(options.compression)
        self._path, self._spec = path, spec
        self._dtype = spec.dtype.newbyteorder("<")
        self._chunk, task = _chunk_shape(spec.shape)
        self.tasks: Sequence[Box] = list(boxes_in(Box.whole(spec.shape), task))
        self._part = hidden_sibling(path, "part")
        self._file: Any = None
        with told_by_library(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = WriterLock(path)
        try:
            with told_by_library(path):
                # Format 1.8: the oldest that takes attributes beyond 64 KB.
                self._file = h5py.File(self._part, "w", libver=("v108", "v108"))
                self._dataset = self._file.create_dataset(
                    "data",
                    shape=spec.shape,
                    dtype=self._dtype,
                    chunks=self._chunk,
                    compression="gzip" if self._level else None,
                    compression_opts=self._level or None,
                    shuffle=self._level > 0 and self._dtype.itemsize > 1,
                )
                _write_attributes(self._file, spec)
        except BaseException:
            self.abort()
            raise

    def is_done(self, task: int) -> bool:
        """Return False: nothing is kept of an interrupted run."""
        del task
        return False

    def work(self, task: int, read: Read) -> list[Chunk]:
        """Read the task's region and encode its chunks."""
        box = self.tasks[task]
        block = np.asarray(read(box), self._dtype)
        return [
            (
                chunk.start,
                encode_chunk(block[_within(chunk, box)], self._chunk, self._level),
            )
            for chunk in boxes_in(box, self._chunk)
        ]

    def accept(self, task: int, result: list[Chunk]) -> None:
        """Append the task's chunks."""
        del task
        with told_by_library(self._path):
            for start, data in result:
                self._dataset.id.write_direct_chunk(start, data, 0)

    def commit(self) -> None:
        """Give the file its name."""
        with told_by_library(self._path):
            self._file.close()
            self._part.replace(self._path)
        self._lock.release()

    def abort(self) -> None:
        """Remove what was written; safe after ``commit`` and safe to call twice."""
        if not self._lock.held:
            return
        # On a full disk the library cannot close at the first attempt, and may at the second.
        for _ in range(2):
            with contextlib.suppress(OSError, RuntimeError):
                if self._file is not None:
                    self._file.close()
        self._part.unlink(missing_ok=True)
        self._lock.release()


def encode_chunk(
    values: np.ndarray, shape: tuple[int, ...], level: int
) -> bytes | bytearray | memoryview:
    """Encode one chunk as HDF5 stores it.

    Parameters
    ----------
    values : ndarray
        Its elements; fewer than a chunk has at the edge of the array.
    shape : tuple of int
        Of a whole chunk; on disk all are.
    level : int
        Of gzip; 0 to store the elements as they are, without shuffling their bytes.
    """
    chunk = values
    if values.shape != shape:
        chunk = np.zeros(shape, values.dtype)
        chunk[tuple(slice(n) for n in values.shape)] = values
    chunk = np.ascontiguousarray(chunk)
    if not level:
        return chunk.reshape(-1).view(np.uint8).data
    import deflate

    return deflate.zlib_compress(shuffle(chunk).data, level)


def _within(part: Box, box: Box) -> tuple[slice, ...]:
    return part.shifted(tuple(-a for a in box.start)).slices


def plan_arrays(spec: WaveformSpec, options: WriteOptions) -> dict[str, Any]:
    """Return what would be written, for ``--dry-run``."""
    level = gzip_level(options.compression)
    chunk, _ = _chunk_shape(spec.shape)
    return {
        "codec": f"gzip:{level}" if level else "none",
        "arrays": {"data": {"shape": spec.shape, "chunk": chunk}},
    }


def gzip_level(compression: str) -> int:
    """Read the name of a compression; 0 is none.

    Raises
    ------
    UsageError
        If it is not one that every HDF5 reader has.
    """
    if compression == "none":
        return 0
    match = _GZIP.match(compression or "gzip")
    if match is None:
        raise UsageError(
            "--compression",
            "not one for an .h5 file",
            compression,
            "use gzip, gzip:1 to gzip:9 or none",
            id="PYR-H5-23",
        )
    return int(match[1] or _LEVEL)


def _chunk_shape(shape: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the shapes of a chunk and of a task; both span segments where these are short."""
    chunk = _grown((1, 1, 1, 1), shape, CHUNK_SAMPLES)
    return chunk, _grown(chunk, shape, TASK_SAMPLES)


def _grown(unit: tuple[int, ...], shape: tuple[int, ...], limit: int) -> tuple[int, ...]:
    """Grow `unit` by whole multiples to `limit` elements, the last axis first."""
    grown = list(unit)
    size = int(np.prod(unit))
    for axis in range(len(shape) - 1, -1, -1):
        wanted = -(-shape[axis] // unit[axis])
        times = max(1, min(wanted, limit // size))
        grown[axis] = min(unit[axis] * times, shape[axis])
        size = int(np.prod(grown))
        if grown[axis] < shape[axis]:
            break
    return tuple(grown)


def _write_attributes(file: Any, spec: WaveformSpec) -> None:
    """Write the description so that reading the file gives the same one."""
    attributes = {k: v for k, v in spec.attributes.items() if k not in WRITTEN}
    attributes |= {
        "pyramidion": json.dumps({"kind": "waveform", "version": __version__}),
        "horiz_interval": spec.interval,
        "horiz_offset": spec.offset,
        "horiz_unit": spec.time_unit,
        "vertical_unit": spec.unit,
    }
    if spec.start_time is not None:
        attributes["start_time"] = spec.start_time
    if spec.instrument:
        attributes["instrument"] = dict(spec.instrument)
    write_json_values(file, attributes)
    arrays = {
        "vertical_gains": spec.gains,
        "vertical_offsets": spec.offsets,
        "trigger_times": spec.trigger_times,
        "trigger_offsets": spec.trigger_offsets,
        "clip_codes": spec.clip_codes,
    }
    for name, array in arrays.items():
        if array is None:
            continue
        values = np.asarray(array, np.float64)
        if values.nbytes <= _LIMIT_ATTRIBUTE_BYTES:
            file.attrs[name] = values
        else:
            file.create_dataset(name, data=values)


def write_json_values(target: Any, attributes: Mapping[str, Any]) -> None:
    """Write JSON values as attributes of a file, group or dataset; read by ``decode_json``."""
    import h5py

    as_json = []
    for name, value in attributes.items():
        native = _native(value)
        if native is None:
            as_json.append(name)
            native = json.dumps(value)
        target.attrs[name] = native
    if as_json:
        target.attrs.create(JSON_NAMES, as_json, dtype=h5py.string_dtype())


def _native(value: Any) -> Any:
    """Return the HDF5 form of a JSON value, None if it has none that reads back the same."""
    if isinstance(value, str):
        return value if "\0" not in value else None
    if isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return np.int64(value) if -(2**63) <= value < 2**63 else None
    if not isinstance(value, list) or not value:
        return None
    kinds = {type(v) for v in value}
    if kinds == {float} or (kinds == {int} and all(-(2**63) <= v < 2**63 for v in value)):
        return np.array(value)
    return None


@contextlib.contextmanager
def told_by_library(path: Path) -> Iterator[None]:
    """Turn what the library raises when the disk fails into a :class:`StorageError`."""
    try:
        yield
    except OSError as error:
        raise storage_error(error, str(path)) from error
    except RuntimeError as error:  # from closing; the number is in the text only
        match = re.search(r"errno = (\d+)", str(error))
        if match is None:
            raise
        number = int(match[1])
        raise storage_error(OSError(number, os.strerror(number)), str(path)) from error
