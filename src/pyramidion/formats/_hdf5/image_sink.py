"""Writing images to HDF5: a dataset per field, in chunks, with axes and sizes that are read back.

Any number of threads and processes compress chunks and leave them in the folder under way; the last
task has the library put them into one file, in an order that does not depend on who was first.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from pyramidion import __version__
from pyramidion.core import Box, ImageSpec, UsageError
from pyramidion.formats._array.image_axes import StoredAxes, written_axes
from pyramidion.formats._array.slabs import TASK_BYTES, boxes_in, slab_shape
from pyramidion.formats._array.staged import KEY, StagedArray
from pyramidion.formats._format import ImageTask, Read, WriteOptions
from pyramidion.formats._hdf5.image import ELEMENT_SIZE, GEOMETRY
from pyramidion.formats._hdf5.sink import (
    encode_chunk,
    gzip_level,
    told_by_library,
    write_json_values,
)
from pyramidion.formats._hdf5.superblock import has_signature
from pyramidion.storage import told_as

CHUNK_ELEMENTS = 2**18
_SIDE, _DEPTH = 128, 16
_IN_UM = {"um": 1.0, "nm": 1e-3, "mm": 1e3, "m": 1e6}


class _Field:
    """One dataset: where its chunks are, and how they are encoded."""

    def __init__(self, spec: ImageSpec) -> None:
        self.spec, self.dtype = spec, spec.dtype.newbyteorder("<")
        self.axes: StoredAxes = written_axes(spec, keeps_names=True)
        self.map = self.axes.map
        full = _chunk_shape(spec.shape, is_rgb=self.axes.is_rgb)
        self.chunk = self.map.to_stored(Box.whole(full)).stop
        self.step = slab_shape(spec.shape, full, self.dtype.itemsize, TASK_BYTES)

    def chunks(self, box: Box) -> list[Box]:
        """Return the chunks of a region, in the order in which they are stored."""
        return list(boxes_in(self.map.to_stored(box), self.chunk))


class HDF5ImageSink:
    """An image as an HDF5 file under way; see :class:`pyramidion.formats.ImageSink`.

    Parameters
    ----------
    path : Path
        The file; it appears under this name on `commit`.
    specs : sequence of ImageSpec
        The fields; each becomes a dataset of its name.
    options : WriteOptions
        Compression: ``gzip`` (level 4, the default), ``gzip:1`` to ``gzip:9``, or ``none``; resume,
        overwrite, attach.

    Raises
    ------
    UsageError
        If the compression is another, or two fields have one name.
    StorageError
        If the folder cannot be made, or another process is writing the file.
    """

    resumable = True

    def __init__(self, path: Path, specs: Sequence[ImageSpec], options: WriteOptions) -> None:
        self._path, self._level = path, gzip_level(options.compression)
        self._names = _dataset_names(path, specs)
        self._fields = [_Field(spec) for spec in specs]
        self._parts = [
            (number, box)
            for number, field in enumerate(self._fields)
            for box in boxes_in(Box.whole(field.spec.shape), field.step)
        ]
        sizes = (box.size * self._fields[number].dtype.itemsize for number, box in self._parts)
        self.tasks: Sequence[ImageTask] = [*(ImageTask(0, n) for n in sizes), ImageTask(1, 0)]
        plan = {"format": "hdf5", "level": self._level, "fields": [_told(s) for s in specs]}
        self._staged = StagedArray(path, plan, options, has_signature)

    def is_done(self, task: int) -> bool:
        """Tell whether a task is recorded; chunks that are in the file need not be there."""
        if task < len(self._parts) and self.is_done(len(self._parts)):
            return True
        return self._staged.record.get(task) is not None

    def work(self, task: int, reads: Sequence[Read]) -> None:
        """Encode the chunks of one region; or, as the last task, put all of them into the file."""
        if task == len(self._parts):
            self._assemble(task)
            return
        number, box = self._parts[task]
        field, spill = self._fields[number], self._staged.spill
        values = field.map.in_stored_order(np.asarray(reads[number](box), field.dtype))
        origin = tuple(-a for a in field.map.to_stored(box).start)
        encoded = [
            encode_chunk(values[chunk.shifted(origin).slices], field.chunk, self._level)
            for chunk in field.chunks(box)
        ]
        files = [
            spill.put(f"{task}", np.frombuffer(b"".join(encoded), np.uint8)),
            spill.put(f"{task}-sizes", np.array([len(chunk) for chunk in encoded], np.uint64)),
        ]
        self._staged.record.put(task, {}, dict(files))

    def commit(self) -> None:
        """Give the file its name."""
        self._staged.commit([len(self._parts)])

    def abort(self) -> None:
        """Stop; what is recorded stays."""
        self._staged.abort(len(self.tasks))

    def _assemble(self, task: int) -> None:
        import h5py

        file_path = self._staged.file
        part = file_path.with_name(f"{KEY}.{os.getpid()}.part")
        try:
            # Format 1.8: the oldest that takes attributes beyond 64 KB.
            with (
                told_by_library(self._path),
                h5py.File(part, "w", libver=("v108", "v108")) as file,
            ):
                datasets = [
                    self._create(file, name, field)
                    for name, field in zip(self._names, self._fields, strict=True)
                ]
                self._describe(file)
                for number, (index, box) in enumerate(self._parts):
                    self._append(datasets[index], self._fields[index].chunks(box), number)
            with told_as(self._path):
                part.replace(file_path)
        finally:
            part.unlink(missing_ok=True)
        self._staged.record.put(task, {}, {KEY: file_path.stat().st_size})
        for number in range(len(self._parts)):
            self._staged.spill.drop(f"{number}")
            self._staged.spill.drop(f"{number}-sizes")

    def _create(self, file: Any, name: str, field: _Field) -> Any:
        spec, axes = field.spec, field.axes
        dataset = file.create_dataset(
            name,
            shape=axes.shape,
            dtype=field.dtype,
            chunks=field.chunk,
            compression="gzip" if self._level else None,
            compression_opts=self._level or None,
            shuffle=self._level > 0 and field.dtype.itemsize > 1,
        )
        for dimension, label in zip(dataset.dims, axes.names, strict=True):
            dimension.label = label
        dataset.attrs[GEOMETRY] = np.array([axis.scale for axis in spec.axes])
        dataset.attrs["axis_offsets"] = np.array([axis.offset for axis in spec.axes])
        dataset.attrs.create("axis_units", [axis.unit for axis in spec.axes], dtype=_text_type())
        space = spec.axes[2:]
        if all(axis.unit in _IN_UM for axis in space):
            dataset.attrs[ELEMENT_SIZE] = [axis.scale * _IN_UM[axis.unit] for axis in space]
        write_json_values(dataset, _further(spec))
        return dataset

    def _describe(self, file: Any) -> None:
        told = {"kind": "image", "version": __version__, "fields": self._names}
        attributes = dict(self._fields[0].spec.attributes)
        write_json_values(file, attributes | {"pyramidion": json.dumps(told)})

    def _append(self, dataset: Any, chunks: Sequence[Box], number: int) -> None:
        data, sizes = (self._staged.spill.get(f"{number}{kind}") for kind in ("", "-sizes"))
        position = 0
        for chunk, size in zip(chunks, sizes.tolist(), strict=True):
            dataset.id.write_direct_chunk(chunk.start, data[position : position + size].data, 0)
            position += size


def plan_image(path: Path, specs: Sequence[ImageSpec], options: WriteOptions) -> dict[str, Any]:
    """Return what would be written, for ``--dry-run``."""
    level = gzip_level(options.compression)
    fields = [_Field(spec) for spec in specs]
    return {
        "codec": f"gzip:{level}" if level else "none",
        "arrays": {
            name: {"shape": f.axes.shape, "axes": "".join(f.axes.names), "chunk": f.chunk}
            for name, f in zip(_dataset_names(path, specs), fields, strict=True)
        },
    }


def _chunk_shape(shape: tuple[int, ...], *, is_rgb: bool) -> tuple[int, ...]:
    """Return the shape of a chunk: 16 planes of 128 x 128, more of what is left where it is flat."""
    _, n_colors, depth, rows, columns = shape
    c = n_colors if is_rgb else 1
    z = min(depth, _DEPTH)
    y, x = min(rows, _SIDE), min(columns, _SIDE)
    while c * z * y * x < CHUNK_ELEMENTS and (y < rows or x < columns):
        y, x = min(rows, 2 * y), min(columns, 2 * x)
    z = max(z, min(depth, CHUNK_ELEMENTS // (c * y * x)))
    return 1, c, z, y, x


def _dataset_names(path: Path, specs: Sequence[ImageSpec]) -> list[str]:
    names = [spec.name.replace("/", "_").strip(".") or "data" for spec in specs]
    if len(set(names)) < len(names):
        raise UsageError(
            str(path),
            "two fields would have one name",
            ", ".join(names),
            "choose one with --field",
            id="PYR-H5-25",
        )
    return names


def _further(spec: ImageSpec) -> dict[str, Any]:
    """Return what a spec says beyond axes and elements, as JSON values."""
    told: dict[str, Any] = {"is_rgb": spec.is_rgb}
    if spec.channels:
        told["channels"] = [asdict(channel) for channel in spec.channels]
    if spec.times:
        told["times"] = list(spec.times)
    if any(spec.origin):
        told["origin"] = list(spec.origin)
    return told


def _told(spec: ImageSpec) -> dict[str, Any]:
    """Return what decides the bytes."""
    positions = [[axis.size, axis.unit, axis.scale, axis.offset] for axis in spec.axes]
    told = {"name": spec.name, "dtype": spec.dtype.str, "axes": positions, "present": spec.present}
    return told | _further(spec) | {"attributes": dict(spec.attributes)}


def _text_type() -> Any:
    import h5py

    return h5py.string_dtype()
