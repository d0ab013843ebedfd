"""Threads that do what is put into a queue, and leave at once when they are told to.

They are no pool of the standard library because that waits for its threads when the program ends:
after Ctrl-C nobody waits for the answer to a request that takes a minute.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from pyramidion.core import StoppedError
from pyramidion.transfer._attempts import HaltError

Job = Callable[[], None]
_LEAVE_S = _LISTEN_S = 0.5


class Workers:
    """Threads and their queue.

    Parameters
    ----------
    n_threads : int
        Started when they are needed.
    halt : threading.Event
        Set when one fails: the others stop too.
    stop : threading.Event, optional
        Set by others to end the waiting.
    """

    def __init__(
        self, n_threads: int, halt: threading.Event, stop: threading.Event | None = None
    ) -> None:
        self._n_threads, self._halt, self._stop = n_threads, halt, stop
        self._jobs: deque[Job] = deque()
        self._n_unfinished = 0
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._fault: BaseException | None = None
        self._is_closed = False

    def check(self) -> None:
        """Make sure that no job has failed so far; returns at once.

        Raises
        ------
        BaseException
            What the first of them failed of.
        """
        if self._fault is not None:
            raise self._fault

    @property
    def is_idle(self) -> bool:
        """Whether nothing is being done any more; asked after :meth:`close`."""
        return not any(thread.is_alive() for thread in self._threads)

    def put(self, job: Job) -> None:
        """Add a job.

        Raises
        ------
        BaseException
            What another one failed of.
        """
        self.check()
        with self._changed:
            self._jobs.append(job)
            self._n_unfinished += 1
            if len(self._threads) < min(self._n_threads, self._n_unfinished):
                thread = threading.Thread(target=self._work, daemon=True, name="transfer")
                self._threads.append(thread)
                thread.start()
            self._changed.notify()

    def join(self) -> None:
        """Wait until every job is done.

        Raises
        ------
        StoppedError
            If `stop` was set.
        BaseException
            What the first of them failed of.
        """
        listen_s = None if self._stop is None else _LISTEN_S
        with self._changed:
            while self._n_unfinished and self._fault is None:
                self._changed.wait(listen_s)
                if self._stop is not None and self._stop.is_set():
                    raise StoppedError("stopped", "while sending", id="PYR-ALL-27")
        self.check()

    def close(self) -> None:
        """Stop; requests under way are waited for only shortly."""
        self._halt.set()
        with self._changed:
            self._is_closed = True
            self._jobs.clear()
            self._changed.notify_all()
        until = time.monotonic() + _LEAVE_S
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _work(self) -> None:
        while (job := self._next()) is not None:
            try:
                job()
            except HaltError:
                pass
            except BaseException as error:  # noqa: BLE001 - raised again by `join`
                self._failed(error)
            with self._changed:
                self._n_unfinished -= 1
                if self._n_unfinished == 0:
                    self._changed.notify_all()

    def _next(self) -> Job | None:
        with self._changed:
            self._changed.wait_for(lambda: self._jobs or self._is_closed)
            return self._jobs.popleft() if self._jobs else None

    def _failed(self, error: BaseException) -> None:
        with self._changed:
            self._fault = self._fault or error
            self._halt.set()
            self._jobs.clear()
            self._changed.notify_all()
