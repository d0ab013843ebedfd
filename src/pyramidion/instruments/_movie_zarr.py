"""Frames of a Zarr array: ours, OME-Zarr, or any of two or more axes, the last two y and x."""

from __future__ import annotations

import math
import warnings
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from pyramidion.core import DamagedError, DataError, UsageError, format_bytes
from pyramidion.instruments._movie import FAULTS, frame_layout, told

_MARKS = ("zarr.json", ".zarray", ".zgroup")
_LARGEST_CHUNK = 1 << 30
_KEPT_BYTES = 256 << 20


def open_zarr(path: Path, part: str) -> ZarrMovie:
    """Open the array, or the group's array of full resolution.

    Raises
    ------
    UsageError
        If a group holds several arrays and none was chosen.
    DataError
        If it is not a store, is damaged, or would run foreign code.
    """
    if not any((path / mark).is_file() for mark in _MARKS):
        names = ", ".join(sorted(p.name for p in path.iterdir())[:3])
        raise DataError(
            str(path),
            "not a Zarr store",
            f"contains: {names or 'nothing'}",
            "name the store itself",
            id="PYR-ZAR-01",
        )
    import zarr

    try:
        with warnings.catch_warnings(action="ignore"):  # of types and codecs that zarr calls young
            node = zarr.open(str(path), mode="r")
            array = node if isinstance(node, zarr.Array) else node[_full(path, node, part)]
        if not isinstance(array, zarr.Array):
            raise DataError(f"{path}/{part}", "is a group", mend="name an array", id="PYR-ZAR-01")
        return ZarrMovie(path, array)
    except (DataError, UsageError):
        raise
    except FAULTS as error:
        if "pickle" in str(error).lower():  # types of objects are refused by zarr itself
            raise _pickled(path) from error
        raise DataError(str(path), "does not open", error, id="PYR-ZAR-02") from error
    except OSError as error:
        raise told(error, path) from error


class ZarrMovie:
    """Frames of a Zarr array.

    Parameters
    ----------
    path : Path
        Of the store, named in errors.
    array : zarr.Array
        Of two axes or more; all axes before the last two are frames, in C order.
    """

    def __init__(self, path: Path, array: Any) -> None:
        _check_codecs(path, array)
        self.dtype = frame_layout(path, array.shape, array.dtype)
        self.shape = (int(array.shape[-2]), int(array.shape[-1]))
        self._lead = tuple(int(n) for n in array.shape[:-2])
        self.n_frames = math.prod(self._lead)
        self._path, self._array = path, array
        chunk_bytes = math.prod(array.chunks) * self.dtype.itemsize
        if chunk_bytes > _LARGEST_CHUNK:
            raise DataError(
                str(path),
                f"chunk {format_bytes(chunk_bytes)} is over the limit 1 GiB",
                id="PYR-ZAR-04",
            )
        self._deep = self._depth()
        self._kept_from, self._kept = -1, np.empty((0, *self.shape), self.dtype)

    def read(self, first: int, out: np.ndarray) -> None:
        """Fill `out` with the frames from `first` on."""
        try:
            if self._deep > 1:
                self._read_deep(first, out)
            elif self._deep == 1:
                out[:] = self._array[first : first + len(out)].reshape(out.shape)
            else:
                for place, frame in enumerate(out, first):
                    frame[:] = self._array[np.unravel_index(place, self._lead)]
        except FAULTS as error:
            raise DamagedError(
                str(self._path), f"frame {first} does not decode", error, id="PYR-ZAR-07"
            ) from error
        except OSError as error:
            raise told(error, self._path) from error

    def close(self) -> None:
        """Forget what was read; safe to call twice."""
        self._kept_from, self._kept = -1, np.empty((0, *self.shape), self.dtype)

    def _depth(self) -> int:
        """Return how many frames are read at once; 0: frames are not along the first axis alone."""
        if not self._lead or math.prod(self._lead[1:]) > 1:
            return 0
        depth = int(self._array.chunks[0])
        # Chunks deeper than memory allows are decoded again for every frame.
        return depth if depth * math.prod(self.shape) * self.dtype.itemsize <= _KEPT_BYTES else 1

    def _read_deep(self, first: int, out: np.ndarray) -> None:
        """Read whole chunks and keep the last: each is decoded once."""
        done = 0
        while done < len(out):
            block, at = divmod(first + done, self._deep)
            if block != self._kept_from:
                start = block * self._deep
                read = self._array[start : start + self._deep]
                self._kept, self._kept_from = read.reshape(-1, *self.shape), block
            n = min(len(out) - done, len(self._kept) - at)
            out[done : done + n] = self._kept[at : at + n]
            done += n


def _full(path: Path, group: Any, part: str) -> str:
    """Return the path of the array in the group that is played."""
    if part:
        name = part
    elif levels := _multiscales(dict(group.attrs)):
        name = str(levels[0]["datasets"][0]["path"])
    else:
        arrays = [name for name, array in group.arrays() if array.ndim >= 2]
        if not arrays:
            raise DataError(str(path), "no frames", "no array of 2 axes or more", id="PYR-ZAR-01")
        if len(arrays) > 1:
            held = ", ".join(arrays[:5])
            raise UsageError(
                str(path), f"{len(arrays)} arrays", held, "choose with ?part=", id="PYR-ZAR-01"
            )
        name = arrays[0]
    if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts or ":" in name:
        raise DataError(str(path), "multiscales path leaves the store", name, id="PYR-ZAR-09")
    return name


def _multiscales(attributes: dict[str, Any]) -> Any:
    return attributes.get("ome", attributes).get("multiscales")


def _check_codecs(path: Path, array: Any) -> None:
    """Refuse objects and codecs that run foreign code when they decode."""
    metadata = array.metadata.to_dict()
    used = [metadata.get("compressor"), *(metadata.get("filters") or ())]
    used += list(metadata.get("codecs") or ())
    if array.dtype.hasobject or "pickle" in repr(used).lower():
        raise _pickled(path)


def _pickled(path: Path) -> DataError:
    return DataError(str(path), "pickled objects are never loaded", id="PYR-ZAR-06")
