"""A bound on the bytes that are in memory at once, first come, first served."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class ByteBudget:
    """Bytes that threads may hold together.

    Parameters
    ----------
    limit : int
        Most bytes; who asks for more gets it when nobody else holds any.
    """

    def __init__(self, limit: int) -> None:
        self._limit, self._held = limit, 0
        self._changed = threading.Condition()
        self._waiting: deque[object] = deque()

    @contextmanager
    def holding(self, n_bytes: int) -> Iterator[None]:
        """Hold bytes during the block; waits for them, but never behind somebody who came later."""
        ticket = object()
        with self._changed:
            self._waiting.append(ticket)
            self._changed.wait_for(lambda: self._waiting[0] is ticket and self._fits(n_bytes))
            self._waiting.popleft()
            self._held += n_bytes
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._held -= n_bytes
                self._changed.notify_all()

    def _fits(self, n_bytes: int) -> bool:
        return self._held == 0 or self._held + n_bytes <= self._limit
