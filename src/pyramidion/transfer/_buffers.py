"""Memory that is read into again and again.

Fresh memory costs more than reading a file into it: the system clears every page first. A buffer is
used again only when the store has answered with the checksum of its content, so that no request
that is given up, and may still be on its way, ever sees other bytes.
"""

from __future__ import annotations

import threading


class Buffers:
    """Buffers of a bounded size together.

    Parameters
    ----------
    limit : int
        Most bytes of those in use and those that wait.
    """

    def __init__(self, limit: int) -> None:
        self._limit, self._held = limit, 0
        self._idle: list[bytearray] = []
        self._lock = threading.Lock()

    def take(self, n_bytes: int) -> bytearray:
        """Return a buffer of at least so many bytes."""
        with self._lock:
            fitting = [n for n, b in enumerate(self._idle) if n_bytes <= len(b) <= n_bytes * 5 // 4]
            if fitting:
                buffer = self._idle.pop(fitting[-1])
            else:
                while self._idle and self._total() + n_bytes > self._limit:
                    self._idle.pop()
                buffer = bytearray(n_bytes)
            self._held += len(buffer)
        return buffer

    def give_back(self, buffer: bytearray, *, again: bool) -> None:
        """Return a buffer, and say whether it may be used again."""
        with self._lock:
            self._held -= len(buffer)
            if again and self._total() + len(buffer) <= self._limit:
                self._idle.append(buffer)

    def _total(self) -> int:
        return self._held + sum(map(len, self._idle))
