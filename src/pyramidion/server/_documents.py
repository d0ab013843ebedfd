"""Small JSON documents, and whether they are as they were when they were read."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from pyramidion.core import DataError
from pyramidion.storage import RemotePath, bucket_of

MAX_BYTES = 16 * 2**20

Stamp = tuple[int, int, int]
"""Date in nanoseconds, bytes, and number of a file."""


class Documents:
    """Reads documents, and notes the state of each file that was looked for.

    Attributes
    ----------
    seen : dict
        Path -> stamp of the file; None where there was none. Objects of stores are not noted.
    """

    def __init__(self) -> None:
        self.seen: dict[str, Stamp | None] = {}

    def read(self, folder: Path, name: str) -> dict[str, Any]:
        """Return a JSON object from a file in a folder; empty if there is none.

        Parameters
        ----------
        folder : Path
            Of this machine or a store.
        name : str
            Path below it, with slashes.

        Raises
        ------
        OSError, ValueError
            If the file cannot be read, or is no JSON.
        """
        try:
            if isinstance(folder, RemotePath):
                text = _read_object(folder.joinpath(*name.split("/")))
            else:
                text = self._read_file(f"{folder}/{name}")  # pathlib takes longer than the reading
        except (FileNotFoundError, NotADirectoryError):
            return {}
        parsed = json.loads(text) if len(text) <= MAX_BYTES else {}
        return parsed if isinstance(parsed, dict) else {}

    def _read_file(self, name: str) -> bytes:
        self.seen[name] = None
        with open(name, "rb", buffering=0) as file:  # noqa: PTH123 - thousands are opened
            status = os.fstat(file.fileno())
            self.seen[name] = (status.st_mtime_ns, status.st_size, status.st_ino)
            # One more than there is, so that a file that has grown is told; a buffer of the most
            # that is allowed would cost more than the reading.
            return file.read(min(status.st_size, MAX_BYTES) + 1) or b""


def is_as_seen(seen: Mapping[str, Stamp | None]) -> bool:
    """Tell whether all files are as they were."""
    return all(stamp_of(name) == stamp for name, stamp in seen.items())


def stamp_of(path: str) -> Stamp | None:
    """Return the state of a file; None if it cannot be told."""
    try:
        status = os.stat(path)  # noqa: PTH116 - thousands are looked at
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _read_object(path: Path) -> bytes:
    assert isinstance(path, RemotePath)
    with suppress(DataError):  # too long
        return bucket_of(path).get(path.key, MAX_BYTES)  # one request: no size first
    return b"{}"
