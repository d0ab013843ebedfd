"""The shards of one level while frames are added to it.

What every level does: files by shard, made when their first frame comes, closed when their last
frame has come and everything is on the disk. How frames become chunks is told by those that derive
from it.
"""

from __future__ import annotations

import itertools
import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pyramidion.formats._recording.durable import sync_folder
from pyramidion.formats._recording.shard_file import ShardFile
from pyramidion.shards import ArrayLayout


class Column(NamedTuple):
    """The part of every frame that is in one file.

    Parameters
    ----------
    place : (int, int)
        Number of the shard along y and x.
    rows, columns : slice
        Pixels of the frame.
    n_y, n_x : int
        Chunks along y and x that hold pixels.
    """

    place: tuple[int, int]
    rows: slice
    columns: slice
    n_y: int
    n_x: int


@dataclass
class Group:
    """The files of the same frames: one per column.

    Parameters
    ----------
    shard : int
        Number of the shard along t.
    files : list of ShardFile
        One per column.
    n_done : int
        Frames entered.
    """

    shard: int
    files: list[ShardFile]
    n_done: int = 0


class Put(NamedTuple):
    """Frames whose pixels are written and whose entries are not.

    Parameters
    ----------
    group : Group
        Where.
    n_frames : int
        How many.
    first : int
        Number of the first entry.
    values : list of ndarray, shape (n, 2)
        Entries, per column; empty where there is nothing more to enter.
    """

    group: Group
    n_frames: int
    first: int
    values: list[np.ndarray]


def columns_of(layout: ArrayLayout) -> list[Column]:
    """Return the parts into which frames are cut by shards."""
    _, h, w = layout.shape
    _, sy, sx = layout.shard
    _, cy, cx = layout.chunk
    found = []
    for y, x in itertools.product(range(-(-h // sy)), range(-(-w // sx))):
        rows, columns = slice(y * sy, min(h, (y + 1) * sy)), slice(x * sx, min(w, (x + 1) * sx))
        n_y, n_x = -(-(rows.stop - rows.start) // cy), -(-(columns.stop - columns.start) // cx)
        found.append(Column((y, x), rows, columns, n_y, n_x))
    return found


@dataclass
class _Files:
    """Files by what is to be done with them."""

    open: dict[int, Group] = field(default_factory=dict)
    full: list[Group] = field(default_factory=list)
    folders: set[Path] = field(default_factory=set)


class Level(ABC):
    """One level under way; safe to use from many threads.

    Parameters
    ----------
    folder : Path
        The array's folder.
    layout : ArrayLayout
        Its geometry.
    n_frames : int
        Frames that are there and stay.
    is_anew : bool
        Shards that are there are replaced, by :meth:`take_names`; until then they stay as they are.

    Attributes
    ----------
    n_bytes : int
        Written by this object.
    """

    def __init__(
        self, folder: Path, layout: ArrayLayout, n_frames: int, *, is_anew: bool = False
    ) -> None:
        self.folder, self.layout = folder, layout
        self._is_anew = is_anew
        self._made: dict[Path, Path] = {}
        self.columns = columns_of(layout)
        self.per_frame = layout.chunks_per_shard[1] * layout.chunks_per_shard[2]
        self.n_bytes = 0
        self._lock = threading.Lock()
        self._closing = threading.Lock()
        self._files = _Files()
        n_t = layout.shard[0]
        if n_frames % n_t:
            self._files.open[n_frames // n_t] = self._opened(n_frames // n_t, n_frames % n_t)

    @abstractmethod
    def put(self, t: int, frames: np.ndarray) -> list[Put]:
        """Write the pixels of frames; nobody is told yet.

        Parameters
        ----------
        t : int
            Place of the first.
        frames : ndarray, shape (k, h, w)
            C-contiguous.
        """

    def enter(self, puts: list[Put]) -> None:
        """Write the entries of frames whose pixels are written."""
        for group, n_frames, first, values in puts:
            for file, some in zip(group.files, values, strict=False):
                file.enter(first, some)
            with self._lock:
                group.n_done += n_frames
                is_full = group.n_done == self.layout.shard[0]
            if is_full:
                self.complete(group)
                with self._lock:
                    del self._files.open[group.shard]
                    self._files.full.append(group)

    def complete(self, group: Group) -> None:
        """Do what is to be done with a shard whose frames are all there."""
        n_appended = sum(file.append_index(len(file.entries)) for file in group.files)
        self.count(n_appended)

    def count(self, n_bytes: int) -> None:
        """Count bytes on the disk."""
        with self._lock:
            self.n_bytes += n_bytes

    def group(self, shard: int) -> Group:
        """Return the files of a shard, made when missing."""
        with self._lock:
            if shard not in self._files.open:
                self._files.open[shard] = self._opened(shard, 0)
            return self._files.open[shard]

    def parts(self, t: int, frames: np.ndarray) -> Iterator[tuple[Group, int, np.ndarray]]:
        """Yield group, place in the shard and frames, for every shard that frames touch."""
        n_t = self.layout.shard[0]
        done = 0
        while done < len(frames):
            shard, at = divmod(t + done, n_t)
            n = min(n_t - at, len(frames) - done)
            yield self.group(shard), at, frames[done : done + n]
            done += n

    def settle(self) -> None:
        """Have the names and empty indexes of new shards reach the disk."""
        with self._lock:
            groups = [*self._files.open.values(), *self._files.full]
        with self._closing:
            new = [
                file
                for group in groups
                for file in group.files
                if not file.is_settled and file.fd >= 0
            ]
            for file in new:
                file.sync()
            if new:
                self._sync_folders()
            for file in new:
                file.is_settled = True

    def sync(self) -> None:
        """Have everything written so far reach the disk; close what is full.

        Not to be called by two threads at once.
        """
        with self._lock:
            full, self._files.full = self._files.full, []
            opened = list(self._files.open.values())
        try:
            for group in opened + full:
                for file in group.files:
                    file.sync()
        except OSError:
            with self._lock:
                self._files.full += full
            raise
        with self._closing:
            self._sync_folders()
            for group in full:
                for file in group.files:
                    file.close()
        for group in opened:
            for file in group.files:
                file.is_settled = True

    def close(self) -> None:
        """Let go of every file; safe to call twice."""
        with self._lock:
            for group in [*self._files.open.values(), *self._files.full]:
                for file in group.files:
                    file.close()
            self._files = _Files()

    def take_names(self) -> None:
        """Give the shards that were made anew the names of those that they replace.

        All must be on the disk, and closed.
        """
        for part, path in self._made.items():
            part.replace(path)
            sync_folder(path.parent)
        self._made = {}

    def discard(self) -> None:
        """Close, and remove the shards that were made anew and have no names yet."""
        self.close()
        for part in self._made:
            part.unlink(missing_ok=True)

    def path(self, shard: int, column: Column) -> Path:
        """Return a shard's file."""
        path = self.folder / self.layout.key((shard, *column.place))
        if not self._is_anew:
            return path
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        self._made[part] = path
        return part

    def _opened(self, shard: int, n_kept: int) -> Group:
        entries, files = self.layout.n_chunks_per_shard, []
        kept_entries = -(-n_kept // self.layout.chunk[0]) * self.per_frame
        try:
            for column in self.columns:
                path = self.path(shard, column)
                files.append(ShardFile(path, entries, kept_entries))
                self._files.folders |= {p for p in path.parents if self.folder in (p, *p.parents)}
        except BaseException:
            for file in files:
                file.close()
            raise
        self.n_bytes += 16 * entries * len(files)
        return Group(shard, files, n_kept)

    def _sync_folders(self) -> None:
        with self._lock:
            folders, self._files.folders = self._files.folders, set()
        for folder in sorted(folders, reverse=True):
            sync_folder(folder)
