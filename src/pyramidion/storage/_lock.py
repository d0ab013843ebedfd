"""One writer at a time: a lock that dies with its process.

The operating system releases the lock when the process ends, however it ends, so that a lock left
by a killed writer never stops the next one.
"""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path
from typing import BinaryIO

from pyramidion.core import StorageError
from pyramidion.storage._faults import told_as
from pyramidion.storage._siblings import hidden_sibling

try:
    import fcntl
except ImportError:  # Windows has no such lock
    fcntl = None  # type: ignore[assignment]


class WriterLock:
    """Hold the right to write a destination; its lock file lies beside it.

    Parameters
    ----------
    destination : Path
        What is being written; its folder must be there.
    shared : bool
        Share it with others who say so too: the parts of an array of jobs. Its file stays, for the
        one who publishes.

    Raises
    ------
    StorageError
        If a living process holds it, or the file cannot be made.
    """

    def __init__(self, destination: Path, *, shared: bool = False) -> None:
        self._path = hidden_sibling(destination, "lock")
        self._shared = shared
        with told_as(destination):
            self._file = self._locked(destination)
            try:
                self._file.truncate(0)
                self._file.write(_holder_now())
            except BaseException:
                self.release()
                raise

    def _locked(self, destination: Path) -> BinaryIO:
        while True:
            file = self._path.open("a+b", buffering=0)
            try:
                if fcntl is not None:
                    how = fcntl.LOCK_SH if self._shared else fcntl.LOCK_EX
                    fcntl.flock(file, how | fcntl.LOCK_NB)
                if _is_at(file, self._path):
                    return file
                file.close()  # its last holder removed it meanwhile: lock the one that is there now
            except BlockingIOError as error:
                holder = _holder(file)
                file.close()
                raise StorageError(
                    str(destination), f"in use by {holder}", mend="wait or stop it", id="PYR-ALL-25"
                ) from error
            except BaseException:
                file.close()
                raise

    @property
    def held(self) -> bool:
        """Tell whether it has not been given back."""
        return not self._file.closed

    def close(self) -> None:
        """Do as ``release``."""
        self.release()

    def release(self) -> None:
        """Give the lock back and remove its file; safe to call twice."""
        if self.held:
            try:
                if not self._shared:
                    self._path.unlink(missing_ok=True)
            finally:
                self._file.close()


def _is_at(file: BinaryIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _holder_now() -> bytes:
    since = time.strftime("%H:%M")
    return json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": since}).encode()


def _holder(file: BinaryIO) -> str:
    file.seek(0)
    try:
        told = json.loads(file.read(4096))
        return f"process {told['pid']} on host {told['host']} since {told['since']}"
    except (ValueError, KeyError, TypeError):
        return "another process"
