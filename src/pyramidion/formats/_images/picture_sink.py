"""Writing pictures, one file per slice.

Where the folder ``out`` of ``out/%04d.png`` is not there yet, they are made in ``out.partial``, and
all appear at once, by one rename. A folder of the user's, in which other files lie, is not touched
before all pictures are made (in ``out/%04d.png.partial``), and then only under the names that are
asked for; a run that is killed while they are moved leaves a mark, by which readers know it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from pyramidion.core import ImageSpec, UsageError
from pyramidion.formats._array.ending import remove_unless_begun
from pyramidion.formats._format import ImageTask, Read, WriteOptions
from pyramidion.formats._images import jpeg, png
from pyramidion.formats._images.listing import MOVING, PICTURES
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
        folder = self._template.folder
        self._is_new_folder = not os.path.lexists(folder)
        self._path, self._target = path, folder if self._is_new_folder else path
        self._may_replace = may_replace(self._target, options)
        if not options.attach:
            self._check_targets()
        self._staged = StagedFolder(
            self._target,
            plan,
            resume=options.resume,
            overwrite=options.overwrite,
            owns=Path.is_file,
            attach=options.attach,
        )
        self._may_clear = not options.attach
        self._record = TaskRecord(self._staged.folder)

    @property
    def bytes_written(self) -> int:
        """Bytes of the pictures that are at their place."""
        sizes = (self._size_of(number) for number in self._slicing.numbers)
        return sum(sizes)

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
        """Give the pictures their names.

        A run that is killed while it moves them has moved some; another with ``resume`` moves the
        rest.

        Raises
        ------
        UsageError
            If one has appeared meanwhile, or something that is no picture has its name.
        StorageError
            If the disk fails.
        """
        folder = self._staged.folder
        folder.remove_leftovers()  # of a worker process that was killed
        if self._is_new_folder:
            self._commit_folder()
        else:
            self._check_targets()
            folder.write(MOVING, b"")
            for number in self._slicing.numbers:
                made, target = folder.path(self._key(number)), self._named(number)
                if made.is_file():
                    with told_as(target):
                        made.replace(target)
            folder.path(MOVING).unlink()
        self._may_clear = False
        remove_scratch(folder.root)
        self._staged.abort()  # what is left is the empty folder: it goes, and the lock with it

    def abort(self) -> None:
        """Stop; finished pictures stay for ``resume``. Safe to call twice."""
        if self._may_clear:
            remove_unless_begun(self._staged.folder, self.is_done, self._n_tasks())
        self._may_clear = False
        self._staged.abort()

    def _commit_folder(self) -> None:
        folder = self._staged.folder
        if os.path.lexists(self._template.folder):
            raise UsageError(
                str(self._template.folder),
                "already exists",
                "it appeared meanwhile",
                "move it away and use --resume",
                id="PYR-ALL-06",
            )
        folder.remove_leftovers()  # of a worker process that was killed
        with told_as(self._template.folder):
            folder.path(PICTURES).replace(self._template.folder)

    def _n_tasks(self) -> int:
        return -(-len(self._slicing.numbers) // self._step)

    def _range_of(self, task: int) -> tuple[int, int]:
        first = task * self._step
        return first, min(first + self._step, len(self._slicing.numbers))

    def _key(self, number: int) -> str:
        return f"{PICTURES}/{self._template.name(number)}"

    def _is_moved(self, task: int) -> bool:
        """Tell whether an earlier run was killed after it had begun to move, this task among it."""
        if not _is_moving(self._path):
            return False
        first, last = self._range_of(task)
        names = [self._template.name(n) for n in self._slicing.numbers[first:last]]
        staged = self._staged.folder.root / PICTURES
        return all((self._template.folder / n).is_file() or (staged / n).is_file() for n in names)

    def _named(self, number: int) -> Path:
        return self._template.folder / self._template.name(number)

    def _size_of(self, number: int) -> int:
        try:
            return self._named(number).stat().st_size
        except OSError:
            return 0

    def _check_targets(self) -> None:
        """Refuse to replace pictures if that was not asked for, and what is none in any case.

        Raises
        ------
        UsageError
            That names the first.
        """
        wanted = set(self._slicing.numbers) if self._template.has_number else set()
        there, others = self._look_around(wanted)
        moving = _is_moving(self._path)
        for number in self._slicing.numbers:
            is_file = there.get(self._template.name(number))
            if is_file is None:
                continue
            if not (self._may_replace or moving):
                raise UsageError(
                    str(self._named(number)),
                    "already exists",
                    mend="use --overwrite or another name",
                    id="PYR-ALL-06",
                )
            if not is_file:
                raise UsageError(
                    str(self._named(number)),
                    "refusing to replace (not a regular file)",
                    mend="remove it yourself",
                    id="PYR-ALL-07",
                )
        if others and self._may_replace:
            raise UsageError(
                str(self._named(min(others))),
                "would stay beside the new pictures",
                f"{len(others)} older of the same name",
                "remove them, or choose another folder",
                id="PYR-ALL-07",
            )

    def _look_around(self, wanted: set[int]) -> tuple[dict[str, bool], list[int]]:
        """Return what lies in the folder: is it a regular file; and other numbers of the template."""
        there: dict[str, bool] = {}
        others: list[int] = []
        with (
            told_as(self._template.folder),
            suppress(FileNotFoundError),
            os.scandir(self._template.folder) as entries,
        ):
            for entry in entries:
                there[entry.name] = entry.is_file(follow_symlinks=False)
                number = self._template.number(entry.name)
                if number is not None and number not in wanted:
                    others.append(number)
        return there, others


def may_replace(target: Path, options: WriteOptions) -> bool:
    """Tell whether what exists may be replaced: asked now, or by the run that is resumed."""
    return options.overwrite or (options.resume and bool(kept_plan(target).get("overwrite")))


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
    return os.path.isfile(partial_path(path) / MOVING)  # noqa: PTH113
