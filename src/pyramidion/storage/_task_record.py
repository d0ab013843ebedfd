"""Which tasks of a conversion are done, on disk, so that another run or another machine knows.

A task is recorded after its files have their names. The record names these files and their sizes: a
task whose files are not there any more, or are shorter, as after a power cut, counts as not done.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pyramidion.core import MissingError
from pyramidion.storage._folder import Folder

RECORD = ".tasks"
"""Folder of the records, within the folder under way; it does not outlive the conversion."""


class TaskRecord:
    """The finished tasks of one conversion; used by several threads and processes at once.

    Parameters
    ----------
    folder : Folder
        The folder under way.
    """

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def put(self, task: int, result: Mapping[str, Any], files: Mapping[str, int]) -> None:
        """Record a task as done.

        Parameters
        ----------
        task : int
            Its number in the plan.
        result : mapping
            What ``get`` returns (JSON values).
        files : mapping of str to int
            Keys that it wrote, and their bytes.
        """
        told = json.dumps({"result": dict(result), "files": dict(files)})
        self._folder.write(_key(task), told.encode())

    def get(self, task: int) -> dict[str, Any] | None:
        """Return the result of a task; None if it is not done or its files are not as recorded."""
        try:
            told = json.loads(self._folder.read(_key(task)))
        except (MissingError, ValueError):
            return None
        is_whole = all(self._size(key) == size for key, size in told["files"].items())
        result: dict[str, Any] = told["result"]
        return result if is_whole else None

    def _size(self, key: str) -> int:
        try:
            return self._folder.path(key).stat().st_size
        except OSError:
            return -1


def _key(task: int) -> str:
    # A thousand names a folder: a conversion may have a million tasks.
    return f"{RECORD}/{task // 1000}/{task % 1000:03}.json"
