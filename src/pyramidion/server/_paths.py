"""From the path of a URL to an open file that lies beneath a served folder.

Every name is decoded exactly once and checked; then the file is resolved, checked to lie inside,
and opened one component at a time without following links, so that a link put there in between
leads nowhere. Links that stay inside are fine.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote_to_bytes

from pyramidion.server._errors import BadRequestError, FolderError, NotServedError

# The dot files that a reader of Zarr version 2 asks for; every other dot file is private.
_ZARR_DOT_FILES = frozenset({".zarray", ".zgroup", ".zattrs", ".zmetadata"})
_PRIVATE = re.compile(
    r"^\.|^#.*#$|~$|\.(part|partial|tmp|lock|journal|swp|swo|bak)$"
    r"|\.(part|partial|tmp)[-.]",
    re.IGNORECASE,
)
_DRIVE = re.compile(r"^[A-Za-z]:")
_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_ABSENT = frozenset(
    {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENXIO, errno.ENODEV}
)
_EXCHANGED = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EINVAL})
_ATTEMPTS = 3
_HAS_DIR_FD = os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")
_READ = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_MAX_NAME_BYTES = 255
MAX_NAMES = 128
"""In a path; each name of a longer one would be looked for on the disk."""


def split_path(raw_path: bytes) -> list[str]:
    """Split the path of a URL into decoded, harmless names.

    Parameters
    ----------
    raw_path : bytes
        As sent, percent-encoded, without the query.

    Returns
    -------
    list of str
        Names, none empty; the last is ``""`` if the path ends with a slash.

    Raises
    ------
    BadRequestError
        If it is not a well-formed path in UTF-8, or holds a NUL.
    NotServedError
        If a name is not one that is ever served.

    Examples
    --------
    >>> split_path(b"/w.zarr/raw/c/0%200")
    ['w.zarr', 'raw', 'c', '0 0']
    """
    if not raw_path.startswith(b"/") or _BAD_ESCAPE.search(raw_path):
        raise BadRequestError("not a well-formed path", id="PYR-HTTP-01")
    if raw_path.count(b"/") > MAX_NAMES:
        raise _not_served()
    *folders, last = [_decode_name(name) for name in raw_path[1:].split(b"/")]
    if not all(is_served(name) for name in ((*folders, last) if last else folders)):
        raise _not_served()
    # A dot file of Zarr v2 is a file, so nothing lies below it.
    if any(name.startswith(".") for name in folders):
        raise _not_served()
    return [*folders, last]


def is_private(name: str) -> bool:
    """Tell whether a file is nobody else's business: dot files, partial files, locks, backups.

    Examples
    --------
    >>> [is_private(name) for name in (".env", "w.zarr.partial", "a.txt~", ".zarray", "0.0.0")]
    [True, True, True, False, False]
    """
    return name not in _ZARR_DOT_FILES and _PRIVATE.search(name) is not None


def is_served(name: str) -> bool:
    """Tell whether a file or folder of this name can be asked for.

    Examples
    --------
    >>> [is_served(name) for name in ("w.zarr", "..", "C:", ".git")]
    [True, False, False, False]
    """
    try:
        n_bytes = len(name.encode())
    except UnicodeEncodeError:  # a file name that is not UTF-8
        return False
    return not (
        n_bytes == 0
        or n_bytes > _MAX_NAME_BYTES
        or "\0" in name
        or "/" in name
        or "\\" in name
        or _DRIVE.match(name)
        or is_private(name)
        or (os.name == "nt" and (":" in name or name[-1] in ". "))
    )


def open_beneath(root: str, names: Sequence[str]) -> tuple[int, os.stat_result]:
    """Open a regular file that lies beneath a folder.

    Parameters
    ----------
    root : str
        Absolute, resolved folder.
    names : sequence of str
        As returned by :func:`split_path`.

    Returns
    -------
    fd : int
        Open for reading; the caller closes it.
    status : os.stat_result
        Of the open file.

    Raises
    ------
    NotServedError
        If there is no such file, or it lies outside, or is private or special.
    FolderError
        If it is a folder.
    OSError
        If the disk or the rights are at fault.
    """
    for _ in range(_ATTEMPTS):
        try:
            path, parts = _resolve(root, names)
            fd = _walk(root, parts, path, _READ | getattr(os, "O_NONBLOCK", 0))
            break
        except OSError as error:
            # A name that was resolved and is not there, or is a link by now, has just been
            # exchanged: look again, for the new one is as good.
            if error.errno not in _EXCHANGED:
                raise
            fault = error
    else:
        raise _absent_or(fault) from None
    status = os.fstat(fd)
    if stat.S_ISREG(status.st_mode):
        return fd, status
    os.close(fd)
    raise _not_served()


def resolve_beneath(root: str, names: Sequence[str]) -> str:
    """Return the real path of a file or folder that lies beneath a folder.

    Parameters
    ----------
    root, names
        As in :func:`open_beneath`.

    Raises
    ------
    NotServedError
        If there is no such file or folder, or it lies outside, or is private or special.
    OSError
        If the disk or the rights are at fault.
    """
    return _resolve(root, names, folder=None)[0]


def list_beneath(root: str, names: Sequence[str]) -> list[tuple[str, bool]]:
    """Return the names in a folder that are served.

    Parameters
    ----------
    root, names
        As in :func:`open_beneath`.

    Returns
    -------
    list of (name, is_folder)
        In order of name, without private ones and links that lead out.
    """
    entries = []
    try:
        path, _ = _resolve(root, names, folder=True)
        found = sorted(os.listdir(path))  # noqa: PTH208 - plain names are wanted
    except OSError as error:
        raise _absent_or(error) from None
    for name in found:
        if not is_served(name):
            continue
        try:
            inner, _ = _resolve(root, [*(n for n in names if n), name], folder=None)
        except (NotServedError, OSError):
            continue
        entries.append((name, os.path.isdir(inner)))  # noqa: PTH112
    return entries


def _decode_name(name: bytes) -> str:
    decoded = unquote_to_bytes(name)
    if b"\0" in decoded:
        raise BadRequestError("the path holds a NUL", id="PYR-HTTP-01")
    try:
        return decoded.decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequestError("the path is not UTF-8", id="PYR-HTTP-01") from None


def _resolve(
    root: str, names: Sequence[str], *, folder: bool | None = False
) -> tuple[str, list[str]]:
    """Return the real path and its components below `root`, of the kind that is wanted."""
    try:
        path = os.path.realpath(os.path.join(root, *names), strict=True)  # noqa: PTH118
        mode = os.lstat(path).st_mode
    except OSError as error:
        raise _absent_or(error) from None
    if path != root and not path.startswith(root.rstrip(os.sep) + os.sep):
        raise _not_served()
    parts = list(Path(path).relative_to(root).parts)
    # A link inside may lead to a private name inside.
    if any(is_private(part) for part in parts):
        raise _not_served()
    if folder is False and stat.S_ISDIR(mode):
        raise FolderError("a folder, not a file", id="PYR-HTTP-04")
    if not stat.S_ISDIR(mode) and (folder is True or not stat.S_ISREG(mode)):
        raise _not_served()
    if not names or (names[-1] == "" and not stat.S_ISDIR(mode)):
        raise _not_served()
    return path, parts


def _walk(root: str, parts: Sequence[str], path: str, flags: int) -> int:
    if not _HAS_DIR_FD:  # Windows: links need rights there that other users do not have
        return os.open(path, flags)
    through = _READ | os.O_DIRECTORY
    folder = os.open(root, through)
    for part in parts[:-1]:
        try:
            inner = os.open(part, through | os.O_NOFOLLOW, dir_fd=folder)
        finally:
            os.close(folder)
        folder = inner
    try:
        return os.open(parts[-1], flags | os.O_NOFOLLOW, dir_fd=folder)
    finally:
        os.close(folder)


def _absent_or(error: OSError) -> Exception:
    """Return "not served" for a file that is not there, the fault itself for anything else."""
    return _not_served() if error.errno in _ABSENT else error


def _not_served() -> NotServedError:
    return NotServedError("nothing is served here", id="PYR-HTTP-13")
