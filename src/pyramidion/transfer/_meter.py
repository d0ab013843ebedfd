"""What a run did so far, counted by several threads."""

from __future__ import annotations

import threading

from pyramidion.transfer._options import Progress


class Meter:
    """Counts.

    Attributes
    ----------
    n_sent, n_unchanged, n_deleted, n_verified, bytes_sent : int
        See :class:`UploadReport`.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._progress: Progress | None = None
        self._moved = self._total = 0
        self.n_sent = self.n_unchanged = self.n_deleted = self.n_verified = self.bytes_sent = 0

    def begin(self, total: int, done: int, progress: Progress | None) -> None:
        """Tell from now on how many bytes of `total` are safe."""
        with self._lock:
            self._progress, self._moved, self._total = progress, done, total
        self.moved(0)

    def moved(self, n_bytes: int) -> None:
        """Note bytes that went out; negative if they have to go once more."""
        with self._lock:
            self._moved += n_bytes
            done = min(self._moved, self._total)
            progress = self._progress
        if progress is not None:
            progress(done, self._total)

    def count(self, n_bytes: int, *, is_sent: bool) -> None:
        """Note an object that is in the store."""
        with self._lock:
            if is_sent:
                self.n_sent += 1
                self.bytes_sent += n_bytes
            else:
                self.n_unchanged += 1
        if not is_sent:
            self.moved(n_bytes)
