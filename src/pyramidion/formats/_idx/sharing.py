"""Work on many blocks, shared between the calling thread and idle ones."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar

Item = TypeVar("Item")


def for_each(work: Callable[[Item], None], items: Sequence[Item]) -> None:
    """Call `work` for all items, on several threads where that helps.

    The caller takes part and never waits for a free thread, so that any number of threads may call
    this at once, and work itself may. The first error is raised; what has not begun is left out.
    """
    n_helpers = min(len(items), os.cpu_count() or 1) - 1
    numbers = itertools.count()
    failed: list[BaseException] = []

    def drain() -> None:
        while not failed and (number := next(numbers)) < len(items):
            try:
                work(items[number])
            except BaseException as error:  # noqa: BLE001 - raised again by the caller
                failed.append(error)

    helpers = [_pool(os.getpid()).submit(drain) for _ in range(n_helpers)]
    drain()
    try:
        for helper in helpers:
            if not helper.cancel():
                helper.result()
    except BaseException as error:  # Ctrl-C: what has not begun is left out
        failed.append(error)
        raise
    if failed:
        raise failed[0]


@lru_cache(maxsize=1)
def _pool(process: int) -> ThreadPoolExecutor:
    """Return the threads of this process; those of its parent are not there after a fork."""
    del process
    return ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="idx-block")
