"""The datasets beneath the served folders, found when somebody asks. Only metadata are read."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from pyramidion.core import PyramidionError, escape
from pyramidion.server._describe import (
    IMAGE_SUFFIXES,
    Dataset,
    describe_image,
    describe_store,
)
from pyramidion.server._paths import is_served

logger = logging.getLogger("pyramidion.server")

MAX_DATASETS = 1000
MAX_PICTURES = 16
"""A folder with more pictures than this is a stack: it is served by its name, not one by one."""
_MAX_DEPTH = 6
_MAX_ENTRIES = 50_000
_MAX_REMEMBERED = 4 * MAX_DATASETS


class Finder:
    """Looks for datasets, and remembers what was in the files that did not change.

    Parameters
    ----------
    mounts : mapping
        Name in the URL -> folder.
    parts : mapping, optional
        Name in the URL -> the only names in that folder that are served.
    named : mapping, optional
        Image datasets with a name of their own -> file, folder or pattern.
    """

    def __init__(
        self,
        mounts: Mapping[str, str],
        parts: Mapping[str, frozenset[str]] | None = None,
        named: Mapping[str, Path] | None = None,
    ) -> None:
        self._mounts, self._parts, self._named = mounts, parts or {}, named or {}
        self._remembered: dict[tuple[str, int, int], Dataset | None] = {}

    def find(self) -> list[Dataset]:
        """Look for datasets.

        Returns
        -------
        list of Dataset
            In order of name. The search ends after 1 000 datasets or 50 000 names, so that a
            folder with millions of files does not hold up the page.
        """
        found: dict[str, Dataset] = {}
        for name, path in self._named.items():
            dataset = self._image(path, name, named=True)
            if dataset is not None:
                found[name] = dataset
        for name, root in self._mounts.items():
            for dataset in self._search(Path(root), name):
                found.setdefault(dataset.name, dataset)
                if len(found) >= MAX_DATASETS:
                    break
        return [found[name] for name in sorted(found)]

    def _search(self, root: Path, name: str) -> Iterator[Dataset]:
        """Search breadth first: what lies near the top is found however much there is."""
        queue = [(root, name, 0)]
        n_entries = 0
        for folder, path, depth in queue:  # grows while it is walked
            store = describe_store(folder, path) if path else None
            if store is not None:
                yield store
                continue
            only = self._parts.get(name) if depth == 0 else None
            folders, files = _contents(folder, only)
            yield from self._pictures(folder, path, files)
            if depth == _MAX_DEPTH or (folder / ".zarray").exists() or "c" in folders:
                continue
            blocks = {file[: -len(".idx")] for file in files if file.endswith(".idx")}
            for inner in folders:
                n_entries += 1
                if n_entries > _MAX_ENTRIES:
                    return
                if inner not in blocks:  # the blocks of a dataset: thousands of folders
                    queue.append((folder / inner, _join(path, inner), depth + 1))

    def _pictures(self, folder: Path, path: str, files: list[str]) -> Iterator[Dataset]:
        datasets = [file for file in files if file.endswith(".idx")]
        pictures = [file for file in files if not file.endswith(".idx")]
        for file in datasets + (pictures if len(pictures) <= MAX_PICTURES else []):
            found = self._image(folder / file, _join(path, file))
            if found is not None:
                yield found

    def _image(self, path: Path, name: str, *, named: bool = False) -> Dataset | None:
        try:
            status = path.stat()
            key = (f"{name}\0{path}", status.st_mtime_ns, status.st_size)
        except OSError:
            key = (f"{name}\0{path}", 0, 0)  # a pattern
        if key not in self._remembered:
            if len(self._remembered) >= _MAX_REMEMBERED:
                self._remembered.clear()
            self._remembered[key] = _describe(path, name, named=named)
        return self._remembered[key]


def find_datasets(mounts: Mapping[str, str]) -> list[Dataset]:
    """Look for datasets beneath some folders; see :class:`Finder`.

    Parameters
    ----------
    mounts : mapping
        Name in the URL -> folder.
    """
    return Finder(mounts).find()


def _describe(path: Path, name: str, *, named: bool) -> Dataset | None:
    try:
        return describe_image(path, name, named=named)
    except (PyramidionError, OSError) as error:
        # Not silent: whoever misses the dataset finds the reason in the log and at its URL.
        logger.warning("%s: not listed: %s", escape(name), error)
        return None


def _join(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name


def _contents(folder: Path, only: frozenset[str] | None) -> tuple[list[str], list[str]]:
    """Return the folders and the image files in a folder.

    Links are not followed, or the walk might never end.
    """
    folders, files = [], []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not is_served(entry.name) or (only is not None and entry.name not in only):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.name)
                elif entry.name.lower().endswith(IMAGE_SUFFIXES) and entry.is_file(
                    follow_symlinks=False
                ):
                    files.append(entry.name)
    except OSError:
        return [], []
    return sorted(folders), sorted(files)
