"""Prove an image: every block decodes, every level is what the voxels make it, all as the source.

The image is walked in slabs of whole blocks, so that each block is decoded once.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from pyramidion.core import (
    IMAGE_AXES,
    Axis,
    Box,
    DamagedError,
    ImageSource,
    MissingError,
    PyramidionError,
)
from pyramidion.formats import OpenOptions, image_faults, open_image
from pyramidion.workflows._compare import are_identical
from pyramidion.workflows._options import n_workers
from pyramidion.workflows._pool import in_order
from pyramidion.workflows._stream import Progress
from pyramidion.workflows._verify_report import VerifyReport

SLAB_BYTES = 2**26
_LENGTHS = {"pm": 1e-12, "nm": 1e-9, "um": 1e-6, "mm": 1e-3, "cm": 1e-2, "m": 1.0}
_DURATIONS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}
_UNITS = _LENGTHS | _DURATIONS
"""What the units of axes are in metres and seconds."""


def verify_image(
    dataset: Path,
    against: Path | None,
    options: OpenOptions,
    *,
    workers: int,
    progress: Progress | None,
) -> VerifyReport:
    """Check an image dataset, and compare it with its source; see :func:`verify`."""
    report = VerifyReport(dataset, kind="image")
    with ExitStack() as stack:
        source = None
        how = OpenOptions(field=options.field)
        if against is not None:
            report.against = str(against)
            source = stack.enter_context(open_image(against, options))
            how = replace(how, axes=_axes_of(dataset, source))
        first = stack.enter_context(open_image(dataset, how))
        names = first.fields if options.field is None else (first.spec.name,)
        if source is not None and options.field is None:
            report.faults += _compare_fields(first, source)
        for name in names:
            field = (
                first
                if name == first.spec.name
                else stack.enter_context(open_image(dataset, OpenOptions(field=name)))
            )
            # A source with several fields is compared field by field, one with one with the first.
            other = source
            if source is not None and against is not None and source.spec.name != name:
                other = _field_of(source, against, options, name, stack)
            _check_field(field, other, report, workers, progress)
    return report


def _axes_of(dataset: Path, source: ImageSource) -> str | None:
    """Return the axes of a file that names none, as its source has them."""
    if dataset.suffix.lower() != ".npy" or source.spec.is_rgb:
        return None
    sizes = zip(IMAGE_AXES, source.spec.shape, strict=True)
    return ",".join(name for name, n in sizes if name in source.spec.present or n > 1)


def _compare_fields(opened: ImageSource, source: ImageSource) -> list[str]:
    if len(opened.fields) == len(source.fields) == 1:
        return []
    missing = [f"field {name}: missing" for name in source.fields if name not in opened.fields]
    added = [
        f"field {name}: not in the source" for name in opened.fields if name not in source.fields
    ]
    return missing + added


def _field_of(
    source: ImageSource, against: Path, options: OpenOptions, name: str, stack: ExitStack
) -> ImageSource | None:
    if name in source.fields:
        return stack.enter_context(open_image(against, replace(options, field=name)))
    return source if len(source.fields) == 1 else None


def _check_field(
    opened: ImageSource,
    source: ImageSource | None,
    report: VerifyReport,
    workers: int,
    progress: Progress | None,
) -> None:
    spec = opened.spec
    if source is not None:
        report.faults += _compare_specs(opened, source)
        if source.spec.shape != spec.shape:
            source = None
    total = spec.n_bytes
    checker = _Checker(opened, source)
    for box, faults in in_order(checker.check, slabs(opened), n_workers(workers)):
        report.samples += box.size
        report.faults += [fault for fault in faults if fault not in report.faults[-100:]]
        if progress is not None:
            progress(report.samples * spec.dtype.itemsize, total)
    if report.faults and isinstance(opened, _Blocks):
        # A block of a coarse level reaches over everything: only one by one are all of them named.
        report.faults += [fault for fault in opened.block_faults() if fault not in report.faults]
    report.levels = [round(max(level.factors)) for level in opened.levels[1:]]
    report.checksums = bool(getattr(opened, "has_checksums", False))
    if not report.faults:
        report.faults += image_faults(opened)
        report.bins += sum(math.prod(level.shape) for level in opened.levels[1:])
    report.notes += [note for note in opened.notes() if note not in report.notes]


def slabs(opened: ImageSource) -> Iterator[Box]:
    """Cut an image into regions of whole blocks, of about 64 MB."""
    shape = opened.spec.shape
    step = [min(n, max(1, b)) for n, b in zip(shape, opened.block, strict=True)]
    room = SLAB_BYTES // opened.spec.dtype.itemsize
    for axis in (4, 3, 1, 2):  # x and y first: rows of blocks lie together on disk
        factor = max(1, room // math.prod(step))
        step[axis] = min(shape[axis], step[axis] * factor)
    for start in itertools.product(*(range(0, n, s) for n, s in zip(shape, step, strict=True))):
        stop = tuple(a + s for a, s in zip(start, step, strict=True))
        yield Box(start, stop).clipped(shape)


@runtime_checkable
class _Blocks(Protocol):
    """An image whose blocks can be decoded one by one."""

    def block_faults(self) -> Iterator[str]: ...


class _Checker:
    """Checks one region after another; shared by the threads."""

    def __init__(self, opened: ImageSource, source: ImageSource | None) -> None:
        self._opened, self._source = opened, source

    def check(self, box: Box) -> list[str]:
        try:
            values = self._opened.read(box)
        except (DamagedError, MissingError):
            return self._every_fault(box)
        if self._source is None:
            return []
        try:
            expected = self._source.read(box)
        except PyramidionError as error:
            return [error.line]
        if are_identical(np.ascontiguousarray(values), np.ascontiguousarray(expected)):
            return []
        t, c, z, y, x = (int(n) for n in np.argwhere(_differs(values, expected))[0])
        at = (t + box.start[0], c + box.start[1])
        zyx = (z + box.start[2], y + box.start[3], x + box.start[4])
        return [f"voxel (z, y, x) {zyx} of time {at[0]}, channel {at[1]} differs from the source"]

    def _every_fault(self, box: Box) -> list[str]:
        """Name every damaged block of a region: one read stops at the first."""
        faults: list[str] = []
        step = self._opened.block
        for start in itertools.product(
            *(range(a, b, max(1, s)) for a, b, s in zip(box.start, box.stop, step, strict=True))
        ):
            stop = tuple(
                min(a + max(1, s), b) for a, s, b in zip(start, step, box.stop, strict=True)
            )
            try:
                self._opened.read(Box(start, stop))
            except (DamagedError, MissingError) as error:
                if error.line not in faults:
                    faults.append(error.line)
        return faults


def _differs(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    bits = f"u{a.dtype.itemsize}"
    differs: np.ndarray = np.ascontiguousarray(a).view(bits) != np.ascontiguousarray(b).view(bits)
    return differs


def _compare_specs(opened: ImageSource, source: ImageSource) -> list[str]:
    a, b = opened.spec, source.spec
    faults = []
    if a.shape != b.shape:
        faults.append(f"shape {a.shape} differs from the source's {b.shape}")
    if a.dtype != b.dtype:
        faults.append(f"type {a.dtype} differs from the source's {b.dtype}")
    for mine, other in zip((a.axes[0], *a.axes[2:]), (b.axes[0], *b.axes[2:]), strict=True):
        faults += _compare_axis(mine, other)
    if a.times and b.times and a.times != b.times:
        faults.append(f"time steps {a.times[:8]} differ from the source's {b.times[:8]}")
    return faults


def _compare_axis(mine: Axis, other: Axis) -> list[str]:
    """Compare sizes and positions that both know, whatever their units."""
    if mine.unit not in _UNITS or other.unit not in _UNITS:
        return []
    here, there = _UNITS[mine.unit], _UNITS[other.unit]
    size = other.scale * there / here
    offset = other.offset * there / here
    what = "time step" if mine.name == "t" else f"voxel size {mine.name}"
    if not math.isclose(mine.scale, size, rel_tol=1e-6):
        return [f"{what} {mine.scale:g} {mine.unit} differs from the source's {size:g} {mine.unit}"]
    if not math.isclose(mine.offset, offset, rel_tol=1e-6, abs_tol=1e-6 * abs(mine.scale)):
        return [
            f"first {mine.name} at {mine.offset:g} {mine.unit} differs from the source's {offset:g}"
        ]
    return []
