"""Pictures in files, one per slice, as one image."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from pyramidion.core import (
    Box,
    Channel,
    Closing,
    DataError,
    ImageLevel,
    ImageSpec,
    escape,
    image_axes,
)
from pyramidion.formats._flat_file import FlatFile
from pyramidion.formats._format import OpenOptions
from pyramidion.formats._images import jpeg, png, tiff_slice
from pyramidion.formats._images.listing import PictureFiles
from pyramidion.formats._images.order import Arrangement, arrange
from pyramidion.formats._images.picture import Picture, check_size
from pyramidion.storage import ByteCache

HEADERS_AT_ONCE = 10_000
"""Stacks of up to so many files (0.6 s) have every header looked at before anything is written; in
longer ones some are, spread evenly, and the others when they are read."""

_CODECS: dict[str, ModuleType] = {"PNG": png, "JPEG": jpeg, "TIFF": tiff_slice}
_KEPT_BYTES = 2**28
"""Of decoded slices; a larger one is kept alone, until another is decoded."""
_ALPHA = {2: ("grey", "alpha")}


@dataclass(frozen=True)
class _Slice:
    file: FlatFile
    picture: Picture


class StackSource(Closing):
    """A stack of pictures.

    Parameters
    ----------
    files : PictureFiles
        What was found.
    options : OpenOptions
        `fit`, `strict`, `max_pixels` and `voxel` concern stacks.

    Raises
    ------
    DataError
        If files are damaged, or do not fit together.
    UsageError
        If their names can be read in several ways.
    """

    fields = ("data",)

    def __init__(self, files: PictureFiles, options: OpenOptions) -> None:
        self._options = options
        self._kind = files.kind
        self._placed = arrange(files, strict=options.strict)
        self._known: dict[int, _Slice] = {}
        self._first = self._look(0)
        for number in self._looked_at():
            self._known[number] = self._look(number)
        self._shape = self._common_shape()
        self._spec = self._describe()
        self._kept: ByteCache[np.ndarray] = ByteCache(
            _KEPT_BYTES, lambda values: values.nbytes, keeps_last=True
        )
        self._one_at_a_time = threading.Lock()

    @property
    def spec(self) -> ImageSpec:
        """What the image is."""
        return self._spec

    @property
    def levels(self) -> tuple[ImageLevel, ...]:
        """The image itself."""
        return (ImageLevel(self._spec.shape),)

    @property
    def block(self) -> tuple[int, ...]:
        """One slice."""
        _, _, _, y, x = self._spec.shape
        return 1, self._first.picture.samples, 1, y, x

    @property
    def files(self) -> list[str]:
        """The files, z fastest, then c, then t: the order in which they are read."""
        return self._placed.names

    @property
    def details(self) -> dict[str, Any]:
        """What `info` and `--dry-run` tell of the stack beyond the image (JSON values)."""
        return {"files": len(self.files), "first": self.files[0], "last": self.files[-1]}

    def read(self, box: Box, level: int = 0) -> np.ndarray:
        """Read a region of shape ``box.shape``; every slice that it touches is decoded once."""
        assert level == 0, "a stack has one level"
        samples = self._first.picture.samples
        n_t, n_c, n_z, n_y, n_x = box.shape
        if samples > 1:
            values = np.empty((n_t, 1, n_z, n_y, n_x, samples), self._spec.dtype)
        else:
            values = np.empty((n_t, n_c, n_z, n_y, n_x), self._spec.dtype)
        first_c = 0 if samples > 1 else box.start[1]
        for place in np.ndindex(*values.shape[:3]):
            at = (box.start[0] + place[0], first_c + place[1], box.start[2] + place[2])
            self._fill(int(np.ravel_multi_index(at, self._placed.shape)), box, values[place])
        if samples == 1:
            return values
        return np.moveaxis(values[:, 0], -1, 1)[:, box.start[1] : box.stop[1]]

    def notes(self) -> tuple[str, ...]:
        """Tell nothing: a stack that was read is whole."""
        return ()

    def close(self) -> None:
        """Let go of the slices that are kept."""
        self._kept.clear()

    def _fill(self, number: int, box: Box, out: np.ndarray) -> None:
        """Decode a slice into `out`, the rows and columns of a box."""
        known = self._known.get(number) or self._checked(self._look(number))
        codec = _CODECS[self._kind]
        whole = known.picture.shape[:2] == out.shape[:2] == self._shape
        if whole:
            values = codec.decode(known.file, known.picture, out)
            if values is not out:
                out[...] = values
            return
        values = self._decoded(number, known)
        rows = slice(box.start[3], min(box.stop[3], values.shape[0]))
        columns = slice(box.start[4], min(box.stop[4], values.shape[1]))
        part = values[rows, columns]
        if part.shape[:2] != out.shape[:2]:
            out[...] = 0  # padded
        out[: part.shape[0], : part.shape[1]] = part

    def _decoded(self, number: int, known: _Slice) -> np.ndarray:
        """Return a whole slice: decoded by the thread that asks first, the others wait for it."""

        def make() -> np.ndarray:
            values: np.ndarray = _CODECS[self._kind].decode(known.file, known.picture, None)
            return values

        def make_alone() -> np.ndarray:
            with self._one_at_a_time:  # two would not be kept: the last goes before the next comes
                self._kept.clear()
                return make()

        is_large = known.picture.n_bytes > _KEPT_BYTES // 2
        return self._kept.get(number, make_alone if is_large else make)

    def _looked_at(self) -> Iterable[int]:
        n_files = len(self._placed.names)
        if n_files <= HEADERS_AT_ONCE or self._options.fit:
            return range(n_files)
        return {int(i) for i in np.linspace(0, n_files - 1, HEADERS_AT_ONCE)}

    def _look(self, number: int) -> _Slice:
        file = FlatFile(Path(self._placed.names[number]))
        picture: Picture = _CODECS[self._kind].read_header(file)
        check_size(file, picture, self._options)
        return _Slice(file, picture)

    def _common_shape(self) -> tuple[int, int]:
        """Return rows and columns of the image; check that all slices fit."""
        pictures = [found.picture for found in self._known.values()]
        if self._options.fit == "crop":
            shape = min(p.height for p in pictures), min(p.width for p in pictures)
        elif self._options.fit == "pad":
            shape = max(p.height for p in pictures), max(p.width for p in pictures)
        else:
            shape = self._first.picture.height, self._first.picture.width
        for found in self._known.values():
            self._checked(found)
        return shape

    def _checked(self, found: _Slice) -> _Slice:
        """Return a slice that is as the first one."""
        this, first = found.picture, self._first.picture
        where = str(found.file.path)
        if (this.width, this.height) != (first.width, first.height) and not self._options.fit:
            raise DataError(
                where,
                f"{this.width} x {this.height}, the first has {first.width} x {first.height}",
                mend="--crop or --pad",
                id="PYR-IMG-06",
            )
        if (this.dtype, this.samples) != (first.dtype, first.samples):
            raise DataError(
                where,
                f"{_type_told(this, first)}, the first is {_type_told(first, this)}",
                mend="convert them separately",
                id="PYR-IMG-07",
            )
        return found

    def _describe(self) -> ImageSpec:
        placed, first = self._placed, self._first.picture
        t, c, z = placed.shape
        if c > 1 and first.samples > 1:
            raise DataError(
                placed.names[0],
                f"pictures of {first.samples} samples in {c} channels not supported",
                mend="convert each channel by itself",
                id="PYR-IMG-05",
            )
        shape = (t, c * first.samples, z, *self._shape)
        voxel, unit = (1.0, 1.0, 1.0), ""
        if first.voxel:
            voxel, unit = (1.0, *first.voxel), "um"
        if self._options.voxel:
            voxel, unit = self._options.voxel, self._options.voxel_unit
        interval = self._options.interval
        there = {"t": t > 1, "c": shape[1] > 1, "z": z > 1, "y": True, "x": True}
        return ImageSpec(
            image_axes(
                shape, voxel, unit, interval=interval or 1.0, time_unit="s" if interval else ""
            ),
            first.dtype.newbyteorder("<"),
            present="".join(axis for axis, is_there in there.items() if is_there),
            channels=_channels(placed, first),
            is_rgb=first.samples in (3, 4),
            times=placed.times,
            warnings=self._warnings(),
        )

    def _warnings(self) -> tuple[str, ...]:
        remarks = dict.fromkeys(found.picture.remark for found in self._known.values())
        first = escape(self._placed.names[0])
        return (*self._placed.warnings, *(f"{first}: {told}" for told in remarks if told))


def _channels(placed: Arrangement, first: Picture) -> tuple[Channel, ...]:
    if placed.channels:
        return tuple(Channel(f"c{number}") for number in placed.channels)
    return tuple(Channel(label) for label in _ALPHA.get(first.samples, ()))


def _type_told(this: Picture, other: Picture) -> str:
    if this.samples == other.samples:
        return this.dtype.name
    return f"{this.dtype.name} with {this.samples} sample{'s' if this.samples > 1 else ''}"
