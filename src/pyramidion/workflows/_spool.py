"""The folder in which lies, for a while, what comes from or goes to an object store."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from pyramidion.storage import RemotePath

SPOOL_VARIABLE = "PYRAMIDION_SPOOL"


def spool_folder() -> Path:
    """Return the folder: ``PYRAMIDION_SPOOL``, or one in the user's cache."""
    asked = os.environ.get(SPOOL_VARIABLE)
    if asked:
        return Path(asked)
    from platformdirs import user_cache_path

    return user_cache_path("pyramidion") / "spool"


def spool_path(destination: RemotePath) -> Path:
    """Return where a destination is filled before it is in its store; always the same place."""
    name = hashlib.sha256(str(destination).encode()).hexdigest()[:16]
    return spool_folder() / name / "data" / destination.name


def place_on_disk(destination: Path) -> Path:
    """Return where a destination is written on this disk: there itself, or in the spool."""
    return spool_path(destination) if isinstance(destination, RemotePath) else destination
