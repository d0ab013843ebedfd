"""Names beside a destination, for what is there only while it is written."""

from __future__ import annotations

import hashlib
from pathlib import Path

_MOST_BYTES = 200
_SYSTEM_LIMIT_BYTES = 255


def partial_path(destination: Path) -> Path:
    """Return where a folder is filled before it gets its name."""
    return destination.with_name(destination.name + ".partial")


def hidden_sibling(path: Path, ending: str) -> Path:
    """Return a name in the same folder that no reader takes for data.

    A long name is replaced by its hash, so that every valid name has such a sibling; a name that
    the system will refuse is kept, to be refused at once.

    Parameters
    ----------
    path : Path
        The destination.
    ending : str
        What it is for.

    Examples
    --------
    >>> hidden_sibling(Path("data/w.zarr"), "lock").name
    '.w.zarr.lock'
    """
    name = path.name
    encoded = name.encode(errors="surrogateescape")
    if _MOST_BYTES < len(encoded) <= _SYSTEM_LIMIT_BYTES:
        name = hashlib.sha256(encoded).hexdigest()
    return path.with_name(f".{name}.{ending}")
