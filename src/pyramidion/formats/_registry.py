"""Finding the format of a file: its first bytes first, then its name.

The modules of this package whose name has no underscore are the formats; each ends with a record
``FORMAT``. Nothing lists them elsewhere.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from pathlib import Path

from pyramidion.core import DataError, ImageSource, UsageError, WaveformSource
from pyramidion.formats._format import Format, Kind, OpenOptions
from pyramidion.formats._pattern import files_matching, folder_of, is_pattern
from pyramidion.storage import is_remote

_SEEN = {
    b"\x89PNG": "PNG",
    b"PK\x03\x04": "ZIP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"\x1f\x8b": "gzip",
    b"%PDF": "PDF",
    b"\xff\xd8\xff": "JPEG",
}


@cache
def formats() -> tuple[Format, ...]:
    """Return every format, by name."""
    package = importlib.import_module("pyramidion.formats")
    names = sorted(m.name for m in pkgutil.iter_modules(package.__path__) if m.name[0] != "_")
    return tuple(importlib.import_module(f"pyramidion.formats.{name}").FORMAT for name in names)


def format_of_source(path: Path) -> Format:
    """Return the format that reads a file or folder.

    Raises
    ------
    MissingError
        If nothing is there.
    DataError
        If it is not a regular file, or no format reads it.
    """
    _check_there(path)
    readers = [f for f in formats() if f.open or f.open_image]
    for candidate in readers:
        # What has to be fetched first is looked into when it is here.
        if (candidate.opens_remote or not is_remote(path)) and candidate.matches(path):
            return candidate
    # The name decides who explains what is wrong with the bytes.
    for candidate in readers:
        if path.name.lower().endswith(candidate.suffixes):
            return candidate
    if is_remote(path) and path.is_dir():
        for candidate in readers:
            if any(p.name.lower().endswith(candidate.suffixes) for p in path.iterdir()):
                return candidate
    if path.is_dir():
        if path.name.endswith(".partial"):
            from pyramidion.formats._waveform.store import unfinished

            raise unfinished(path, path)
        names = ", ".join(sorted(p.name for p in path.iterdir())[:5])
        raise DataError(
            str(path),
            "not a Zarr store",
            f"contains: {names or 'nothing'}",
            "name the store itself",
            id="PYR-ZAR-01",
        )
    raise DataError(
        str(path),
        "unknown format",
        looks_like(path),
        f"these are read: {_suffixes(readers)}",
        id="PYR-GEN-06",
    )


def format_of_destination(path: Path, kind: Kind = "waveform") -> Format:
    """Return the format that a destination's name asks for.

    Parameters
    ----------
    path : Path
        The destination.
    kind : {"waveform", "image"}
        What is to be written there.

    Raises
    ------
    UsageError
        If no format has that suffix.
    """
    writers = [f for f in formats() if (f.create_image if kind == "image" else f.create)]
    for candidate in writers:
        suffixes = (kind == "image" and candidate.image_suffixes) or candidate.suffixes
        if path.name.lower().endswith(suffixes):
            return candidate
    shown = path.suffix or path.name
    raise UsageError(
        str(path), "unknown format", shown, f"use {_suffixes(writers)}", id="PYR-GEN-06"
    )


def kind_of_source(path: Path, options: OpenOptions | None = None) -> Kind:
    """Tell whether a file or folder is a waveform or an image."""
    found = format_of_source(path)
    if found.kind is not None:
        return found.kind(path, options or OpenOptions())
    return "waveform" if found.open is not None else "image"


def open_image(path: Path, options: OpenOptions | None = None) -> ImageSource:
    """Open anything that can be read as an image.

    Parameters
    ----------
    path : Path
        A file, a folder, or a pattern with ``*`` for a stack of images.
    options : OpenOptions, optional
        What the user said about it.

    Raises
    ------
    PyramidionError
        If it is missing, unknown, damaged or refused.
    """
    found = format_of_source(path)
    _check_at_hand(path, found)
    if found.open_image is None:
        raise DataError(str(path), "is a waveform, not an image", found.name, id="PYR-GEN-06")
    return found.open_image(path, options or OpenOptions())


def open_source(path: Path, options: OpenOptions | None = None) -> WaveformSource:
    """Open anything that can be read.

    Parameters
    ----------
    path : Path
        A file, a folder, or a name with ``*`` for a set of files.
    options : OpenOptions, optional
        What the user said about it.

    Raises
    ------
    PyramidionError
        If it is missing, unknown, damaged or refused.
    """
    found = format_of_source(path)
    _check_at_hand(path, found)
    if found.open is None:
        raise DataError(str(path), "is an image, not a waveform", found.name, id="PYR-GEN-06")
    return found.open(path, options or OpenOptions())


def is_at_hand(path: Path) -> bool:
    """Tell whether a source is read where it lies, or must be fetched from its store first.

    Raises
    ------
    PyramidionError
        If nothing is there, or no format reads it.
    """
    return not is_remote(path) or format_of_source(path).opens_remote


def _check_at_hand(path: Path, found: Format) -> None:
    if is_remote(path) and not found.opens_remote:
        raise UsageError(
            str(path),
            f"{found.name} cannot be read where it lies",
            mend="convert it to a store there, or copy it here",
            id="PYR-UPL-19",
        )


def looks_like(path: Path) -> str:
    """Return what a file's first bytes say, for an error message."""
    with path.open("rb") as file:
        head = file.read(8)
    if not head:
        return "0 bytes"
    known = next((name for magic, name in _SEEN.items() if head.startswith(magic)), None)
    shown = f"starts with `{head[:4].hex(' ')}`"
    return f"{shown}, looks like {known}" if known else shown


def _check_there(path: Path) -> None:
    if is_pattern(path):
        if next(files_matching(path), None) is None:
            raise DataError(
                str(path), "matches no file", f"looked in {folder_of(path)}", id="PYR-ALL-15"
            )
        return
    try:
        stat = path.stat()
    except FileNotFoundError as error:
        if path.is_symlink():
            raise DataError(
                str(path), "link to a missing file", path.readlink(), id="PYR-ALL-19"
            ) from error
        from pyramidion.formats._waveform.store import missing_store

        raise missing_store(path) from error
    except OSError as error:
        from pyramidion.storage import storage_error

        raise storage_error(error, str(path), "cannot read") from error
    import stat as kinds

    is_regular = kinds.S_ISREG(stat.st_mode) and (stat.st_size or _is_empty(path))
    if not (is_regular or kinds.S_ISDIR(stat.st_mode)):
        raise DataError(str(path), "not a regular file", id="PYR-ALL-18")


def _is_empty(path: Path) -> bool:
    """Tell a file of no bytes from one whose bytes the system makes up, as those of ``/proc``."""
    try:
        with path.open("rb") as file:
            return not file.read(1)
    except PermissionError:
        return True  # told better when it is opened
    except OSError:
        return False


def _suffixes(found: list[Format]) -> str:
    names = [f.suffixes[0] for f in found]
    return " or ".join(names) if len(names) < 3 else f"{', '.join(names[:-1])} or {names[-1]}"
