"""Tasks on threads, results in order, a bounded number of both under way."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


def in_order(
    work: Callable[[Task], Result],
    tasks: Iterable[Task],
    workers: int,
    stop: threading.Event | None = None,
) -> Iterator[tuple[Task, Result]]:
    """Do tasks on threads and yield their results in the order of the tasks.

    Parameters
    ----------
    work : callable
        Called with a task, on a thread.
    tasks : iterable
        Taken only as far as needed: at most twice as many tasks as threads are under way or
        waiting to be yielded, which bounds the memory.
    workers : int
        Threads.
    stop : threading.Event, optional
        Set when the run is over, whatever ended it, so that tasks under way can give up.

    Yields
    ------
    task, result
    """
    waiting: deque[tuple[Task, Future[Result]]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="task")
    try:
        for task in tasks:
            waiting.append((task, pool.submit(work, task)))
            if len(waiting) > 2 * workers:
                first, future = waiting.popleft()
                yield first, future.result()
        while waiting:
            first, future = waiting.popleft()
            yield first, future.result()
    finally:
        if stop is not None:
            stop.set()
        pool.shutdown(wait=True, cancel_futures=True)
