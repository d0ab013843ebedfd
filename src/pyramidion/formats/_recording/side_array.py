"""The arrays beside the pixels: a value per frame, or a row per run of lost frames.

Their files have a fixed size from the start, with room for frames to come: what is beyond the shape
is not there for readers.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np

from pyramidion.formats._recording.durable import open_for_writing, sync_data, sync_folder
from pyramidion.formats._recording.metadata import LOST, SIDE_DTYPES, SIDE_ENTRIES
from pyramidion.storage import write_at


class SideArray:
    """One array beside the pixels, under way; safe to use from many threads.

    Parameters
    ----------
    folder : Path
        The array's folder.
    name : str
        ``frame_number``, ``time_camera``, ``time_host`` or ``lost``.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name
        self._dtype = np.dtype(SIDE_DTYPES.get(name, "<i8"))
        self._row = 3 if name == LOST else 1
        self._lock = threading.Lock()
        self._open: dict[int, int] = {}
        self._is_new = False

    def put(self, first: int, values: np.ndarray) -> None:
        """Write values from entry `first` on.

        Parameters
        ----------
        first : int
            Entry.
        values : ndarray, shape (k,) or (k, 3)
            One entry each.
        """
        done = 0
        while done < len(values):
            file, at = divmod(first + done, SIDE_ENTRIES)
            n = min(SIDE_ENTRIES - at, len(values) - done)
            data = values[done : done + n].astype(self._dtype).tobytes()
            write_at(self._file(file), data, at * self._row * self._dtype.itemsize)
            done += n

    def sync(self) -> None:
        """Have everything reach the disk; close all files but the last."""
        with self._lock:
            opened = sorted(self._open.items())
            is_new, self._is_new = self._is_new, False
        for number, fd in opened:
            sync_data(fd)
            if number + 2 < opened[-1][0]:  # a thread may still be late by one
                with self._lock:
                    os.close(self._open.pop(number))
        if is_new:
            for folder in self._folders():
                sync_folder(folder)

    def close(self) -> None:
        """Let go; safe to call twice."""
        with self._lock:
            for fd in self._open.values():
                os.close(fd)
            self._open.clear()

    def _folders(self) -> list[Path]:
        """Return every folder that names its files, innermost first."""
        inner = sorted((self.folder / "c").iterdir()) if self.name == LOST else []
        return [*inner, self.folder / "c", self.folder]

    def _file(self, number: int) -> int:
        with self._lock:
            if number not in self._open:
                key = f"c/{number}/0" if self.name == LOST else f"c/{number}"
                fd = open_for_writing(self.folder / key)
                n_bytes = SIDE_ENTRIES * self._row * self._dtype.itemsize
                if os.fstat(fd).st_size < n_bytes:
                    os.ftruncate(fd, n_bytes)
                self._open[number], self._is_new = fd, True
            return self._open[number]
