"""What requests may cost: memory in flight over all of them, and processor time for each.

An answer is admitted before its memory is taken, and keeps its place until the client has read it:
a thousand clients that ask for the largest box at once cost what a few cost, and the others are
told to come back. Small answers have a share of their own, so that nobody's tiles wait behind
somebody's boxes.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Hashable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from weakref import WeakValueDictionary

from starlette.types import Message, Send

from pyramidion.server._errors import BusyError, TooLargeError
from pyramidion.server._turns import resting
from pyramidion.server._work import N_THREADS, stop_if

MAX_BYTES = 256 * 2**20
"""Bytes decoded, encoded or waiting to be read by a client, over all requests."""

SMALL_BYTES = 8 * 2**20
"""An answer that takes at most this much is a small one."""

WAIT_S = 2.0
"""How long a large answer waits for its turn."""

CPU_S = 2.0
"""Processor time of one answer."""

WALL_S = 30.0
"""Time of one answer, whatever it waits for."""

_SMALL_SHARE = MAX_BYTES // 4
_FAR_SHARE = MAX_BYTES // 4
"""On top, for what is read from object stores: who waits for one takes nothing from the others."""
_SMALL_WAIT_S = 10.0
_PIECE = 2**20


class Allowance:
    """The time of one answer; made in the thread that works for it.

    Parameters
    ----------
    left : threading.Event
        Set when the client has left.
    cpu_s, wall_s : float
        Processor time of this thread, and time on the clock.
    """

    def __init__(self, left: threading.Event, cpu_s: float = CPU_S, wall_s: float = WALL_S) -> None:
        self._left, self._cpu_s = left, cpu_s
        self._cpu_end, self._wall_end = time.thread_time() + cpu_s, time.monotonic() + wall_s

    @property
    def is_left(self) -> bool:
        """Whether nobody waits for the answer any more."""
        return self._left.is_set()

    def look(self) -> None:
        """Go on only if somebody waits for the answer, and it has not cost too much.

        Raises
        ------
        ClientGoneError
            If the client has left.
        TooLargeError
            If the time is used up.
        """
        stop_if(self._left)
        if time.thread_time() > self._cpu_end or time.monotonic() > self._wall_end:
            what = f"this takes more than {self._cpu_s:g} s of work"
            raise TooLargeError(what, None, "ask for a smaller box", id="PYR-HTTP-12")


class Budget:
    """Bytes that all requests together may hold. To be used from one event loop.

    Parameters
    ----------
    max_bytes : int
        For all of them; a request that takes more waits until it is the only large one.
    small_bytes : int
        The part of it for small answers alone.
    wait_s, small_wait_s : float
        How long a large and a small answer wait for their turn.
    """

    def __init__(
        self,
        max_bytes: int = MAX_BYTES,
        small_bytes: int = _SMALL_SHARE,
        wait_s: float = WAIT_S,
        small_wait_s: float = _SMALL_WAIT_S,
    ) -> None:
        self._large = _Share(max_bytes - small_bytes, wait_s)
        self._small = _Share(small_bytes, small_wait_s)
        self._far = _Share(_FAR_SHARE, small_wait_s)
        self._same: WeakValueDictionary[Hashable, asyncio.Lock] = WeakValueDictionary()
        # A thread remains for small answers, however many large ones are asked for.
        self._threads = asyncio.Semaphore(max(1, N_THREADS - 1))

    @property
    def n_bytes(self) -> int:
        """Bytes held now."""
        return self._large.n_bytes + self._small.n_bytes + self._far.n_bytes

    @asynccontextmanager
    async def hold(
        self, n_bytes: int, key: Hashable = None, *, travels: bool = False
    ) -> AsyncIterator[AbstractAsyncContextManager[None]]:
        """Hold bytes while the block runs.

        Parameters
        ----------
        n_bytes : int
            At most so many are taken by the answer.
        key : hashable, optional
            Large answers with one key are made of the same thing (one decoded plane), and take
            turns: the second finds what the first has made.
        travels : bool
            It waits for an object store more than it computes, and has a share of its own.

        Yields
        ------
        async context manager
            What to work in.

        Raises
        ------
        BusyError
            If there is no room within the time to wait.
        """
        if travels or n_bytes <= SMALL_BYTES:
            async with (self._far if travels else self._small).held(n_bytes):
                yield nullcontext()
            return
        async with self._alone(key), self._large.held(n_bytes):
            yield _resting_until(self._threads)

    @asynccontextmanager
    async def _alone(self, key: Hashable) -> AsyncIterator[None]:
        if key is None:
            yield
            return
        lock = self._same.get(key)
        if lock is None:
            lock = self._same[key] = asyncio.Lock()
        async with _resting_until(lock):
            yield


@asynccontextmanager
async def _resting_until(door: asyncio.Lock | asyncio.Semaphore) -> AsyncIterator[None]:
    """Go through a door, and let other answers be made while it is shut."""
    with resting():
        await door.acquire()
    try:
        yield
    finally:
        door.release()


class _Share:
    """Bytes that are given out in the order in which they were asked for."""

    def __init__(self, max_bytes: int, wait_s: float) -> None:
        self._max_bytes, self._wait_s = max_bytes, wait_s
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()
        self.n_bytes = 0

    @asynccontextmanager
    async def held(self, n_bytes: int) -> AsyncIterator[None]:
        n_bytes = min(n_bytes, self._max_bytes)
        await self._take(n_bytes)
        try:
            yield
        finally:
            self.n_bytes -= n_bytes
            self._hand_out()

    async def _take(self, n_bytes: int) -> None:
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((n_bytes, granted))
        self._hand_out()
        if granted.done():
            return
        try:
            with resting():
                async with asyncio.timeout(self._wait_s):
                    await granted
        except BaseException as error:
            if granted.done() and not granted.cancelled():  # granted at the last moment
                self.n_bytes -= n_bytes
            granted.cancel()
            self._hand_out()
            if isinstance(error, TimeoutError):
                raise BusyError("too many large answers are under way") from None
            raise

    def _hand_out(self) -> None:
        while self._waiting:
            n_bytes, granted = self._waiting[0]
            if not granted.done():
                if self.n_bytes + n_bytes > self._max_bytes:
                    return
                self.n_bytes += n_bytes
                granted.set_result(None)
            self._waiting.popleft()


def in_pieces(send: Send) -> Send:
    """Return a `send` that hands a large body on piece by piece.

    Each piece waits until the client has taken most of what was sent before, so that the end of
    the answer is the end of the memory it takes.
    """

    async def send_pieces(message: Message) -> None:
        body = message.get("body", b"")
        if message["type"] != "http.response.body" or len(body) <= _PIECE:
            await send(message)
            return
        view = memoryview(body)
        more = message.get("more_body", False)
        for at in range(0, len(view), _PIECE):
            piece = bytes(view[at : at + _PIECE])
            last = at + _PIECE >= len(view)
            await asyncio.sleep(0)  # a client that has left, or reads quickly, is not waited for
            await send({"type": message["type"], "body": piece, "more_body": more or not last})

    return send_pieces
