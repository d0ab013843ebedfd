"""A TIFF file as an image: pages, hyperstacks of ImageJ, OME-TIFF, tiled and pyramidal ones."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np

from pyramidion.core import (
    Box,
    Closing,
    DataError,
    ImageLevel,
    ImageSpec,
    UsageError,
    escape,
    image_axes,
)
from pyramidion.formats._flat_file import FlatFile
from pyramidion.formats._format import OpenOptions
from pyramidion.formats._images.ome import companions
from pyramidion.formats._images.picture import Picture, check_size
from pyramidion.formats._images.tiff_axes import AxisMap, map_axes
from pyramidion.formats._images.tiff_chain import Directories, check_strips
from pyramidion.formats._images.tiff_library import FAULTS, tifffile_module
from pyramidion.formats._images.tiff_metadata import TiffMetadata, read_metadata
from pyramidion.formats._images.tiff_series import SeriesReader

_MIN_IS_WHITE, _PALETTE, _RGB, _YCBCR = 0, 3, 2, 6
_BLOCK_BYTES = 2**26


class TiffSource(Closing):
    """One series of a TIFF file.

    Parameters
    ----------
    path : Path
        The file.
    options : OpenOptions
        `series` chooses among several; `axes` names them where the file does not; `voxel` is used
        over what the file says.

    Raises
    ------
    DataError
        If the file is damaged or refused.
    UsageError
        If it has several series, or axes that are not clear.
    """

    fields = ("data",)

    def __init__(self, path: Path, options: OpenOptions) -> None:
        self._file = FlatFile(path)
        directories = Directories(self._file)
        text = directories.description()
        self._lock = threading.Lock()
        self._tif = _open(self._file)
        try:
            self._n_companions = self._check_companions(text)
            series, number = _choose(self._file, self._tif, options)
            self._readers = self._open_levels(series, options)
            first = self._readers[0]
            self._map = map_axes(str(path), first.axes, first.shape, options)
            told = _metadata(self._file, directories, self._tif, number)
            self._spec = _describe(self._map, first, told, series.keyframe, options)
            self._levels = self._describe_levels(options)
            check_strips(self._file, directories)
        except FAULTS as error:
            self._tif.close()
            raise _damaged(self._file) from error
        except BaseException:
            self._tif.close()
            raise

    @property
    def spec(self) -> ImageSpec:
        """What the image is."""
        return self._spec

    @property
    def levels(self) -> tuple[ImageLevel, ...]:
        """The image, and the coarser ones that the file holds."""
        return self._levels

    @property
    def block(self) -> tuple[int, ...]:
        """What is decoded together: whole slices, unless they are large and tiled."""
        _, c, _, y, x = self._spec.shape
        n_samples = c if "s" in self._map.axes else 1
        if y * x * n_samples * self._spec.dtype.itemsize > _BLOCK_BYTES:
            rows, columns = self._readers[0].chunk
            y, x = min(y, rows), min(x, columns)
        return 1, n_samples, 1, y, x

    def read(self, box: Box, level: int = 0) -> np.ndarray:
        """Read a region of a level, of shape ``box.shape``."""
        values = self._readers[level].read(self._map.box(box))
        return self._map.image(values)

    def notes(self) -> tuple[str, ...]:
        """Tell of tiles, strips and pages that the file leaves out."""
        n_absent = sum(reader.n_absent for reader in self._readers)
        return (f"{n_absent} tiles, strips or pages are absent, and read as 0",) * bool(n_absent)

    def close(self) -> None:
        """Close the file; safe to call twice."""
        self._tif.close()

    def _check_companions(self, text: str) -> int:
        """Refuse an image that is spread over several files of the folder."""
        if not self._tif.is_ome:
            return 0
        from pyramidion.formats._images.ome import read_ome

        read_ome(self._file, text)
        others = companions(self._file, text)
        if others:
            raise DataError(
                str(self._file.path),
                f"is one of {len(others) + 1} files of an OME-TIFF",
                ", ".join(others[:3]),
                "name them as a stack, with a pattern",
                id="PYR-TIF-07",
            )
        return len(others)

    def _open_levels(self, series: Any, options: OpenOptions) -> list[SeriesReader]:
        page = series.keyframe
        dtype = page.dtype or np.dtype(np.uint8)
        size = Picture(
            int(page.imagewidth), int(page.imagelength), int(page.samplesperpixel), dtype
        )
        check_size(self._file, size, options) if int(page.compression) != 1 else None
        strict = not options.fill_damaged
        readers = [SeriesReader(self._file, series, self._lock, strict=strict)]
        try:
            coarser = list(series.levels[1:])
        except FAULTS:
            coarser = []  # level 0 is whole without them
        alike = [s for s in coarser if s.axes == series.axes and s.dtype == series.dtype]
        return readers + [SeriesReader(self._file, s, self._lock, strict=strict) for s in alike]

    def _describe_levels(self, options: OpenOptions) -> tuple[ImageLevel, ...]:
        full = self._spec.shape
        levels = [ImageLevel(full)]
        for reader in self._readers[1:]:
            mapped = map_axes(str(self._file.path), reader.axes, reader.shape, options)
            if mapped.axes != self._map.axes:
                break
            factors = tuple(a / b for a, b in zip(full, mapped.shape, strict=True))
            shift = tuple((f - 1) / 2 for f in factors)
            levels.append(ImageLevel(mapped.shape, factors, shift))
        del self._readers[len(levels) :]
        return tuple(levels)


def _open(file: FlatFile) -> Any:
    tifffile = tifffile_module()
    try:
        return tifffile.TiffFile(file.path, _multifile=False)
    except FAULTS as error:
        raise _damaged(file) from error


def _choose(file: FlatFile, tif: Any, options: OpenOptions) -> tuple[Any, int]:
    """Return the series to read and its number."""
    try:
        found = list(tif.series)
    except FAULTS as error:
        raise _damaged(file) from error
    if not found:
        raise DataError(str(file.path), "empty", "no page", id="PYR-TIF-01")
    if options.series is None and len(found) > 1:
        shown = ", ".join(f"{i}: {_shown(series)}" for i, series in enumerate(found[:5]))
        raise UsageError(
            str(file.path), f"{len(found)} series", shown, "choose --series", id="PYR-TIF-05"
        )
    number = options.series or 0
    if not 0 <= number < len(found):
        raise UsageError(
            "--series", f"0 to {len(found) - 1}", number, "choose one of them", id="PYR-TIF-05"
        )
    return found[number], number


def _shown(series: Any) -> str:
    return f"{' x '.join(map(str, series.shape))} {series.dtype}"


def _metadata(file: FlatFile, directories: Directories, tif: Any, number: int) -> TiffMetadata:
    try:
        return read_metadata(file, directories, tif, number)
    except FAULTS as error:
        raise _damaged(file) from error


def _describe(
    mapped: AxisMap, reader: SeriesReader, told: TiffMetadata, page: Any, options: OpenOptions
) -> ImageSpec:
    shape, sizes = mapped.shape, told.sizes
    voxel, unit = sizes.voxel or (1.0, 1.0, 1.0), sizes.unit
    if options.voxel:
        voxel, unit = options.voxel, options.voxel_unit
    interval = options.interval or sizes.interval
    axes = image_axes(
        shape, voxel, unit, interval=interval or 1.0, time_unit="s" if interval else ""
    )
    is_rgb = "s" in mapped.axes and int(page.photometric) in (_RGB, _YCBCR) and shape[1] in (3, 4)
    return ImageSpec(
        axes,
        reader.dtype,
        present=mapped.present,
        channels=told.channels if len(told.channels) == shape[1] else (),
        is_rgb=is_rgb,
        attributes={"name": told.name} if told.name else {},
        warnings=tuple(_warnings(page)),
    )


def _warnings(page: Any) -> list[str]:
    told = []
    if int(page.photometric) == _MIN_IS_WHITE:
        told.append("0 is shown white in this file: its numbers are kept as stored")
    if int(page.photometric) == _PALETTE:
        told.append("the numbers are kept as stored, the colours of the palette are not")
    if int(page.bitspersample) < 8:
        most = 2 ** int(page.bitspersample) - 1
        told.append(f"{page.bitspersample}-bit numbers are kept as stored (0 to {most})")
    return told


def _damaged(file: FlatFile) -> DataError:
    return DataError(
        str(escape(file.path, limit=300)),
        "truncated or damaged",
        mend="copy it again",
        id="PYR-IMG-02",
    )
