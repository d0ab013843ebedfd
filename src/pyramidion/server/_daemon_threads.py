"""Threads that wait for others' machines, and do not hold up the end of the process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

Result = TypeVar("Result")


class DaemonThreads(Executor):
    """A pool of threads, as that of the standard library, whose work is given up at the end.

    The interpreter waits for the threads of the library's own, and a store that hangs would keep
    a server alive for minutes after Ctrl-C.

    Parameters
    ----------
    n_threads : int
        Most of them.
    name : str
        What their names begin with.

    Examples
    --------
    >>> with DaemonThreads(2, "doc") as threads:
    ...     list(threads.map(abs, [-1, 2, -3]))
    [1, 2, 3]
    """

    def __init__(self, n_threads: int, name: str) -> None:
        self._most, self._name = n_threads, name
        self._lock = threading.Lock()
        self._idle = threading.Semaphore(0)
        self._jobs: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._is_closed = False

    def submit(self, fn: Callable[..., Result], /, *args: Any, **kwargs: Any) -> Future[Result]:
        """Call a function in one of the threads.

        Raises
        ------
        RuntimeError
            After :meth:`shutdown`.
        """
        future: Future[Result] = Future()
        with self._lock:
            if self._is_closed:
                raise RuntimeError("the threads are closed")
            self._jobs.put((future, lambda: fn(*args, **kwargs)))
            if not self._idle.acquire(blocking=False) and len(self._threads) < self._most:
                name = f"{self._name}_{len(self._threads)}"
                thread = threading.Thread(target=self._work, name=name, daemon=True)
                self._threads.append(thread)
                thread.start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Begin nothing more.

        Parameters
        ----------
        wait : bool
            Wait for what was begun.
        cancel_futures : bool
            Give up what was not begun.
        """
        with self._lock:
            self._is_closed = True
        while cancel_futures:
            try:
                job = self._jobs.get_nowait()
            except Empty:
                break
            if job is not None:
                job[0].cancel()
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads if wait else ():
            thread.join()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            future, call = job
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(call())
                except BaseException as error:  # noqa: BLE001 - told to whoever waits
                    future.set_exception(error)
            del job, future, call  # which hold what was asked for
            self._idle.release()
