"""The datasets in object stores, found when somebody asks.

Every question travels, so that little is asked: what lies directly below a place, and the root
document of each. The answer is good for half a minute.
"""

from __future__ import annotations

import logging
import time

from pyramidion.core import PyramidionError, escape
from pyramidion.server._daemon_threads import DaemonThreads
from pyramidion.server._describe import Dataset, describe_image, describe_store
from pyramidion.server._errors import MAX_LOGGED
from pyramidion.server._paths import is_served
from pyramidion.server._remote_roots import REMOTE_IMAGES, RemoteRoot
from pyramidion.storage import RemotePath, bucket_of

logger = logging.getLogger("pyramidion.server")

MAX_LOOKED_AT = 200
"""Folders and files of one place that are looked into."""
_N_THREADS = 16
_AGE_S = 30.0


class RemoteFinder:
    """Looks for datasets in one place of a store.

    Parameters
    ----------
    name : str
        First name in the URL.
    root : RemoteRoot
        The place.
    """

    def __init__(self, name: str, root: RemoteRoot) -> None:
        self._name, self._root = name, root
        self._found: list[Dataset] = []
        self._found_at = float("-inf")

    def find(self) -> list[Dataset]:
        """Look for datasets, unless that was done in the last half minute.

        Returns
        -------
        list of Dataset
            Of a store that does not answer: what was found last.
        """
        if time.monotonic() - self._found_at > _AGE_S:
            with DaemonThreads(_N_THREADS, "pyramidion-look") as threads:
                try:
                    found = threads.map(_describe, _candidates(self._name, self._root))
                    self._found = [dataset for dataset in found if dataset is not None]
                except PyramidionError as error:
                    _note(self._name, error)
            self._found_at = time.monotonic()
        return self._found


def _candidates(name: str, root: RemoteRoot) -> list[tuple[RemotePath, str]]:
    """Return what may be a dataset: path and name."""
    if root.dataset is not None:
        return [(root.path, name)]
    if root.only is not None:
        inner = sorted(root.only)
    else:
        folders, files = bucket_of(root.path).children(root.path.key)
        images = [found.key.rpartition("/")[2] for found in files if found.key.endswith(".idx")]
        blocks = {image.removesuffix(".idx") for image in images}
        inner = sorted({*images, *folders} - blocks)
    inner = [each for each in inner if is_served(each)]
    if len(inner) > MAX_LOOKED_AT:
        logger.warning("%s: %d entries, %d looked into", root.path, len(inner), MAX_LOOKED_AT)
    prefix = f"{name}/" if name else ""
    return [(root.path / each, prefix + each) for each in inner[:MAX_LOOKED_AT]]


def _describe(candidate: tuple[RemotePath, str]) -> Dataset | None:
    path, name = candidate
    try:
        if path.name.endswith(REMOTE_IMAGES):
            return describe_image(path, name)
        return describe_store(path, name)
    except (PyramidionError, OSError) as error:
        _note(name, error)
        return None


def _note(name: str, error: Exception) -> None:
    """Say why something is not listed: whoever misses it finds the reason in the log."""
    logger.warning("%s: not listed: %s", escape(name), escape(error, MAX_LOGGED))
