"""The first bytes of an HDF5 file, looked at before the library is let near it.

Tells what is not HDF5, what is cut off, and what its writer has not closed. Source: HDF5 File
Format Specification 3.0, II.A "Disk Format: Level 0A - Format Signature and Superblock".
"""

from __future__ import annotations

import struct
from pathlib import Path

from pyramidion.core import DataError, IncompleteError, escape
from pyramidion.formats._hdf5.file import SourceFile, grouped

SIGNATURE = b"\x89HDF\r\n\x1a\n"

_END_OF_FILE_AT = {0: 40, 1: 44, 2: 28, 3: 28}
"""Where a superblock of each version keeps the address of the end of the file (8-byte addresses)."""
_OPEN_FOR_WRITING, _OPEN_FOR_SWMR = 1, 4
_UNDEFINED = 2**64 - 1
_KNOWN = {
    b"\x89PNG": "PNG",
    b"PK\x03\x04": "ZIP",
    b"PK\x05\x06": "ZIP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"\xff\xd8\xff": "JPEG",
    b"\x1f\x8b": "gzip",
    b"%PDF": "PDF",
    b"\x93NUM": "npy",
    b"CDF": "netCDF 3",
    b"\x0e\x03\x13\x01": "HDF4",
}


def has_signature(path: Path) -> bool:
    """Tell whether a file has the HDF5 signature at one of the places where it may stand."""
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            offset = 0
            while True:
                file.seek(offset)
                head = file.read(len(SIGNATURE))
                if len(head) < len(SIGNATURE) or head == SIGNATURE:
                    return head == SIGNATURE
                offset = max(512, offset * 2)
    except OSError:
        return False


def check_superblock(file: SourceFile) -> None:
    """Raise if a file is not HDF5, not whole or not closed.

    Parameters
    ----------
    file : SourceFile
        Only the superblock is read.

    Raises
    ------
    DataError
        If it is not an HDF5 file, or shorter than it says.
    IncompleteError
        If a writer has it open, or has died without closing it.
    """
    where = str(file.path)
    offset = _find(file)
    if offset is None:
        raise _not_hdf5(file)
    if file.size < offset + 48:
        raise _truncated(where, offset + 96, file.size)
    head = file.read(offset, min(96, file.size - offset))
    version = head[8]
    size_at = 9 if version >= 2 else 13
    if version in _END_OF_FILE_AT and head[size_at] == 8:
        end = struct.unpack_from("<Q", head, _END_OF_FILE_AT[version])[0]
        _check_closed(file, version, head[11], end)
        if file.size < end:
            raise _truncated(where, end, file.size)


def _find(file: SourceFile) -> int | None:
    offset = 0
    while offset + len(SIGNATURE) <= file.size:
        if file.read(offset, len(SIGNATURE)) == SIGNATURE:
            return offset
        offset = max(512, offset * 2)
    return None


def _check_closed(file: SourceFile, version: int, flags: int, end: int) -> None:
    where = str(file.path)
    if _is_locked(file.fd) or (version == 3 and flags & _OPEN_FOR_SWMR):
        raise IncompleteError(
            where, "still being written", mend="wait until its writer has closed it", id="PYR-H5-04"
        )
    # Version 2 sets the flag too, but the library reads such files without a word.
    if (version == 3 and flags & _OPEN_FOR_WRITING) or end == _UNDEFINED:
        raise IncompleteError(
            where,
            "not closed by its writer",
            mend=f"run `h5clear -s {escape(file.path.name)}` on a copy",
            id="PYR-H5-03",
        )


def _is_locked(fd: int) -> bool:
    """Tell whether a living writer holds the lock that the HDF5 library takes."""
    try:
        import fcntl
    except ImportError:  # Windows: a file open for writing cannot be opened at all
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # a file system without locks
        return False
    fcntl.flock(fd, fcntl.LOCK_UN)
    return False


def _not_hdf5(file: SourceFile) -> DataError:
    head = file.read(0, min(512, file.size))
    if head and SIGNATURE.startswith(head):
        return _truncated(str(file.path), 96, file.size)
    mend = "name an HDF5 file"
    if not head:
        seen = "0 bytes"
    else:
        kind = next((name for magic, name in _KNOWN.items() if head.startswith(magic)), None)
        if kind is None and head.isascii() and not set(head) & set(range(8)):
            kind = "text"
        seen = f"starts with `{head[:4].hex(' ')}`" + (f", looks like {kind}" if kind else "")
        if kind:
            mend = f"give the {kind} file its own suffix"
    return DataError(str(file.path), "not an HDF5 file", seen, mend, id="PYR-H5-01")


def _truncated(where: str, needs: int, has: int) -> DataError:
    sizes = f"needs {grouped(needs)} B, has {grouped(has)} B"
    return DataError(where, "truncated", sizes, "copy it again", id="PYR-H5-02")
