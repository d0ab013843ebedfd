"""Decoded blocks shared between threads: each one decoded once, memory bounded in bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from threading import Lock

import numpy as np


class BlockCache:
    """The blocks used last.

    Parameters
    ----------
    limit_bytes : int
        Most bytes kept; a block that is larger than that is not kept at all.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._lock = Lock()
        self._kept: OrderedDict[Hashable, np.ndarray] = OrderedDict()
        self._coming: dict[Hashable, Future[np.ndarray | None]] = {}
        self.n_bytes = 0

    def get(self, key: Hashable, decode: Callable[[], np.ndarray | None]) -> np.ndarray | None:
        """Return a block; a thread that asks for one that is being decoded waits for it.

        Parameters
        ----------
        key : hashable
            Which block.
        decode : callable
            Called if it is not there; must not wait for another block. Its None (an absent block)
            is passed on and not kept; what it raises is raised in every thread that waits.
        """
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
                return kept
            coming = self._coming.get(key)
            mine: Future[np.ndarray | None] = Future()
            if coming is None:
                self._coming[key] = mine
        return self._fill(key, mine, decode) if coming is None else coming.result()

    def clear(self) -> None:
        """Let go of all blocks."""
        with self._lock:
            self._kept.clear()
            self.n_bytes = 0

    def _fill(
        self,
        key: Hashable,
        mine: Future[np.ndarray | None],
        decode: Callable[[], np.ndarray | None],
    ) -> np.ndarray | None:
        try:
            block = decode()
        except BaseException as error:
            with self._lock:
                del self._coming[key]
            mine.set_exception(error)
            raise
        with self._lock:
            del self._coming[key]
            if block is not None and block.nbytes <= self._limit_bytes:
                self._kept[key] = block
                self.n_bytes += block.nbytes
                while self.n_bytes > self._limit_bytes:
                    self.n_bytes -= self._kept.popitem(last=False)[1].nbytes
        mine.set_result(block)
        return block
