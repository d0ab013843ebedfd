"""Whether a folder is an OME-Zarr image and nothing else, so that it may be replaced."""

from __future__ import annotations

import os
import re
from pathlib import Path

from pyramidion.core import PyramidionError
from pyramidion.formats._waveform.documents import read_json
from pyramidion.storage import SCRATCH, Folder

_METADATA = {"zarr.json", ".zgroup", ".zattrs", ".zarray", ".zmetadata"}
_NUMBER = re.compile("[0-9]+")
_CHUNK = re.compile(r"c|[0-9]+(\.[0-9]+)*")


def is_own_image(path: Path) -> bool:
    """Tell an image with nothing foreign in it, at any depth; a link is foreign."""
    if path.is_symlink() or not _says_image(path):
        return False
    for folder, folders, files in os.walk(path):
        if Path(folder) == path:
            folders[:] = [name for name in folders if name not in SCRATCH]
            known = all(map(_NUMBER.fullmatch, folders)) and set(files) <= {*_METADATA, *SCRATCH}
        else:
            known = all(map(_CHUNK.fullmatch, folders)) and all(
                name in _METADATA or _CHUNK.fullmatch(name) for name in files
            )
        if not known or any((Path(folder) / name).is_symlink() for name in folders + files):
            return False
    return True


def _says_image(path: Path) -> bool:
    try:
        root = read_json(Folder(path), "zarr.json")
    except (PyramidionError, OSError):
        return False
    attributes = root.get("attributes")
    return isinstance(attributes, dict) and "ome" in attributes
