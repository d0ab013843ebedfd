"""Looking for datasets in the background: one thread for each place, however many ask."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future

from pyramidion.server._catalogue import Found
from pyramidion.server._catalogue_index import Index
from pyramidion.server._daemon_threads import DaemonThreads

logger = logging.getLogger("pyramidion.server")

_MIN_REST_S = 2.0
_REST = 4.0
"""Times the length of a sweep for which nothing is looked at: at most a fifth of a core."""


def end_of(sweep: Future[None]) -> asyncio.Future[None]:
    """Return what is done when a sweep is, however it ended and whoever stopped waiting for it."""
    loop = asyncio.get_running_loop()
    end = loop.create_future()

    def note() -> None:
        if not end.done():
            end.set_result(None)

    def tell(_sweep: Future[None]) -> None:
        with contextlib.suppress(RuntimeError):  # the server has ended meanwhile
            loop.call_soon_threadsafe(note)

    sweep.add_done_callback(tell)
    return end


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
        self._threads = DaemonThreads(1, f"pyramidion-look-{name}")
        self._stop = threading.Event()
        self._running: Future[None] | None = None
        self._n_sweeps = 0
        self._asked = -math.inf  # when the last sweep was begun
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

    async def fresh(self, patience_s: float | None = None) -> None:
        """Wait until the index is as this source was when the question came, or shortly before.

        Parameters
        ----------
        patience_s : float, optional
            A sweep that takes longer is not waited for: what it found before is still there.
        """
        asked = time.monotonic()
        while not self._is_fresh(asked):
            sweep = self._begin()
            left_s = None
            if patience_s is not None:
                left_s = self._asked + patience_s - time.monotonic()
                if left_s <= 0 and not sweep.done():
                    return
            done, _ = await asyncio.wait([end_of(sweep)], timeout=left_s)
            if not done:
                return
            sweep.result()

    def close(self) -> None:
        """End a sweep that is under way, and begin no other."""
        self._stop.set()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _begin(self) -> Future[None]:
        if self._running is None or self._running.done():
            self._asked = time.monotonic()
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
