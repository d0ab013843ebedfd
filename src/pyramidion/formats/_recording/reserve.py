"""A few megabytes kept for the end: a disk that is full still takes the last index and documents.

They lie beside the store, not in it, where a reader would ask what they are.
"""

from __future__ import annotations

import os
from pathlib import Path

from pyramidion.formats._recording.durable import open_for_writing, write_pieces
from pyramidion.storage import hidden_sibling

RESERVE_BYTES = 2**22


def reserve_path(store: Path) -> Path:
    """Return where the reserve of a store is."""
    return hidden_sibling(store, "reserve")


def make_reserve(store: Path, n_bytes: int = RESERVE_BYTES) -> None:
    """Take the reserve; one that a killed writer has left is taken over.

    Raises
    ------
    OSError
        If there is not even that.
    """
    fd = open_for_writing(reserve_path(store))
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(fd, 0, n_bytes)
        else:
            write_pieces(fd, [bytes(n_bytes)], 0)
    finally:
        os.close(fd)


def release_reserve(store: Path) -> None:
    """Give the reserve back; safe to call twice."""
    reserve_path(store).unlink(missing_ok=True)
