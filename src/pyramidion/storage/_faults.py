"""Errors of the operating system, said in words a user can act on."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyramidion.core import StorageError, format_bytes

_REASONS = {
    errno.EROFS: "read-only file system",
    errno.EACCES: "permission denied",
    errno.EPERM: "not permitted",
    errno.EIO: "input/output error",
    errno.ENOTDIR: "a part of the path is not a folder",
    errno.ELOOP: "link loop",
}


def free_bytes(path: Path) -> int:
    """Return the bytes a normal user can still write to the file system of `path`.

    Parameters
    ----------
    path : Path
        Need not exist; its nearest existing parent is asked.
    """
    probe = path.absolute()
    while not probe.exists() and probe != probe.parent:
        probe = probe.parent
    if hasattr(os, "statvfs"):
        stat = os.statvfs(probe)
        return stat.f_bavail * stat.f_frsize
    import shutil  # Windows only

    return shutil.disk_usage(probe).free


def storage_error(error: OSError, where: str, doing: str = "cannot write") -> StorageError:
    """Return the error to raise for a failed read or write of `where`; one of ours as it is."""
    if isinstance(error, StorageError):
        return error
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageError(
            where,
            "disk full",
            f"{format_bytes(free_bytes(Path(where)))} free",
            "free space, then run again",
            id="PYR-ALL-12",
        )
    if error.errno == errno.ENAMETOOLONG:
        return StorageError(where, "name too long", mend="use a shorter name", id="PYR-ALL-21")
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return StorageError(
            where, "too many open files", mend="raise the limit with `ulimit -n`", id="PYR-ALL-23"
        )
    reason = _REASONS.get(error.errno or 0, os.strerror(error.errno) if error.errno else str(error))
    return StorageError(where, doing, reason, id="PYR-ALL-09")


@contextmanager
def told_as(where: Path | str, doing: str = "cannot write") -> Iterator[None]:
    """Turn an ``OSError`` inside the block into a :class:`StorageError` about `where`."""
    try:
        yield
    except StorageError:
        raise
    except OSError as error:
        raise storage_error(error, str(where), doing) from error
