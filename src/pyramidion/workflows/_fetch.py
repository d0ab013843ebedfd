"""Sources that only read from a disk, fetched from their object store."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from pyramidion.core import DataError, StorageError, format_bytes
from pyramidion.formats import folder_of, is_at_hand, is_pattern
from pyramidion.storage import Found, RemotePath, bucket_of, free_bytes, told_as
from pyramidion.workflows._files import objects_of
from pyramidion.workflows._spool import spool_folder
from pyramidion.workflows._stream import Progress

_N_CONNECTIONS = 8
_PIECE_BYTES = 2**23


@contextmanager
def at_hand(source: Path, progress: Progress | None = None) -> Iterator[Path]:
    """Give a source that can be opened: itself, or a copy on this disk while the block lasts.

    Zarr stores, IDX datasets and ``.npy`` are read where they lie; other files are fetched whole.

    Parameters
    ----------
    source : Path
        Of a disk or an object store.
    progress : callable, optional
        Told the bytes fetched, and in all.

    Raises
    ------
    PyramidionError
        If it is missing, the disk has no room for it, or the store fails.
    """
    if is_at_hand(source):
        yield source
        return
    assert isinstance(source, RemotePath)
    with told_as(spool_folder()):
        spool_folder().mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix="fetched-", dir=spool_folder()))
    try:
        yield _fetched(source, folder, progress)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _fetched(source: RemotePath, folder: Path, progress: Progress | None) -> Path:
    found = objects_of(source)
    n_bytes = sum(each.size for each in found)
    free = free_bytes(folder)
    if n_bytes > free:
        raise StorageError(
            str(source),
            f"needs {format_bytes(n_bytes)}, {format_bytes(free)} free",
            mend=f"free space in {folder.parent}, or set PYRAMIDION_SPOOL",
            id="PYR-ALL-11",
        )
    base = folder_of(source) if is_pattern(source) else source.parent
    assert isinstance(base, RemotePath)
    prefix = f"{base.key}/" if base.key else ""
    done = 0
    with ThreadPoolExecutor(_N_CONNECTIONS, thread_name_prefix="pyramidion-fetch") as threads:
        targets = [folder / each.key.removeprefix(prefix) for each in found]
        for size in threads.map(
            lambda pair: _fetch(source, *pair), zip(found, targets, strict=True)
        ):
            done += size
            if progress is not None:
                progress(done, n_bytes)
    return folder / "/".join(source.relative_to(base).parts)


def _fetch(source: RemotePath, found: Found, target: Path) -> int:
    """Fetch an object in ranges, so that a big one needs little memory."""
    bucket = bucket_of(source)
    with told_as(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            for offset in range(0, found.size, _PIECE_BYTES):
                now, data = bucket.get_range(
                    found.key, offset, min(_PIECE_BYTES, found.size - offset)
                )
                if (now.size, now.etag) != (found.size, found.etag):
                    raise DataError(
                        bucket.url(found.key), "changed while reading", "replaced", "run again",
                        id="PYR-ALL-20",
                    )  # fmt: skip
                file.write(data)
    return found.size
