"""A few megabytes kept for the end: a disk that is full still takes the last index and documents."""

from __future__ import annotations

import os
from pathlib import Path

from pyramidion.formats._recording.durable import open_for_writing, write_pieces

RESERVE_NAME = ".reserve"
RESERVE_BYTES = 2**22


def make_reserve(store: Path, n_bytes: int = RESERVE_BYTES) -> None:
    """Take the reserve.

    Raises
    ------
    OSError
        If there is not even that.
    """
    fd = open_for_writing(store / RESERVE_NAME)
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(fd, 0, n_bytes)
        else:
            write_pieces(fd, [bytes(n_bytes)], 0)
    finally:
        os.close(fd)


def release_reserve(store: Path) -> None:
    """Give the reserve back; safe to call twice."""
    (store / RESERVE_NAME).unlink(missing_ok=True)
