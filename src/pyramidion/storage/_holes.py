"""Giving the blocks of a file back while it keeps its name, size and last bytes.

Source: fallocate(2), FALLOC_FL_PUNCH_HOLE; lseek(2), SEEK_HOLE.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

_PUNCH_HOLE_KEEP_SIZE = 0x02 | 0x01


def punch_hole(fd: int, n_bytes: int) -> bool:
    """Give back the first bytes of a file: they read as zeros, and need no room.

    Parameters
    ----------
    fd : int
        A regular file, open for writing.
    n_bytes : int
        How many.

    Returns
    -------
    bool
        False where the system or the file system cannot; the file is as it was.
    """
    if sys.platform != "linux" or n_bytes <= 0:
        return False
    call = ctypes.CDLL(None, use_errno=True).fallocate
    call.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
    return bool(call(fd, _PUNCH_HOLE_KEEP_SIZE, 0, n_bytes) == 0)


def has_holes(path: Path) -> bool:
    """Tell whether a file has a part without blocks."""
    if not hasattr(os, "SEEK_HOLE"):
        return False
    fd = os.open(path, os.O_RDONLY)
    try:
        size = os.fstat(fd).st_size
        return size > 0 and os.lseek(fd, 0, os.SEEK_HOLE) < size
    finally:
        os.close(fd)
