"""How many bytes the files of a dataset take, where counting them is cheap."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

_MAX_NAMES = 256
"""A dataset of more files and folders than this is not counted."""
_SETTLED_S = 60.0


@dataclass(frozen=True)
class StoredSize:
    """What was counted.

    Parameters
    ----------
    n_bytes : int or None
        Bytes of all files; None if there are too many, or some could not be looked at.
    changed : float or None
        When the metadata had been written, in seconds of Unix time.
    is_settled : bool
        No file had been written for a while. A program that writes the metadata first and the
        rest after it changes the size without changing them.
    """

    n_bytes: int | None
    changed: float | None
    is_settled: bool

    def holds(self, changed: float | None) -> bool:
        """Tell whether it is still the size of a dataset whose metadata were written `changed`."""
        return self.is_settled and self.changed == changed


def measure(path: Path, changed: float | None) -> StoredSize:
    """Count the bytes of a file, or of all files in a folder; links are not followed.

    Parameters
    ----------
    path : Path
        A dataset. An ``.idx`` file keeps its data beside it, and is not counted.
    changed : float or None
        When its metadata were written.
    """
    if path.suffix == ".idx":
        return StoredSize(None, changed, True)
    try:
        n_bytes, newest = _file(path) if path.is_file() else _folder(path)
    except (OSError, _TooManyError):
        return StoredSize(None, changed, True)
    return StoredSize(n_bytes, changed, time.time() - newest > _SETTLED_S)


class _TooManyError(Exception):
    """Counting goes on for too long."""


def _file(path: Path) -> tuple[int, float]:
    status = path.stat()
    return status.st_size, status.st_mtime


def _folder(path: Path) -> tuple[int, float]:
    n_names, n_bytes, newest = 0, 0, 0.0
    queue = [str(path)]
    for folder in queue:  # grows while it is walked
        with os.scandir(folder) as entries:
            for entry in entries:
                n_names += 1
                if n_names > _MAX_NAMES:
                    raise _TooManyError
                if entry.is_dir(follow_symlinks=False):
                    queue.append(entry.path)
                    continue
                status = entry.stat(follow_symlinks=False)
                n_bytes += status.st_size
                newest = max(newest, status.st_mtime)
    return n_bytes, newest
