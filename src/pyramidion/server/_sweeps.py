"""Looking for datasets in the background: one thread for each place, however many ask."""

from __future__ import annotations

import asyncio
import logging
import math
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor

from pyramidion.server._catalogue import Found
from pyramidion.server._catalogue_index import Index

logger = logging.getLogger("pyramidion.server")

_MIN_REST_S = 2.0
_REST = 4.0
"""Times the length of a sweep for which nothing is looked at: at most a fifth of a core."""


class Sweeper:
    """Fills an index from one source, when somebody asks and the last time is a while ago.

    Parameters
    ----------
    name : str
        Of the source.
    walk : callable
        Yields the datasets; is called with an event that is set to end it.
    index : Index
        Where they are noted.
    max_age_s : float
        How old an answer may be; 0 where whoever asks is told of the moment.
    """

    def __init__(
        self,
        name: str,
        walk: Callable[[threading.Event], Iterable[Found]],
        index: Index,
        max_age_s: float,
    ) -> None:
        self._name, self._walk, self._index, self._max_age_s = name, walk, index, max_age_s
        self._threads = ThreadPoolExecutor(1, thread_name_prefix=f"pyramidion-look-{name}")
        self._stop = threading.Event()
        self._running: Future[None] | None = None
        self._n_sweeps = 0
        self._began = self._ended = -math.inf  # of the last sweep that was done

    @property
    def is_running(self) -> bool:
        """Whether it is looking."""
        return self._running is not None and not self._running.done()

    @property
    def is_filled(self) -> bool:
        """Whether it has looked everywhere once."""
        return self._ended > -math.inf

    def start(self) -> Future[None] | None:
        """Begin a sweep unless one is under way, or the last one is recent enough.

        Returns
        -------
        Future or None
            The sweep to wait for, if there is one.
        """
        rest_s = max(_MIN_REST_S, _REST * (self._ended - self._began))
        if self._running is None or self._ended + rest_s < time.monotonic():
            return self._begin()
        return self._running if self.is_running else None

    async def fresh(self) -> None:
        """Wait until the index is as this source was when the question came, or shortly before."""
        asked = time.monotonic()
        while not self._is_fresh(asked):
            await asyncio.shield(asyncio.wrap_future(self._begin()))

    def close(self) -> None:
        """End a sweep that is under way, and begin no other."""
        self._stop.set()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _begin(self) -> Future[None]:
        if self._running is None or self._running.done():
            self._running = self._threads.submit(self._sweep)
        return self._running

    def _is_fresh(self, asked: float) -> bool:
        if not self._max_age_s:
            return self._began >= asked
        return self._ended + self._max_age_s >= asked

    def _sweep(self) -> None:
        began = time.monotonic()
        self._n_sweeps += 1
        try:
            for found in self._walk(self._stop):
                self._index.put(self._name, self._n_sweeps, found)
            if not self._stop.is_set():
                self._index.finish(self._name, self._n_sweeps)
        except Exception:
            logger.exception("looking for datasets failed")  # nobody may be waiting for it
            raise
        finally:
            self._began, self._ended = began, time.monotonic()
