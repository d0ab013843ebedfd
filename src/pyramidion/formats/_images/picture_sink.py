"""Writing pictures, one file per slice.

They are made in a folder ``NAME.partial`` beside them and moved when all are there, so that a
folder of the user's, in which other files lie, is not touched until then, and only under the names
that are asked for.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from pyramidion.core import ImageSpec, UsageError
from pyramidion.formats._format import ImageTask, Read, WriteOptions
from pyramidion.formats._images import jpeg, png
from pyramidion.formats._images.slices import Slicing, slicing
from pyramidion.formats._images.template import NameTemplate, parse_template
from pyramidion.formats._images.tiff_write import plain_tiff
from pyramidion.formats._images.values import check_values, scaled
from pyramidion.storage import (
    StagedFolder,
    TaskRecord,
    kept_plan,
    partial_path,
    remove_scratch,
    told_as,
)

TASK_BYTES = 2**27
MOST_SLICES = 64
"""Most of a task: no source that is stored in blocks gains from more."""

Encode = Callable[[np.ndarray], bytes]
_PICTURES = "pictures"
_MOVING = ".moving"


class PictureSink:
    """Pictures under way.

    Parameters
    ----------
    path : Path
        ``out/%04d.png``, or the name of one picture.
    spec : ImageSpec
        The image.
    options : WriteOptions
        `overwrite`, `resume`, `attach`, and `value_range` for pictures of 8 bit.

    Raises
    ------
    UsageError
        If the pictures cannot hold the image, or one of them exists.
    """

    resumable = True

    def __init__(self, path: Path, spec: ImageSpec, options: WriteOptions) -> None:
        self._template, self._slicing = plan_pictures(path, spec, options)
        self._range, self._n_bytes = options.value_range, spec.n_bytes
        self._encode = _encoder(self._template.suffix, spec, self._slicing)
        self._step = _slices_per_task(self._slicing, spec)
        plan = {
            "source": options.source_id,
            "name": path.name,
            "range": list(self._range) if self._range else None,
            "shape": list(spec.shape),
        }
        self._path, self._may_replace = path, may_replace(path, options)
        if not (options.attach or self._may_replace or _is_moving(path)):
            self._check_absent()
        self._is_new_folder = not self._template.folder.exists()
        self._staged = StagedFolder(
            path,
            plan,
            resume=options.resume,
            overwrite=options.overwrite,
            owns=Path.is_file,
            attach=options.attach,
        )
        self._record = TaskRecord(self._staged.folder)

    @property
    def tasks(self) -> Sequence[ImageTask]:
        """Groups of slices."""
        size = self._n_bytes // len(self._slicing.numbers)
        return [
            ImageTask(0, size * (last - first))
            for first, last in (self._range_of(i) for i in range(self._n_tasks()))
        ]

    def is_done(self, task: int) -> bool:
        """Tell whether the pictures of a task are made, or already at their place."""
        return self._record.get(task) is not None or self._is_moved(task)

    def work(self, task: int, reads: Sequence[Read]) -> None:
        """Read a group of slices and write them."""
        first, last = self._range_of(task)
        values = reads[0](self._slicing.box(first, last))
        files = {}
        for number, picture in zip(
            self._slicing.numbers[first:last], self._slicing.pictures(values), strict=True
        ):
            encoded = self._encode(scaled(picture, self._range))
            key = self._key(number)
            self._staged.folder.write(key, encoded)
            files[key] = len(encoded)
        self._record.put(task, {}, files)

    def commit(self) -> None:
        """Move the pictures to their place.

        A run that is killed here has moved some of them; another with ``resume`` moves the rest.

        Raises
        ------
        UsageError
            If one has appeared meanwhile.
        StorageError
            If the disk fails.
        """
        folder = self._staged.folder
        if not (self._may_replace or _is_moving(self._path)):
            self._check_absent()
        folder.write(_MOVING, b"")
        with told_as(self._path):
            for number in self._slicing.numbers:
                made = folder.path(self._key(number))
                if made.is_file():
                    made.replace(self._template.folder / self._template.name(number))
        remove_scratch(folder.root)
        self._staged.abort()  # what is left is the empty folder: it goes, and the lock with it

    def abort(self) -> None:
        """Stop; finished pictures stay for ``resume``."""
        self._staged.abort()
        if self._is_new_folder:
            with suppress(OSError):  # not empty
                self._template.folder.rmdir()

    def _n_tasks(self) -> int:
        return -(-len(self._slicing.numbers) // self._step)

    def _range_of(self, task: int) -> tuple[int, int]:
        first = task * self._step
        return first, min(first + self._step, len(self._slicing.numbers))

    def _key(self, number: int) -> str:
        return f"{_PICTURES}/{self._template.name(number)}"

    def _is_moved(self, task: int) -> bool:
        """Tell whether an earlier run was killed after it had begun to move, this task among it."""
        if not _is_moving(self._path):
            return False
        first, last = self._range_of(task)
        names = [self._template.name(n) for n in self._slicing.numbers[first:last]]
        staged = self._staged.folder.root / _PICTURES
        return all((self._template.folder / n).is_file() or (staged / n).is_file() for n in names)

    def _check_absent(self) -> None:
        """Refuse to replace pictures."""
        try:
            there = set(os.listdir(self._template.folder))  # noqa: PTH208 - a million names
        except FileNotFoundError:
            return
        for number in self._slicing.numbers:
            if self._template.name(number) in there:
                raise UsageError(
                    str(self._template.folder / self._template.name(number)),
                    "already exists",
                    mend="use --overwrite or another name",
                    id="PYR-ALL-06",
                )


def may_replace(path: Path, options: WriteOptions) -> bool:
    """Tell whether what exists may be replaced: asked now, or by the run that is resumed."""
    return options.overwrite or (options.resume and bool(kept_plan(path).get("overwrite")))


def plan_pictures(
    path: Path, spec: ImageSpec, options: WriteOptions
) -> tuple[NameTemplate, Slicing]:
    """Return the names and the planes of the pictures; touches nothing.

    Raises
    ------
    UsageError
        If the pictures cannot hold the image.
    """
    template = parse_template(path)
    sliced = slicing(str(path), spec, template)
    check_values(str(path), spec, template.suffix, options.value_range)
    return template, sliced


def describe_pictures(path: Path, spec: ImageSpec, options: WriteOptions) -> dict[str, Any]:
    """Return what would be written (JSON values)."""
    template, sliced = plan_pictures(path, spec, options)
    names = [template.name(n) for n in (sliced.numbers[0], sliced.numbers[-1])]
    dtype = "uint8" if options.value_range else spec.dtype.name
    return {
        "pictures": {
            "count": len(sliced.numbers),
            "first": str(template.folder / names[0]),
            "last": str(template.folder / names[1]),
            "shape": list(sliced.picture_shape),
            "dtype": dtype,
        }
    }


def _slices_per_task(sliced: Slicing, spec: ImageSpec) -> int:
    """Return a power of two, so that groups of slices meet the blocks that they are read from."""
    n_bytes = int(np.prod(sliced.picture_shape)) * spec.dtype.itemsize
    most = max(1, min(MOST_SLICES, TASK_BYTES // max(1, n_bytes)))
    return 1 << (most.bit_length() - 1)


def _encoder(suffix: str, spec: ImageSpec, sliced: Slicing) -> Encode:
    if suffix == ".png":
        return png.encode
    if suffix in (".jpg", ".jpeg"):
        return jpeg.encode
    rows, columns = sliced.axes(spec)
    return lambda values: plain_tiff(values, rows, columns, is_rgb=values.ndim == 3)


def _is_moving(path: Path) -> bool:
    # Not `Path.is_file`: a name that is too long is told when it is written.
    return os.path.isfile(partial_path(path) / _MOVING)  # noqa: PTH113
