"""The datasets beneath the served folders, found one by one. Only metadata are read.

A walk yields what it finds as it finds it, so that a page fills while the search goes on. What the
metadata said is kept for as long as their files stay the same: a second walk looks at dates only.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, TypeVar

from pyramidion.core import PyramidionError, escape
from pyramidion.server._describe import Dataset, describe_image, describe_store
from pyramidion.server._documents import Documents, Stamp, is_as_seen, stamp_of
from pyramidion.server._errors import MAX_LOGGED
from pyramidion.server._folder_walk import Folder, FolderWalk, Limits
from pyramidion.server._stored_size import StoredSize, measure

logger = logging.getLogger("pyramidion.server")

MAX_DATASETS = 20_000
MAX_PICTURES = 16
"""A folder with more pictures than this is a stack: it is served by its name, not one by one."""
_GROWING_S = 60.0
"""A recording whose metadata nobody changed for longer does not grow."""

Value = TypeVar("Value")


@dataclass(frozen=True)
class Found:
    """A dataset, and what its files say of it.

    Parameters
    ----------
    dataset : Dataset
        What it is.
    changed : float or None
        When its metadata were written last, in seconds of Unix time.
    stored_bytes : int or None
        Bytes of its files; None where counting them is not cheap, or not done yet.
    is_growing : bool
        It is being recorded.
    """

    dataset: Dataset
    changed: float | None = None
    stored_bytes: int | None = None
    is_growing: bool = False

    @property
    def n_bytes(self) -> int:
        """Bytes of its files if that is known, else of its elements, decoded."""
        return self.dataset.n_bytes if self.stored_bytes is None else self.stored_bytes


class _Memory(Generic[Value]):
    """What was used in this walk or in the one before."""

    def __init__(self) -> None:
        self._before: dict[str, Value] = {}
        self._now: dict[str, Value] = {}

    def get(self, key: str) -> Value | None:
        found = self._now.get(key) or self._before.get(key)
        if found is not None:
            self._now[key] = found
        return found

    def put(self, key: str, value: Value) -> None:
        self._now[key] = value

    def turn(self) -> None:
        """Forget what this walk did not use."""
        self._before, self._now = self._now, {}


@dataclass(frozen=True)
class _Known:
    """What was in a folder or file, and the state of the files that said so."""

    seen: Mapping[str, Stamp | None]
    dataset: Dataset | None

    @property
    def changed_s(self) -> float | None:
        dates = [stamp[0] for stamp in self.seen.values() if stamp is not None]
        return max(dates) / 1e9 if dates else None


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
    limits : Limits, optional
        Where a walk ends.
    """

    def __init__(
        self,
        mounts: Mapping[str, str],
        parts: Mapping[str, frozenset[str]] | None = None,
        named: Mapping[str, Path] | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._mounts, self._parts, self._named = mounts, parts or {}, named or {}
        self._limits = limits or Limits(MAX_DATASETS)
        self._known: _Memory[_Known] = _Memory()
        self._sizes: _Memory[StoredSize] = _Memory()
        self.note = ""
        """Why the last walk did not find everything; empty if it did."""

    def find(self) -> list[Dataset]:
        """Look for datasets.

        Returns
        -------
        list of Dataset
            In order of name.
        """
        found = {each.dataset.name: each.dataset for each in self.walk(measured=False)}
        return [found[name] for name in sorted(found)]

    def walk(
        self, stop: threading.Event | None = None, *, measured: bool = True
    ) -> Iterator[Found]:
        """Yield the datasets as they are found; those with files to be counted once more then.

        Parameters
        ----------
        stop : threading.Event, optional
            Ends the walk early when it is set.
        measured : bool
            Count the bytes of their files in the end.
        """
        stop = stop or threading.Event()
        names: set[str] = set()
        uncounted: list[tuple[Found, Path]] = []
        self.note = ""
        for found, path in self._walk(stop):
            if found.dataset.name in names:
                continue
            if len(names) == self._limits.datasets:
                self.note = self._limits.told(self._limits.datasets, "datasets")
                break
            names.add(found.dataset.name)
            size = self._sizes.get(str(path))
            if size is None or not size.holds(found.changed):
                uncounted.append((found, path))
            yield found if size is None else replace(found, stored_bytes=size.n_bytes)
        for found, path in uncounted if measured else []:
            if stop.is_set():
                return
            size = measure(path, found.changed)
            self._sizes.put(str(path), size)
            yield replace(found, stored_bytes=size.n_bytes)
        if not stop.is_set():
            self._known.turn()
            self._sizes.turn()

    def _walk(self, stop: threading.Event) -> Iterator[tuple[Found, Path]]:
        for name, path in self._named.items():
            found = self._image(path, name, named=True)
            if found is not None:
                yield found, path
        for name, root in self._mounts.items():
            walk = FolderWalk(Path(root), name, self._limits, self._parts.get(name))
            for folder in walk:
                if stop.is_set():
                    return
                store = self._store(folder)
                if store is not None:
                    folder.is_entered = False
                    yield store, folder.path
                else:
                    yield from self._pictures(folder)
            if walk.is_cut:
                self.note = self._limits.told(self._limits.entries, "folders")

    def _store(self, folder: Folder) -> Found | None:
        if not folder.name:
            return None
        key = f"{folder.name}\0{folder.path}"
        known = self._known.get(key)
        if known is None or not is_as_seen(known.seen):
            documents = Documents()
            dataset = describe_store(folder.path, folder.name, documents)
            known = _Known(documents.seen, dataset)
            self._known.put(key, known)
        return _as_found(known)

    def _pictures(self, folder: Folder) -> Iterator[tuple[Found, Path]]:
        datasets = [file for file in folder.files if file.endswith(".idx")]
        pictures = [file for file in folder.files if not file.endswith(".idx")]
        for file in datasets + (pictures if len(pictures) <= MAX_PICTURES else []):
            found = self._image(folder.path / file, folder.name_of(file))
            if found is not None:
                yield found, folder.path / file

    def _image(self, path: Path, name: str, *, named: bool = False) -> Found | None:
        key = f"{name}\0{path}"
        known = self._known.get(key)
        stamp = stamp_of(str(path))  # None: a pattern
        if known is None or known.seen[str(path)] != stamp:
            known = _Known({str(path): stamp}, _describe(path, name, named=named))
            self._known.put(key, known)
        return _as_found(known)


def find_datasets(mounts: Mapping[str, str]) -> list[Dataset]:
    """Look for datasets beneath some folders; see :class:`Finder`.

    Parameters
    ----------
    mounts : mapping
        Name in the URL -> folder.
    """
    return Finder(mounts).find()


def _as_found(known: _Known) -> Found | None:
    if known.dataset is None:
        return None
    changed = known.changed_s
    is_growing = (
        known.dataset.state == "recording"
        and changed is not None
        and time.time() - changed < _GROWING_S
    )
    return Found(known.dataset, changed, None, is_growing)


def _describe(path: Path, name: str, *, named: bool) -> Dataset | None:
    try:
        return describe_image(path, name, named=named)
    except (PyramidionError, OSError) as error:
        # Not silent: whoever misses the dataset finds the reason in the log and at its URL.
        logger.warning("%s: not listed: %s", escape(name), escape(error, MAX_LOGGED))
        return None
