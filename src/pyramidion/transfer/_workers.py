"""Threads that do what is put into a queue, and leave at once when they are told to.

They are no pool of the standard library because that waits for its threads when the program ends:
after Ctrl-C nobody waits for the answer to a request that takes a minute.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from pyramidion.transfer._attempts import HaltError

Job = Callable[[], None]
_LEAVE_S = 0.5


class Workers:
    """Threads and their queue.

    Parameters
    ----------
    n_threads : int
        Started when they are needed.
    halt : threading.Event
        Set when one fails: the others stop too.
    """

    def __init__(self, n_threads: int, halt: threading.Event) -> None:
        self._n_threads, self._halt = n_threads, halt
        self._jobs: deque[Job] = deque()
        self._n_unfinished = 0
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._fault: BaseException | None = None
        self._is_closed = False

    def put(self, job: Job) -> None:
        """Add a job.

        Raises
        ------
        BaseException
            What another one failed of.
        """
        self._raise_fault()
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
        BaseException
            What the first of them failed of.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._n_unfinished == 0 or self._fault is not None)
        self._raise_fault()

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

    def _raise_fault(self) -> None:
        if self._fault is not None:
            raise self._fault
