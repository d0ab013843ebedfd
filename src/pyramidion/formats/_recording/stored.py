"""A recording that is there: what its documents say, and its arrays opened."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pyramidion.core import LOST_REASONS, Box, Closing, DataError, Lost, PyramidionError
from pyramidion.formats._ome.multiscales import ome_of, read_multiscale
from pyramidion.formats._ome.root import read_root
from pyramidion.formats._recording.metadata import LOST
from pyramidion.formats._waveform.attributes import check_version
from pyramidion.formats._zarr.arrays import StoredArray, open_array
from pyramidion.shards import ArrayLayout, ShardedArray
from pyramidion.storage import Folder, hidden_sibling

State = Literal["recording", "cut off", "finished"]


@dataclass(frozen=True)
class StoredLevel:
    """One level of a recording.

    Parameters
    ----------
    key : str
        Its array.
    array : ShardedArray
        Its shards.
    """

    key: str
    array: ShardedArray

    @property
    def layout(self) -> ArrayLayout:
        """Geometry of the array."""
        return self.array.layout


def is_recording(path: Path) -> bool:
    """Tell whether a store is a recording; False for what cannot be read."""
    return path.is_dir() and own_attributes(path) is not None


def own_attributes(path: Path) -> Mapping[str, Any] | None:
    """Return what the root says of a recording; None where it is none, or cannot be read."""
    try:
        root = read_root(Folder(path))
    except (PyramidionError, OSError):
        return None
    own = root.attributes.get("pyramidion")
    is_recording = isinstance(own, Mapping) and own.get("kind") == "recording"
    return own if is_recording else None


def state_of(path: Path, own: Mapping[str, Any]) -> State:
    """Tell whether a recording is finished, being written, or was cut off.

    The lock is looked at, not tried: who tries it keeps a writer out that begins at that moment.
    """
    if own.get("state") == "finished":
        return "finished"
    try:
        holder = json.loads(hidden_sibling(path, "lock").read_bytes())
        number, host = int(holder["pid"]), holder["host"]
    except (OSError, ValueError, KeyError, TypeError):
        return "cut off"
    if host == socket.gethostname() and not _is_running(number):
        return "cut off"
    return "recording"


def _is_running(number: int) -> bool:
    if os.name != "posix":  # elsewhere signal 0 is no question
        return True
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another user's
        return True
    return True


class StoredRecording(Closing):
    """The arrays of a recording, as of opening.

    Parameters
    ----------
    path : Path
        The store.

    Attributes
    ----------
    path : Path
        As given.
    own : mapping
        What the root says of the recording.
    stat : str
        What coarser levels hold; empty without.
    levels : tuple of StoredLevel
        Level 0 first, all cut to its frames.

    Raises
    ------
    DataError
        If it is no recording, or its documents are broken.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        where = str(path)
        root = read_root(Folder(path))
        own = root.attributes.get("pyramidion")
        if not isinstance(own, Mapping) or own.get("kind") != "recording":
            raise DataError(where, "not a recording", mend="name a recording", id="PYR-ZAR-01")
        check_version(own, where)
        self.own: Mapping[str, Any] = own
        multiscale = read_multiscale(ome_of(root.attributes) or {}, where)
        self.stat = multiscale.stat
        opened = [self._open(dataset.path) for dataset in multiscale.datasets]
        n_frames = opened[0].layout.shape[0]
        self.levels = tuple(_cut(level, n_frames) for level in opened)

    @property
    def n_frames(self) -> int:
        """Frames in the shape."""
        return self.levels[0].layout.shape[0]

    def values(self, name: str) -> np.ndarray:
        """Return one array of a value per frame, whole.

        Raises
        ------
        MissingError, DataError
            If it is not there or damaged.
        """
        array = self.open_side(name)
        return array.reader.read(Box((0,) * len(array.shape), array.shape))

    def open_side(self, name: str) -> StoredArray:
        """Open an array beside the pixels."""
        return open_array(Folder(self.path), name, 3, absent_is_fill=False)

    def lost(self) -> tuple[Lost, ...]:
        """Return the runs of frames that are not stored.

        Raises
        ------
        MissingError, DataError
            If the list is not there, damaged, or no list of runs.
        """
        array = self.open_side(LOST)
        if len(array.shape) != 2 or array.shape[1] != 3 or array.dtype.kind != "i":
            told = f"{array.dtype} {array.shape}"
            raise DataError(f"{self.path}/{LOST}", "not a list of runs", told, id="PYR-ZAR-04")
        if not array.shape[0]:
            return ()
        rows = array.reader.read(Box((0, 0), array.shape))
        return tuple(Lost(int(a), int(n), _reason(int(code))) for a, n, code in rows)

    def close(self) -> None:
        """Close every file; safe to call twice."""
        for level in self.levels:
            level.array.close()

    def _open(self, key: str) -> StoredLevel:
        array = open_array(Folder(self.path), key, 3, absent_is_fill=False)
        if not isinstance(array.reader, ShardedArray) or len(array.shape) != 3:
            told = f"{array.codec}, shape {array.shape}"
            raise DataError(f"{self.path}/{key}", "not the frames of a recording", told, id="PYR-ZAR-05")  # fmt: skip
        return StoredLevel(key, array.reader)


def _cut(level: StoredLevel, n_frames: int) -> StoredLevel:
    layout = level.layout
    if layout.shape[0] <= n_frames:
        return level
    return with_layout(level, replace(layout, shape=(n_frames, *layout.shape[1:])))


def with_layout(level: StoredLevel, layout: ArrayLayout) -> StoredLevel:
    """Return a level that is read by another layout."""
    return replace(level, array=ShardedArray(level.array.folder, layout))


def _reason(code: int) -> str:
    return LOST_REASONS[code] if 0 <= code < len(LOST_REASONS) else LOST_REASONS[0]
