"""The files of a dataset, as they were when it was looked at, and in which order they are sent."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pyramidion.core import DataError, StorageError
from pyramidion.storage import SCRATCH, told_as
from pyramidion.transfer._parts import LARGEST_OBJECT

ROOT_WAVE = 2
"""From this wave on files are root documents: what makes the rest a dataset. Sent one by one."""

_DOCUMENTS = frozenset({"zarr.json", ".zgroup", ".zattrs", ".zarray", ".zmetadata"})
_LEFTOVERS = (".part", ".lock", ".manifest.json", ".manifest.jsonl", ".replaced")
_LONGEST_KEY = 1024
Identity = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file to be sent.

    Parameters
    ----------
    key : str
        Its key below the destination.
    path : Path
        Where it lies.
    size, mtime_ns, ctime_ns, inode : int
        By these it is known to be the same file with the same content later.
    wave : int
        0 for data, 1 for metadata, 2 and more for root documents.
    released : bool
        Its blocks were given back to the disk after it had been sent: only its size can be relied
        on, and nothing may be read from it.
    """

    key: str
    path: Path
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    wave: int = 0
    released: bool = False

    @property
    def identity(self) -> Identity:
        """Size, times and number of the file."""
        return self.size, self.mtime_ns, self.ctime_ns, self.inode


@dataclass(frozen=True, slots=True)
class ExtraFile:
    """An object that is put beside a dataset and is no part of it.

    Parameters
    ----------
    key : str
        Its key below the destination.
    data : bytes
        Its content.
    content_type : str
        What it is; found out from its suffix if empty.
    """

    key: str
    data: bytes
    content_type: str = ""


@dataclass(frozen=True)
class LocalTree:
    """The files of a dataset.

    Parameters
    ----------
    root : Path
        The folder that keys are relative to.
    files : sequence of LocalFile
        Sorted by key.
    names : tuple of str
        What of the destination belongs to the dataset (``visus.idx``, ``visus``): the first parts of
        keys. Empty if all of it does.
    """

    root: Path
    files: Sequence[LocalFile]
    names: tuple[str, ...] = ()

    @property
    def n_bytes(self) -> int:
        """Sum of the sizes."""
        return sum(file.size for file in self.files)


def is_metadata(key: str) -> bool:
    """Tell whether an object describes others: a document of Zarr, or the header of an IDX."""
    name = key.rpartition("/")[2]
    return name in _DOCUMENTS or name.endswith(".idx")


def default_wave(key: str) -> int:
    """Return the wave of a key if the dataset lies directly at the destination."""
    if not is_metadata(key):
        return 0
    return 1 if "/" in key else ROOT_WAVE


def scan_tree(
    root: Path,
    *,
    is_root_document: Callable[[str], int] = default_wave,
    parts: Sequence[Path] = (),
) -> LocalTree:
    """Look at every file of a dataset.

    Parameters
    ----------
    root : Path
        The folder that keys are relative to.
    is_root_document : callable
        ``is_root_document(key)`` is 0 for data, 1 for metadata, 2 and more for root documents,
        which are sent in this order.
    parts : sequence of Path, optional
        Only these files and folders, which lie directly in `root`.

    Returns
    -------
    LocalTree
        Without what a writer leaves while it works.

    Raises
    ------
    DataError
        If a link leaves the dataset, something is not a regular file (UPL-13), or a key cannot be
        used (UPL-14).
    StorageError
        If a file or a folder cannot be read.
    """
    top = root.resolve()
    files: list[LocalFile] = []
    for path in _walk(parts or [root], root):
        key = _key(path, root)
        found = _regular(path, top)
        wave = is_root_document(key)
        files.append(
            LocalFile(
                key, path, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, wave
            )
        )
    files.sort(key=lambda file: file.key)
    return LocalTree(root, files, tuple(part.name for part in parts))


def check_key(key: str, where: Path) -> None:
    """Refuse a key that no store takes.

    Raises
    ------
    DataError
        UPL-14 if it is too long or holds control characters or bytes that are no text.
    """
    try:
        length = len(key.encode())
    except UnicodeEncodeError:
        raise DataError(
            str(where), "key: not text", key, "rename the file", id="PYR-UPL-14"
        ) from None
    if length > _LONGEST_KEY:
        value = f"{length} bytes, at most {_LONGEST_KEY}"
        raise DataError(str(where), "key: too long", value, "shorten the path", id="PYR-UPL-14")
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in key):
        raise DataError(
            str(where), "key: holds control characters", key, "rename the file", id="PYR-UPL-14"
        )


def is_leftover(name: str) -> bool:
    """Tell whether a name is of something that is only there while somebody writes."""
    return name in SCRATCH or (name.startswith(".") and name.endswith(_LEFTOVERS))


def _walk(parts: Sequence[Path], root: Path) -> Iterator[Path]:
    for part in parts:
        if part.is_dir() and (part == root or not part.is_symlink()):
            yield from _below(part)
        else:
            yield part


def _below(folder: Path) -> Iterator[Path]:
    with told_as(folder, "cannot read"), os.scandir(folder) as entries:
        found = list(entries)
    for entry in found:
        if is_leftover(entry.name):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _below(folder / entry.name)
        else:
            yield folder / entry.name


def _key(path: Path, root: Path) -> str:
    key = path.relative_to(root).as_posix()
    check_key(key, path)
    return key


def _regular(path: Path, top: Path) -> os.stat_result:
    with told_as(path, "cannot read"):
        found = path.lstat()
        if stat.S_ISLNK(found.st_mode):
            found = _link_target(path, top)
    if not stat.S_ISREG(found.st_mode):
        raise DataError(str(path), "not a regular file", mend="remove it", id="PYR-UPL-13")
    if found.st_size > LARGEST_OBJECT:
        raise DataError(
            str(path), "file: too large", f"{found.st_size} B", "stores take 5 TiB", id="PYR-UPL-14"
        )
    if not os.access(path, os.R_OK):
        raise StorageError(
            str(path), "permission denied", mend="read access is needed", id="PYR-UPL-13"
        )
    return found


def _link_target(path: Path, top: Path) -> os.stat_result:
    """Return what a link leads to, which must be a file of the dataset."""
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError):
        raise DataError(
            str(path), "link to a missing file", path.readlink(), id="PYR-ALL-19"
        ) from None
    if not target.is_relative_to(top):
        raise DataError(
            str(path), "link leaves the dataset", target, "put the data inside", id="PYR-UPL-13"
        )
    return target.stat()
