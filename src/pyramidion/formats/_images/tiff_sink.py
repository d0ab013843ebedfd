"""Writing a TIFF file of any number of pages."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pyramidion.core import Box, ImageSpec, UsageError
from pyramidion.formats._array.ending import remove_unless_begun
from pyramidion.formats._format import ImageTask, Read, WriteOptions
from pyramidion.formats._images.ome import is_ome_type
from pyramidion.formats._images.picture_sink import MOST_SLICES, TASK_BYTES, may_replace
from pyramidion.formats._images.tiff_write import (
    encode_page,
    is_big,
    lay_out,
    page_number,
    page_shape,
    write_encoded,
)
from pyramidion.formats._images.values import check_range, scaled
from pyramidion.storage import StagedFolder, TaskRecord, remove_scratch, told_as

_FILE = "image.tif"
_PARTS = "parts"
_DEFAULT_LEVEL = 1
_ROWS = 64
"""Parts of a large plane begin at multiples of so many rows."""


class TiffSink:
    """A TIFF under way: filled in any order, or first compressed page by page and then put together.

    Parameters
    ----------
    path : Path
        The file.
    spec : ImageSpec
        The image. One that is flat along y or x becomes the picture that is seen from there.
    options : WriteOptions
        `compression` ``none`` (the default) or ``gzip``; `value_range` for 8 bit.

    Raises
    ------
    UsageError
        If the file cannot hold the image.
    """

    resumable = True

    def __init__(self, path: Path, spec: ImageSpec, options: WriteOptions) -> None:
        self._order = _seen_from(spec)
        self._spec, self._level = plan_tiff(path, spec, options)
        self._range = options.value_range
        self._path, self._may_replace = path, may_replace(path, options)
        plan = {
            "source": options.source_id,
            "level": self._level,
            "range": list(self._range) if self._range else None,
            "shape": list(spec.shape),
        }
        self._staged = StagedFolder(
            path,
            plan,
            resume=options.resume,
            overwrite=options.overwrite,
            owns=Path.is_file,
            attach=options.attach,
        )
        self._may_clear = not options.attach
        self._boxes = list(_boxes(self._spec, is_whole=self._level is not None))
        self._record = TaskRecord(self._staged.folder)
        try:
            self._offset = self._lay_out() if self._level is None else 0
        except BaseException:
            self.abort()
            raise

    @property
    def tasks(self) -> Sequence[ImageTask]:
        """Groups of planes; one more puts compressed pages together."""
        itemsize = self._spec.dtype.itemsize
        reading = [ImageTask(0, box.size * itemsize) for box in self._boxes]
        return reading if self._level is None else [*reading, ImageTask(1, 0)]

    def is_done(self, task: int) -> bool:
        """Tell whether a task is recorded, and what it wrote is there."""
        return self._record.get(task) is not None

    def work(self, task: int, reads: Sequence[Read]) -> None:
        """Read planes and put them into the file, or into a part of it."""
        if task == len(self._boxes):
            self._put_together(task)
            return
        box = self._boxes[task]
        values = scaled(self._turned(reads[0], box), self._range)
        planes = np.moveaxis(values, 1, -1) if self._spec.is_rgb else values
        planes = np.ascontiguousarray(planes, self._spec.dtype.newbyteorder("<"))
        if self._level is None:
            self._write_planes(task, box, planes)
        else:
            self._write_part(task, planes)

    def commit(self) -> None:
        """Give the file its name.

        Raises
        ------
        UsageError
            If a file of that name has appeared meanwhile.
        StorageError
            If the disk fails.
        """
        folder = self._staged.folder
        if os.path.lexists(self._path) and not self._may_replace:
            raise UsageError(
                str(self._path),
                "already exists",
                "it appeared meanwhile",
                "move it away and use --resume",
                id="PYR-ALL-06",
            )
        with told_as(self._path):
            folder.path(_FILE).replace(self._path)
            for part in folder.root.glob(f"{_PARTS}/*"):
                part.unlink()
        self._may_clear = False
        remove_scratch(folder.root)
        self._staged.abort()  # what is left is the empty folder: it goes, and the lock with it

    def abort(self) -> None:
        """Stop; what is complete stays for ``resume``. Safe to call twice."""
        if self._may_clear:
            remove_unless_begun(self._staged.folder, self.is_done, len(self.tasks))
        self._may_clear = False
        self._staged.abort()

    def _lay_out(self) -> int:
        """Make the file with its directories, if no other process has; return where planes begin."""
        made = self._staged.folder.path(_FILE)
        own = made.with_name(f".{_FILE}.{os.getpid()}.part")
        with told_as(self._path):
            offset = lay_out(own, self._spec, _name(self._path))
            try:
                if not made.exists():
                    # Fails where another process was faster: its planes must not be lost.
                    os.link(own, made)
            except FileExistsError:
                pass
            finally:
                own.unlink()
        return offset

    def _turned(self, read: Read, box: Box) -> np.ndarray:
        """Read a box of the file's axes from the source, whose axes may lie otherwise."""
        start, stop = [0] * 5, [0] * 5
        for i, axis in enumerate(self._order):
            start[axis], stop[axis] = box.start[i], box.stop[i]
        return read(Box(tuple(start), tuple(stop))).transpose(self._order)

    def _write_planes(self, task: int, box: Box, planes: np.ndarray) -> None:
        t, c, z, y, _ = box.start
        _, n_c, _, n_y, n_x = self._spec.shape
        row_bytes = n_x * self._spec.dtype.itemsize * (n_c if self._spec.is_rgb else 1)
        at = self._offset + (page_number(self._spec, t, c, z) * n_y + y) * row_bytes
        path = self._staged.folder.path(_FILE)
        with told_as(self._path), path.open("r+b", buffering=0) as file:
            file.seek(at)
            rest = planes.reshape(-1).view(np.uint8).data
            while rest.nbytes:
                rest = rest[file.write(rest) :]
            size = os.fstat(file.fileno()).st_size
        self._record.put(task, {}, {_FILE: size})

    def _write_part(self, task: int, planes: np.ndarray) -> None:
        assert self._level is not None
        n_inner = 3 if self._spec.is_rgb else 2
        pages = [
            encode_page(plane, self._level)
            for plane in planes.reshape(-1, *planes.shape[-n_inner:])
        ]
        key = f"{_PARTS}/{task}"
        self._staged.folder.write(key, b"".join(pages))
        told = {"lengths": [len(page) for page in pages]}
        self._record.put(task, told, {key: sum(told["lengths"])})

    def _put_together(self, task: int) -> None:
        assert self._level is not None
        made = self._staged.folder.path(_FILE)
        own = made.with_name(f".{_FILE}.{os.getpid()}.part")
        with told_as(self._path):
            write_encoded(own, self._spec, _name(self._path), self._pages(), self._level)
            own.replace(made)
            size = made.stat().st_size
        self._record.put(task, {}, {_FILE: size})

    def _pages(self) -> Iterator[bytes]:
        for task in range(len(self._boxes)):
            told = self._record.get(task)
            assert told is not None, "all tasks of the stage before are done"
            with self._staged.folder.path(f"{_PARTS}/{task}").open("rb") as file:
                for length in told["lengths"]:
                    yield file.read(length)


def plan_tiff(path: Path, spec: ImageSpec, options: WriteOptions) -> tuple[ImageSpec, int | None]:
    """Return the image as it lies in the file, and the level of compression (None for none).

    Raises
    ------
    UsageError
        If the file cannot hold it.
    """
    check_range(options.value_range)
    dtype = np.dtype(np.uint8) if options.value_range else spec.dtype
    order = _seen_from(spec)
    axes = tuple(
        replace(spec.axes[axis], name=name) for axis, name in zip(order, "tczyx", strict=True)
    )
    is_rgb = spec.is_rgb and spec.shape[1] in (3, 4) and dtype.kind in "uf"
    turned = replace(spec, axes=axes, dtype=dtype, is_rgb=is_rgb)
    if path.name.lower().endswith((".ome.tif", ".ome.tiff")) and not is_ome_type(dtype.name):
        raise UsageError(
            str(path),
            f"OME-TIFF has no {dtype.name}",
            mend="use a plain .tif, or --range lo hi",
            id="PYR-BOX-05",
        )
    return turned, _level(options.compression)


def describe_tiff(path: Path, spec: ImageSpec, options: WriteOptions) -> dict[str, Any]:
    """Return what would be written (JSON values)."""
    turned, level = plan_tiff(path, spec, options)
    return {
        "pages": {
            "shape": list(page_shape(turned)),
            "dtype": turned.dtype.name,
            "compression": "none" if level is None else f"deflate:{level}",
            "bigtiff": is_big(turned),
        }
    }


def _level(compression: str) -> int | None:
    name, _, level = compression.partition(":")
    if name in ("", "none"):
        return None
    if name in ("gzip", "deflate") and (not level or (level.isdecimal() and int(level) <= 9)):
        return int(level or _DEFAULT_LEVEL)
    raise UsageError(
        "--compression", "unknown for TIFF", compression, "one of none, gzip", id="PYR-CMP-01"
    )


def _seen_from(spec: ImageSpec) -> tuple[int, ...]:
    """Return the order of the source's axes in the file; a slice along y or x lies in y and x."""
    _, _, z, y, x = spec.shape
    if z > 1 and y == 1 and x > 1:
        return 0, 1, 3, 2, 4
    if z > 1 and x == 1 and y > 1:
        return 0, 1, 4, 2, 3
    return 0, 1, 2, 3, 4


def _boxes(spec: ImageSpec, *, is_whole: bool) -> Iterator[Box]:
    """Yield the regions of the tasks, in the order of the file."""
    t, c, z, y, x = spec.shape
    n_c = c if spec.is_rgb else 1
    row_bytes = n_c * x * spec.dtype.itemsize
    planes = max(1, min(MOST_SLICES, TASK_BYTES // (row_bytes * y)))
    planes = 1 << (planes.bit_length() - 1)
    rows = y
    if not is_whole and row_bytes * y > TASK_BYTES:
        rows = max(_ROWS, TASK_BYTES // row_bytes // _ROWS * _ROWS)
    for i, j, k, row in itertools.product(
        range(t), range(0, c, n_c), range(0, z, planes), range(0, y, rows)
    ):
        yield Box((i, j, k, row, 0), (i + 1, j + n_c, min(k + planes, z), min(row + rows, y), x))


def _name(path: Path) -> str:
    return path.name.split(".")[0]
