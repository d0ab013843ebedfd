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

from pyramidion.core import StorageError
from pyramidion.storage._faults import told_as

try:
    import fcntl
except ImportError:  # Windows: opening for exclusive writing is the lock there
    fcntl = None  # type: ignore[assignment]


class WriterLock:
    """Hold a lock file while writing.

    Parameters
    ----------
    path : Path
        The lock file; its name begins with a dot.
    about : str
        What is being written, for the message.

    Raises
    ------
    StorageError
        If a living process holds it.
    """

    def __init__(self, path: Path, about: str) -> None:
        self._path = path
        with told_as(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a+b")
        try:
            if fcntl is not None:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = self._holder()
            self._file.close()
            raise StorageError(
                about, f"in use by {holder}", mend="wait or stop it", id="PYR-ALL-25"
            ) from error
        self._file.truncate(0)
        since = time.strftime("%H:%M")
        self._file.write(
            json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": since}).encode()
        )
        self._file.flush()

    def _holder(self) -> str:
        self._file.seek(0)
        try:
            told = json.loads(self._file.read(4096))
            return f"process {told['pid']} on host {told['host']} since {told['since']}"
        except (ValueError, KeyError, TypeError):
            return "another process"

    def release(self) -> None:
        """Give the lock back and remove its file; safe to call twice."""
        if not self._file.closed:
            self._path.unlink(missing_ok=True)
            self._file.close()
