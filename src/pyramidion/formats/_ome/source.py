"""Reading an image from a Zarr store: OME-Zarr up to 0.5, or one bare array, of either version."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pyramidion.core import (
    IMAGE_AXES,
    Axis,
    Box,
    Closing,
    DataError,
    ImageLevel,
    ImageSpec,
    MissingError,
    UsageError,
    escape,
    plain_dtype,
)
from pyramidion.formats._format import OpenOptions
from pyramidion.formats._ome.attributes import OWN
from pyramidion.formats._ome.multiscales import (
    Dataset,
    Multiscale,
    axis_names,
    ome_of,
    read_channels,
    read_multiscale,
)
from pyramidion.formats._ome.reducer import STATS
from pyramidion.formats._ome.root import Root, read_root
from pyramidion.formats._waveform.attributes import check_version as check_layout
from pyramidion.formats._zarr.arrays import StoredArray, open_array
from pyramidion.storage import Folder

_BARE_AXES = {2: "yx", 3: "zyx", 4: "czyx", 5: "tczyx"}
_MOST_TIMES = 2**24


class OmeSource(Closing):
    """An image in a Zarr store; see :class:`pyramidion.core.ImageSource`.

    Parameters
    ----------
    path : Path
        The store: a group with OME metadata, or an array.
    options : OpenOptions
        ``axes`` for a bare array, ``field``, ``voxel`` and ``voxel_unit``.

    Attributes
    ----------
    path : Path
        As given.
    arrays : tuple of StoredArray
        One per level, with the store's own axes.
    axes : tuple of str
        Which of :data:`IMAGE_AXES` these are, in their order.
    stat : str
        What the levels hold, where that is known to be one of ours; otherwise empty.
    is_ours : bool
        Written by this program, which stores every chunk.
    is_recording : bool
        Frames of a camera, which may grow meanwhile: it has the frames that were there when it was
        opened.
    zarr_format : int
        2 or 3.

    Raises
    ------
    DataError
        If it is not an image, is damaged, or is of an unknown kind.
    UsageError
        If the options do not fit it.
    """

    def __init__(self, path: Path, options: OpenOptions) -> None:
        self.path = path
        where = str(path)
        root = read_root(Folder(path))
        self.zarr_format = root.zarr_format
        own = root.attributes.get("pyramidion")
        check_layout(own, where)
        own = own if isinstance(own, Mapping) else {}
        self.is_recording = own.get("kind") == "recording" and "layout" in own
        self.is_ours = self.is_recording or (own.get("kind") == "image" and "layout" in own)
        multiscale = _described(root, path, options)
        with ExitStack() as opened:
            self.arrays = tuple(self._open(dataset.path, opened) for dataset in multiscale.datasets)
            if root.is_array:
                multiscale = _bare(multiscale, self.arrays[0], options, where)
            self.axes = multiscale.axes
            if self.is_recording:
                self.arrays = _same_frames(self.arrays)
            _check_arrays(self.arrays, self.axes, where, may_be_empty=self.is_recording)
            self.levels: Sequence[ImageLevel] = _levels(multiscale, self.arrays)
            ome = ome_of(root.attributes) or {}
            self.spec = _spec(multiscale, self.arrays[0], ome, own, root.attributes, options, where)
            opened.pop_all()
        self.stat = multiscale.stat if self.is_ours and multiscale.stat in STATS else ""
        self.fields = (self.spec.name,)
        self.block = _five(self.arrays[0].chunk, self.axes)
        _check_field(self.fields[0], options.field)

    def read(self, box: Box, level: int = 0) -> np.ndarray:
        """Read a region; see :class:`pyramidion.core.ImageSource`."""
        places = [IMAGE_AXES.index(name) for name in self.axes]
        inner = Box(tuple(box.start[p] for p in places), tuple(box.stop[p] for p in places))
        values = self.arrays[level].reader.read(inner)
        ordered = values.transpose(np.argsort(places))
        return ordered.reshape(box.shape)

    def notes(self) -> tuple[str, ...]:
        """Return what a copy of a recording does not have; absent chunks are errors, or fill."""
        if not self.is_recording:
            return ()
        from pyramidion.formats._recording.stored import StoredRecording

        with StoredRecording(self.path) as stored:
            n_lost = sum(run.n_frames for run in stored.lost())
        if not n_lost:
            return ()
        return (f"{n_lost} lost frames are missing between these; the recording says which, and when each was taken",)  # fmt: skip

    def close(self) -> None:
        """Close every file; safe to call twice."""
        for array in self.arrays:
            array.reader.close()

    def _open(self, key: str, opened: ExitStack) -> StoredArray:
        try:
            array = open_array(
                Folder(self.path), key, self.zarr_format, absent_is_fill=not self.is_ours
            )
        except MissingError as error:
            raise DataError(
                str(self.path), f"multiscales: level {escape(key)} is missing",
                mend="copy the whole store again", id="PYR-ZAR-09",
            ) from error  # fmt: skip
        opened.callback(array.reader.close)
        return array


def _described(root: Root, path: Path, options: OpenOptions) -> Multiscale:
    """Return what the metadata say of the image; of a bare array, nothing yet."""
    if root.is_array:
        return Multiscale("", "", (), (), (Dataset("", (), ()),))
    if options.axes is not None:
        raise UsageError("--axes", "the image names its own axes", options.axes, "leave it out", id="PYR-ZAR-09")  # fmt: skip
    ome = ome_of(root.attributes)
    if ome is None:
        raise DataError(str(path), "no image in it", mend="name an image or an array", id="PYR-ZAR-01")  # fmt: skip
    if "multiscales" not in ome:
        raise _collection(ome, path)
    return read_multiscale(ome, str(path))


def _collection(ome: Mapping[str, Any], path: Path) -> DataError:
    """Return the error for a group of images, which names them."""
    names: list[str] = []
    what = "a collection"
    for kind, inner, part in (("plate", "wells", "/0"), ("well", "images", "")):
        held = ome.get(kind)
        listed = held.get(inner) if isinstance(held, Mapping) else None
        if isinstance(listed, list):
            what = f"a {kind}"
            names = [f"{p['path']}{part}" for p in listed if isinstance(p, Mapping) and "path" in p]
    if not names:
        names = sorted(p.name for p in path.iterdir() if re.fullmatch("[0-9]{1,6}", p.name))
    shown = ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")
    mend = f"name one of them: {escape(f'{path}/{names[0]}', 300)}" if names else "name a picture"
    return DataError(str(path), f"is {what} of {len(names)} pictures", shown, mend, id="PYR-ZAR-01")


def _bare(found: Multiscale, array: StoredArray, options: OpenOptions, where: str) -> Multiscale:
    """Return what is known of an array alone: its own names of axes, or the usual ones."""
    n_axes = len(array.shape)
    if n_axes not in _BARE_AXES:
        raise DataError(where, "2 to 5 axes needed", f"shape {array.shape}", id="PYR-ZAR-04")
    if options.axes is not None:
        given = options.axes.strip()
        names = tuple(re.split(r"[\s,]+", given) if re.search(r"[\s,]", given) else given)
        if len(names) != n_axes or not _is_known(names):
            raise UsageError(
                "--axes", f"{n_axes} of t, c, z, y, x needed", options.axes,
                f"write {','.join(_BARE_AXES[n_axes])}", id="PYR-ZAR-09",
            )  # fmt: skip
    else:
        names = array.names if _is_known(array.names) else tuple(_BARE_AXES[n_axes])
    axes = axis_names(names, where)
    return Multiscale(
        found.name,
        "",
        axes,
        ("",) * n_axes,
        (Dataset("", (1.0,) * n_axes, (0.0,) * n_axes),),
    )


def _is_known(names: tuple[str, ...]) -> bool:
    lower = [name.lower() for name in names]
    return {"y", "x"} <= set(lower) <= set(IMAGE_AXES) and len(set(lower)) == len(lower)


def _same_frames(arrays: Sequence[StoredArray]) -> tuple[StoredArray, ...]:
    """Cut coarser levels to the frames of level 0, which was opened first.

    A frame is shown in them before it is in level 0, so that they may be ahead of it.
    """
    n_frames = arrays[0].shape[:1]
    return tuple(
        replace(array, shape=(*min(n_frames, array.shape[:1]), *array.shape[1:]))
        for array in arrays
    )


def _check_arrays(
    arrays: Sequence[StoredArray], axes: tuple[str, ...], where: str, *, may_be_empty: bool
) -> None:
    first = arrays[0]
    for array in arrays:
        name = escape(array.key)
        if len(array.shape) != len(axes):
            raise DataError(
                where,
                f"level {name}: {len(axes)} axes named",
                f"shape {array.shape}",
                id="PYR-ZAR-09",
            )
        if 0 in (array.shape[1:] if may_be_empty else array.shape):
            raise DataError(where, f"level {name}: empty", f"shape {array.shape}", id="PYR-ZAR-04")
        if array.dtype.newbyteorder("<") != first.dtype.newbyteorder("<"):
            raise DataError(where, f"level {name}: {array.dtype}, level 0 is {first.dtype}", id="PYR-ZAR-09")  # fmt: skip
        if any(n > m for n, m in zip(array.shape, first.shape, strict=True)):
            raise DataError(where, f"level {name}: larger than level 0", array.shape, id="PYR-ZAR-09")  # fmt: skip


def _levels(multiscale: Multiscale, arrays: Sequence[StoredArray]) -> tuple[ImageLevel, ...]:
    first = multiscale.datasets[0]
    levels = []
    for dataset, array in zip(multiscale.datasets, arrays, strict=True):
        factors = [a / b for a, b in zip(dataset.scale, first.scale, strict=True)]
        shift = [
            (a - b) / s
            for a, b, s in zip(dataset.translation, first.translation, first.scale, strict=True)
        ]
        axes = multiscale.axes
        levels.append(
            ImageLevel(_five(array.shape, axes), _five(factors, axes, 1.0), _five(shift, axes, 0.0))
        )
    return tuple(levels)


def _spec(
    multiscale: Multiscale,
    array: StoredArray,
    ome: Mapping[str, Any],
    own: Mapping[str, Any],
    attributes: Mapping[str, Any],
    options: OpenOptions,
    where: str,
) -> ImageSpec:
    shape = _five(array.shape, multiscale.axes)
    given = own.get("present")
    is_same = isinstance(given, str) and set(given) <= set(multiscale.axes)
    return ImageSpec(
        _axes(multiscale, shape, options),
        plain_dtype(array.dtype, where, id="PYR-ZAR-05"),
        name=_name(own.get("field", multiscale.name)),
        present=str(given)
        if is_same
        else "".join(name for name in IMAGE_AXES if name in multiscale.axes),
        channels=read_channels(ome, shape[1]),
        is_rgb=own.get("is_rgb") is True and shape[1] in (3, 4),
        times=_whole_numbers(own.get("times"), shape[0]),
        origin=_origin(own.get("origin")),
        attributes={k: v for k, v in attributes.items() if k not in OWN},
    )


def _axes(multiscale: Multiscale, shape: tuple[int, ...], options: OpenOptions) -> tuple[Axis, ...]:
    first = multiscale.datasets[0]
    scale = list(_five(first.scale, multiscale.axes, 1.0))
    offset = list(_five(first.translation, multiscale.axes, 0.0))
    units = list(_five(multiscale.units, multiscale.axes, ""))
    if options.voxel is not None:
        scale[2:] = map(float, options.voxel)
        units[2:] = [options.voxel_unit] * 3
        offset[2:] = [0.0] * 3  # was told in the units that are replaced
    return tuple(
        Axis(name, n, unit, s, at)
        for name, n, unit, s, at in zip(IMAGE_AXES, shape, units, scale, offset, strict=True)
    )


def _five(values: Sequence[Any], axes: Sequence[str], missing: Any = 1) -> tuple[Any, ...]:
    """Return values of the store's axes as values of all five."""
    known = dict(zip(axes, values, strict=True))
    return tuple(known.get(name, missing) for name in IMAGE_AXES)


def _name(given: Any) -> str:
    """Return a name that every format can use for a field."""
    is_name = isinstance(given, str) and re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}", given)
    return str(given) if is_name else "data"


def _whole_numbers(given: Any, n: int) -> tuple[int, ...]:
    if not isinstance(given, list) or len(given) != n or n > _MOST_TIMES:
        return ()
    is_whole = all(isinstance(v, int) and not isinstance(v, bool) for v in given)
    return tuple(given) if is_whole else ()


def _origin(given: Any) -> tuple[int, int, int]:
    found = _whole_numbers(given, 3)
    return (found[0], found[1], found[2]) if found else (0, 0, 0)


def _check_field(name: str, wanted: str | None) -> None:
    if wanted is not None and wanted != name:
        raise UsageError("--field", "not in the dataset", wanted, f"{name} is", id="PYR-IDX-15")
