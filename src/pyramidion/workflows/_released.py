"""Files whose blocks were given back to the disk after they had been sent."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

from pyramidion.storage import has_holes, punch_hole, told_as
from pyramidion.transfer import LocalFile

KEPT_TAIL = 2**20
"""What stays of a file that was sent: a shard's index, by which a resumed run knows it is whole."""


class Released:
    """Files whose blocks were given back; noted before, so that no hole is taken for data."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._noted: set[tuple[int, int]] = set()
        if path.is_file():
            for line in path.read_text().splitlines():
                inode, size = json.loads(line)
                self._noted.add((inode, size))

    def has(self, file: LocalFile) -> bool:
        return (file.inode, file.size) in self._noted and has_holes(file.path)

    def release(self, file: LocalFile) -> None:
        """Free all blocks of a file but the last; no effect where the system cannot."""
        with told_as(file.path), self._path.open("a") as noted:
            noted.write(json.dumps([file.inode, file.size]) + "\n")
            noted.flush()
            os.fsync(noted.fileno())
        self._noted.add((file.inode, file.size))
        with contextlib.suppress(FileNotFoundError):  # renamed with its folder, just now
            punch_hole(file.path, file.size - KEPT_TAIL)
