"""The image datasets that can be asked for by name, and the open ones among them.

A name is the path of the dataset beneath the served folders, or the name that was given to a
dataset on the command line or in a configuration.
"""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pyramidion.core import PyramidionError
from pyramidion.formats import OpenOptions, is_pattern, open_image
from pyramidion.server._describe import IMAGE_SUFFIXES, describe_store, recording_state
from pyramidion.server._errors import FailedReadError, NotServedError
from pyramidion.server._files import Files
from pyramidion.server._image_view import ImageView
from pyramidion.server._paths import is_served, resolve_beneath
from pyramidion.server._remote_objects import store_told
from pyramidion.server._remote_roots import REMOTE_IMAGES, RemoteRoots
from pyramidion.storage import ByteCache, is_remote

_MAX_OPEN = 6  # each may keep 256 MiB of decoded blocks
_MAX_KNOWN = 10_000
_METADATA = ("zarr.json", ".zattrs", ".zarray")
_FINEST = ("0/zarr.json", "frames/zarr.json", "frames/0/zarr.json")
"""Where the shape of a recording is: what is replaced when it grows."""


@dataclass(frozen=True)
class Target:
    """An image dataset.

    Parameters
    ----------
    name : str
        What it is called in URLs, decoded.
    path : Path
        Where it is: a file, a folder or a pattern.
    """

    name: str
    path: Path

    @property
    def folder(self) -> Path:
        """The folder that it lies in."""
        path = self.path
        while is_pattern(path):
            path = path.parent
        return path if path is not self.path else path.parent

    def version(self) -> tuple[int, ...]:
        """Return what changes when the dataset is written anew, or grows.

        Raises
        ------
        NotServedError
            If it is gone.
        """
        return self.identity() + self._stamps(_FINEST)

    def identity(self) -> tuple[int, ...]:
        """Return what changes when the dataset is written anew, but not when it grows.

        Raises
        ------
        NotServedError
            If it is gone.
        """
        found = self._stamps(("", *_METADATA))
        if not found:
            raise no_image(self.name)
        return found

    def _stamps(self, names: Sequence[str]) -> tuple[int, ...]:
        if is_remote(self.path):
            return self._stamps_of_objects(names)
        path = self.folder if is_pattern(self.path) else self.path
        found: list[int] = []
        for name in names:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                status = (path / name).stat()
                found += [status.st_mtime_ns, status.st_size, status.st_ino]
        return tuple(found)

    def _stamps_of_objects(self, names: Sequence[str]) -> tuple[int, ...]:
        """Return the same of the first that is there: each question travels."""
        is_file = self.path.name.endswith(REMOTE_IMAGES)
        with store_told(self.path):
            for name in [""] if is_file else filter(None, names):
                with contextlib.suppress(FileNotFoundError):
                    status = (self.path / name).stat()
                    return status.st_mtime_ns, status.st_size, status.st_ino
        return ()


class Images:
    """All image datasets of a server.

    Parameters
    ----------
    files : Files
        The served folders.
    named : mapping
        Datasets that have a name of their own -> file, folder or pattern.
    roots : RemoteRoots, optional
        The served places of object stores.
    """

    def __init__(
        self, files: Files, named: Mapping[str, Path], roots: RemoteRoots | None = None
    ) -> None:
        self.named = {name: Target(name, path) for name, path in named.items()}
        self._files, self._roots = files, roots or RemoteRoots({})
        self._known: dict[tuple[str, ...], Target] = {}
        self._views: ByteCache[ImageView] = ByteCache(_MAX_OPEN, lambda _: 1)

    def find(self, names: Sequence[str]) -> tuple[Target, list[str]]:
        """Return the dataset that a path leads to, and the names that follow it.

        Parameters
        ----------
        names : sequence of str
            As returned by :func:`~pyramidion.server._paths.split_path`.

        Raises
        ------
        NotServedError
            If there is none.
        OSError
            If the disk or the rights are at fault.
        """
        for n in range(1, len(names) + 1):
            found = self._at(tuple(names[:n]))
            if found is not None:
                return found, list(names[n:])
        raise no_image("/".join(names))

    def find_whole(self, name: str) -> Target:
        """Return the dataset of this name.

        Raises
        ------
        NotServedError
            If there is none.
        """
        names = name.strip("/").split("/")
        if not all(is_served(each) for each in names):
            raise no_image(name)
        target, rest = self.find(names)
        if rest:
            raise no_image(name)
        return target

    def open(
        self, target: Target, field: str | None = None, version: tuple[int, ...] | None = None
    ) -> ImageView:
        """Return a dataset, open; it is closed when nobody uses it any more.

        Parameters
        ----------
        target : Target
            Which dataset.
        field : str, optional
            Which of its fields.
        version : tuple of int, optional
            At least this version of it, for a caller who keeps what it makes from it: asking for
            the version later might give one that is newer than what is open.

        Raises
        ------
        NotServedError
            If it is gone.
        FailedReadError
            If it cannot be opened.
        """
        key = (target.path, field, version or target.version())
        return self._views.get(key, lambda: _open(target, field))

    def travels(self, names: Sequence[str]) -> bool:
        """Tell whether what is read for a path comes from an object store."""
        return bool(names) and self._roots.has(names[0]) and names[0] not in self.named

    def close(self) -> None:
        """Let go of all datasets."""
        self._views.clear()

    def _at(self, names: tuple[str, ...]) -> Target | None:
        name = "/".join(names)
        if name in self.named:
            return self.named[name]
        known = self._known.get(names)
        if known is not None:
            return known
        try:
            path = self._place(names)
        except NotServedError:
            return None
        if path is None or not _is_image(path):
            return None
        if len(self._known) >= _MAX_KNOWN:
            self._known.clear()
        self._known[names] = Target(name, path)
        return self._known[names]

    def _place(self, names: tuple[str, ...]) -> Path | None:
        if self._roots.has(names[0]):
            return self._roots.dataset_at(names)
        root, below = self._files.place(list(names))
        return Path(resolve_beneath(root, below))


def no_image(name: str) -> NotServedError:
    """Return the error for a name that leads to no image."""
    mend = "look at /api/datasets; waveform stores are read as files"
    return NotServedError("no image dataset of this name", name, mend, id="PYR-HTTP-13")


def cannot_read(what: str, error: PyramidionError, target: Target) -> FailedReadError:
    """Return the answer to a fault of the data: a 500 also where a file is missing.

    Parameters
    ----------
    what : str
        The part of the dataset that was asked for, as the client named it.
    error : PyramidionError
        What the format said; the folders of this machine in it stay here.
    target : Target
        The dataset.
    """

    def public(text: object) -> str | None:
        return None if text is None else str(text).replace(f"{target.folder}/", "")

    told = f"{what}: {public(error.where)}: {error.what}"
    return FailedReadError(told, public(error.value), public(error.mend), id=error.id)


def _is_image(path: Path) -> bool:
    if is_remote(path):
        with store_told(path):
            return path.is_file() if path.name.endswith(REMOTE_IMAGES) else _is_image_store(path)
    if path.is_dir():
        return _is_image_store(path)
    return path.name.lower().endswith(IMAGE_SUFFIXES)


def _is_image_store(path: Path) -> bool:
    found = describe_store(path, "")
    return found is not None and found.kind == "image"


def _open(target: Target, field: str | None) -> ImageView:
    try:
        source = open_image(target.path, OpenOptions(field=field))
        view = ImageView(source, recording=recording_state(target.path))
    except PyramidionError as error:
        raise cannot_read("dataset", error, target) from error
    # Nobody knows when the last answer from it is done, except the interpreter.
    weakref.finalize(view, source.close)
    return view
