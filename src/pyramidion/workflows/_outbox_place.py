"""Which keys of a store a dataset has."""

from __future__ import annotations

import re

from pyramidion.core import UsageError
from pyramidion.storage import RemotePath

_MANIFEST = ".manifest.json"


def check_series(destination: RemotePath) -> None:
    """Make sure that a series of pictures has its folder for itself.

    Raises
    ------
    UsageError
        If there is something else in it; `--overwrite` does not help.
    """
    if "%" not in destination.name:
        return
    folder = destination.parent
    name = re.compile(re.sub("%0?[0-9]*d", "[0-9]+", re.escape(destination.name)))
    for found in folder.iterdir():
        if not name.fullmatch(found.name) and found.name != _MANIFEST:
            raise UsageError(
                str(folder),
                "refusing to replace (holds other things)",
                found.name,
                "choose a folder for the pictures alone",
                id="PYR-ALL-07",
            )


def place_of(destination: RemotePath) -> tuple[RemotePath, tuple[str, ...]]:
    """Return what the keys of a dataset begin with, and what of that is the dataset; empty for all."""
    if destination.suffix == ".zarr":
        return destination, ()
    folder = destination.parent
    assert isinstance(folder, RemotePath)
    if "%" in destination.name:
        return folder, ()
    blocks = (destination.stem,) if destination.suffix == ".idx" else ()
    return folder, (destination.name, *blocks)
