"""Reading and encoding in a few threads, given up when the client leaves.

Who waits for somebody else, for an object store or for the next frame of a camera, lets others be
answered meanwhile.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any, TypeVar

from starlette.types import Receive

from pyramidion.server._daemon_threads import DaemonThreads
from pyramidion.server._turns import resting

Result = TypeVar("Result")
N_THREADS = max(2, min(4, os.cpu_count() or 1))
N_TRAVELLING = 16
"""Threads that mostly wait for an object store."""

_BUSY_S = 0.25
"""What takes longer waits for somebody else."""


class ClientGoneError(Exception):
    """The client left before its answer was ready: nobody is there to be told."""


class Work:
    """A bounded number of threads for work that takes processor time or waits for a disk."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(N_THREADS, thread_name_prefix="pyramidion-image")
        self._travelling = DaemonThreads(N_TRAVELLING, "pyramidion-store")

    async def run(
        self, receive: Receive, work: Callable[[threading.Event], Result], *, travels: bool = False
    ) -> Result:
        """Call `work` in a thread.

        Parameters
        ----------
        receive : callable
            The ASGI ``receive`` of the request, which tells when the client leaves.
        work : callable
            Called with an event that is set when the client has left; what takes long looks at
            it. What has not begun by then never begins.
        travels : bool
            It waits for an object store more than it computes.

        Raises
        ------
        ClientGoneError
            If the client left.
        """
        left = threading.Event()
        threads: Executor = self._travelling if travels else self._threads
        result = asyncio.get_running_loop().run_in_executor(threads, work, left)
        try:
            return await unless_gone(receive, result, computes=not travels)
        finally:
            left.set()

    def close(self) -> None:
        """Begin nothing more."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._travelling.shutdown(wait=False, cancel_futures=True)


def stop_if(left: threading.Event) -> None:
    """Raise :class:`ClientGoneError` if the client has left."""
    if left.is_set():
        raise ClientGoneError


async def unless_gone(
    receive: Receive, result: asyncio.Future[Result], *, computes: bool = False
) -> Result:
    """Return a result, or cancel it when the client leaves.

    Parameters
    ----------
    receive : callable
        The ASGI ``receive`` of the request.
    result : asyncio.Future
        What the client waits for.
    computes : bool
        It takes processor time here, and so is one of the answers that are made at a time.

    Raises
    ------
    ClientGoneError
        If the client left.
    """
    gone = asyncio.ensure_future(_disconnected(receive))
    try:
        both: set[asyncio.Future[Any]] = {result, gone}
        limit = None if computes else _BUSY_S
        done, _ = await asyncio.wait(both, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        if not done:
            with resting():
                await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if not result.done():
            raise ClientGoneError
        return result.result()
    finally:
        gone.cancel()
        if not result.done():
            result.cancel()
            result.add_done_callback(_forget)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _forget(result: asyncio.Future[Result]) -> None:
    if not result.cancelled():
        result.exception()  # looked at, so that nothing is logged about it
