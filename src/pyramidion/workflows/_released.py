"""Files whose blocks were given back to the disk after they had been sent."""

from __future__ import annotations

import json
import os
from pathlib import Path

from pyramidion.storage import has_holes, punch_hole, told_as
from pyramidion.transfer import LocalFile

KEPT_TAIL = 2**20
"""What stays of a file that was sent: a shard's index, by which a resumed run knows it is whole."""


class Released:
    """Files whose blocks were given back; noted before and after, so that no hole is sent for data.

    Parameters
    ----------
    path : Path
        Where it is noted, for the next run.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._begun: set[tuple[int, ...]] = set()
        self._done: set[tuple[int, ...]] = set()
        for line in path.read_text().splitlines() if path.is_file() else ():
            self._remember(tuple(json.loads(line)))

    def has(self, file: LocalFile) -> bool:
        """Tell whether the blocks of a file were given back: nothing of it may be read."""
        if (file.inode, file.size, file.mtime_ns, file.ctime_ns) in self._done:
            return True
        # A run was killed between the two notes: what has a hole then is taken for empty.
        return (file.inode, file.size) in self._begun and has_holes(file.path)

    def release(self, file: LocalFile) -> None:
        """Give back all blocks of a file but the last, if it is still the one that was sent.

        The file is held open meanwhile: another one that takes its name is not touched.
        """
        with told_as(file.path):
            try:
                fd = os.open(file.path, os.O_RDWR)
            except FileNotFoundError:  # renamed with its folder, just now
                return
            try:
                self._release(fd, file)
            finally:
                os.close(fd)

    def _release(self, fd: int, file: LocalFile) -> None:
        if _identity(fd) != (file.inode, file.size, file.mtime_ns, file.ctime_ns):
            return
        self._note((file.inode, file.size))
        punch_hole(fd, file.size - KEPT_TAIL)
        self._note(_identity(fd))

    def _note(self, told: tuple[int, ...]) -> None:
        with self._path.open("a") as noted:
            noted.write(json.dumps(told) + "\n")
            noted.flush()
            os.fsync(noted.fileno())
        self._remember(told)

    def _remember(self, told: tuple[int, ...]) -> None:
        if len(told) == 2:
            self._begun.add(told)
        else:
            self._begun.discard(told[:2])
            self._done.add(told)


def _identity(fd: int) -> tuple[int, int, int, int]:
    found = os.fstat(fd)
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
