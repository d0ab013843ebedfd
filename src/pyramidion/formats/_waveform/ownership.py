"""Whether a folder is a waveform store and nothing else, so that it may be replaced."""

from __future__ import annotations

import os
import re
from pathlib import Path

from pyramidion.storage import PLAN_NAME

_METADATA = {"zarr.json", ".zgroup", ".zattrs", ".zarray", ".zmetadata"}
_ARRAYS = {"raw", "overview"}
_CHUNK = re.compile(r"c|[0-9]+(\.[0-9]+)*")


def is_own_store(path: Path) -> bool:
    """Tell a store with nothing foreign in it, at any depth; a link is foreign."""
    if path.is_symlink() or not (path / "raw").is_dir():
        return False
    if not any((path / name).is_file() for name in ("zarr.json", ".zgroup")):
        return False
    for folder, folders, files in os.walk(path):
        if Path(folder) == path:
            known = set(folders) <= _ARRAYS and set(files) <= _METADATA | {PLAN_NAME}
        else:
            known = all(map(_CHUNK.fullmatch, folders)) and all(
                name in _METADATA or _CHUNK.fullmatch(name) for name in files
            )
        if not known or any((Path(folder) / name).is_symlink() for name in folders + files):
            return False
    return True
