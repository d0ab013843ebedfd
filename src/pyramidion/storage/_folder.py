"""Bytes by key in a folder of the local disk, or, to be read, of an object store.

A key is a relative path with forward slashes (``raw/c/0/0/0/5``). Whatever has its final name is
whole: every file is written under a temporary name in the same folder and then renamed. Temporary
names begin with a dot and end in ``.part``, so that no reader and no server takes them for data.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Self

from pyramidion.core import DataError, MissingError
from pyramidion.storage._faults import told_as
from pyramidion.storage._positioned import open_regular
from pyramidion.storage._remote.path import RemotePath, is_remote


class StagedFile:
    """A file under way: append, then commit or discard.

    Parameters
    ----------
    path : Path
        Final name. The folder is made when missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._part = path.with_name(f".{path.name[:200]}.{os.getpid()}.part")
        with told_as(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._part.open("wb", buffering=0)
        self.size = 0

    def append(self, data: bytes | bytearray | memoryview) -> int:
        """Append bytes.

        Returns
        -------
        int
            Offset at which they were put.

        Raises
        ------
        StorageError
            If the disk is full or fails.
        """
        offset = self.size
        view = memoryview(data)
        with told_as(self.path):
            while view.nbytes:
                view = view[self._file.write(view) :]
        self.size += len(data)
        return offset

    def commit(self) -> None:
        """Give the file its name."""
        with told_as(self.path):
            self._file.close()
            self._part.replace(self.path)

    def discard(self) -> None:
        """Remove the temporary file; safe after ``commit`` and safe to call twice."""
        self._file.close()
        self._part.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.discard()


class Folder:
    """Keys under one folder.

    Parameters
    ----------
    root : Path
        The folder; made by the first write.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, key: str) -> Path:
        """Return where `key` lies; refuses links that leave the folder.

        Raises
        ------
        DataError
            If a link inside the folder leads outside.
        """
        path = self.root / key
        if is_remote(path):
            return path
        if not path.is_symlink() and not any(
            p.is_symlink() for p in path.parents if p != self.root and self.root in p.parents
        ):
            return path
        if not path.resolve().is_relative_to(self.root.resolve()):
            raise DataError(
                str(self.root), "link leaves the store", key, "put the data inside", id="PYR-ZAR-10"
            )
        return path

    def exists(self, key: str) -> bool:
        """Tell whether `key` is there, whole."""
        return (self.root / key).is_file()

    def read(self, key: str, limit: int | None = None) -> bytes:
        """Read a whole value.

        Parameters
        ----------
        key : str
            What to read.
        limit : int, optional
            Most bytes accepted.

        Raises
        ------
        MissingError
            If there is no such key.
        DataError
            If it is longer than `limit`.
        """
        path = self.path(key)
        try:
            if isinstance(path, RemotePath):
                from pyramidion.storage._remote.bucket import bucket_of

                return bucket_of(path).get(path.key, limit)
            with told_as(path, "cannot read"), open_regular(path) as file:
                size = os.fstat(file.fileno()).st_size
                if limit is not None and size > limit:
                    raise DataError(
                        str(path), f"over the limit of {limit} B", size, id="PYR-ZAR-02"
                    )
                return file.read()
        except OSError as error:
            if isinstance(error.__cause__ or error, FileNotFoundError | NotADirectoryError):
                raise MissingError(str(path), "missing", id="PYR-VER-02") from error
            raise

    def write(self, key: str, data: bytes) -> None:
        """Write a whole value; it appears under its name only when complete."""
        with self.stage(key) as staged:
            staged.append(data)
            staged.commit()

    def stage(self, key: str) -> StagedFile:
        """Begin a value that is appended to piece by piece."""
        return StagedFile(self.root / key)

    def remove_leftovers(self) -> None:
        """Remove the temporary files of a writer that was killed."""
        for part in self.root.rglob(".*.part"):
            part.unlink(missing_ok=True)
