"""Decoded chunks shared between threads: each one decoded once, memory bounded in bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock

import numpy as np


class ChunkCache:
    """The chunks used last.

    Parameters
    ----------
    limit_bytes : int
        Most bytes kept; the last chunk is kept however large it is, because the next block of a
        record mostly begins in the chunk where this one ends.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._lock = Lock()
        self._entries: OrderedDict[int, Future[np.ndarray]] = OrderedDict()
        self.n_bytes = 0

    def __contains__(self, number: int) -> bool:
        return number in self._entries

    def get(self, number: int, decode: Callable[[int], np.ndarray]) -> np.ndarray:
        """Return a chunk; a thread that asks for a chunk being decoded waits for it.

        Parameters
        ----------
        number : int
            Which chunk.
        decode : callable
            ``decode(number)``, called if it is not there. What it raises is raised here, in every
            thread that waits, and nothing is kept.
        """
        with self._lock:
            entry = self._entries.get(number)
            is_new = entry is None
            if entry is None:
                entry = self._entries[number] = Future()
            else:
                self._entries.move_to_end(number)
        if is_new:
            self._fill(number, entry, decode)
        return entry.result()

    def _fill(
        self, number: int, entry: Future[np.ndarray], decode: Callable[[int], np.ndarray]
    ) -> None:
        try:
            array = decode(number)
        except BaseException as error:
            with self._lock:
                del self._entries[number]
            entry.set_exception(error)
            raise
        with self._lock:
            entry.set_result(array)
            self.n_bytes += array.nbytes
            self._evict()

    def _evict(self) -> None:
        if self.n_bytes <= self._limit_bytes:
            return
        done = [n for n, entry in self._entries.items() if entry.done()]
        for number in done[:-1]:
            if self.n_bytes <= self._limit_bytes:
                break
            self.n_bytes -= self._entries.pop(number).result().nbytes
