"""Whether a folder is a Zarr store and nothing else, so that a recording may replace it."""

from __future__ import annotations

import os
import re
from pathlib import Path

from pyramidion.core import PyramidionError
from pyramidion.formats._waveform.documents import read_json
from pyramidion.storage import SCRATCH, Folder

_METADATA = {"zarr.json", ".zgroup", ".zattrs", ".zarray", ".zmetadata"}
_CHUNK = re.compile(r"c|[0-9]+(\.[0-9]+)*")
_PART = re.compile(r"\..+\.part")


def is_own_store(path: Path) -> bool:
    """Tell a Zarr store with nothing foreign in it, at any depth; a link is foreign."""
    if path.is_symlink() or not _is_store(path):
        return False
    for folder, folders, files in os.walk(path):
        at = Path(folder)
        if at == path:
            folders[:] = [name for name in folders if name not in SCRATCH]
        hidden = SCRATCH if at == path else ()
        names = [name for name in folders + files if name not in hidden]
        if not all(_is_known(at / name, name) for name in names):
            return False
    return True


def _is_known(path: Path, name: str) -> bool:
    if path.is_symlink():
        return False
    if path.is_dir():
        return bool(_CHUNK.fullmatch(name)) or any(
            entry.name in _METADATA for entry in path.iterdir()
        )
    return name in _METADATA or bool(_CHUNK.fullmatch(name) or _PART.fullmatch(name))


def _is_store(path: Path) -> bool:
    try:
        root = read_json(Folder(path), "zarr.json")
    except (PyramidionError, OSError):
        return False
    return root.get("zarr_format") == 3 and root.get("node_type") in ("group", "array")
