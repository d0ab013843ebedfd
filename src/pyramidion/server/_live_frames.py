"""Pictures from a ring of frames, for many clients at once, beside an event loop that stays free.

A picture is copied and reduced in a thread, once for all who ask for the same part of the same
frame. Whoever waits for a new frame waits on one event, which one task rings.
"""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from pyramidion.kernels import compile_means, mean_blocks
from pyramidion.server._errors import FailedReadError
from pyramidion.server._live_query import FrameQuery
from pyramidion.storage import FrameRing

_N_THREADS = 2
_LOOK_S = 0.004  # adds 2 ms to the age of a frame that somebody waits for
_MOST_KEPT = 4  # pictures of the newest frame; at full size each is as large as a frame
_ONE_PIXEL = (slice(0, 1), slice(0, 1))


@dataclass(frozen=True)
class Stamp:
    """Which frame, and when it came.

    Parameters
    ----------
    number : int
        The camera's count.
    time_host : float
        Unix time in seconds.
    """

    number: int
    time_host: float

    @property
    def age_s(self) -> float:
        """Seconds since then."""
        return max(0.0, time.time() - self.time_host)


@dataclass(frozen=True)
class Picture:
    """Pixels of one frame, ready to be sent.

    Parameters
    ----------
    stamp : Stamp
        Of the frame that all of them are from.
    content : memoryview
        Bytes, little-endian.
    """

    stamp: Stamp
    content: memoryview


class LiveFrames:
    """The newest frame of a ring, as clients ask for it. To be used from one event loop.

    Parameters
    ----------
    ring : FrameRing
        Where the frames are.
    """

    def __init__(self, ring: FrameRing) -> None:
        self._ring = ring
        self._threads = ThreadPoolExecutor(_N_THREADS, thread_name_prefix="pyramidion-live")
        self._pictures: dict[tuple[int, ...], asyncio.Future[Picture]] = {}
        self._position = -1
        self._new = asyncio.Event()
        self._n_waiting = 0
        self._seen = 0
        self._watch: asyncio.Task[None] | None = None
        self._ended = False
        self._compiling: threading.Thread | None = None

    def newest(self) -> Stamp | None:
        """Return which frame is the newest; None before the first."""
        one = self._ring.latest(_ONE_PIXEL)
        return None if one is None else Stamp(one.number, one.time_host)

    async def wait(self, after: int | None, wait_s: float) -> None:
        """Wait until the newest frame is another one than the client has.

        Parameters
        ----------
        after : int or None
            Number of the frame that the client has; None if any will do.
        wait_s : float
            At most so long.
        """
        until = time.monotonic() + wait_s
        while not self._ended:
            pushed = self._ring.pushed
            newest = self.newest()
            left = until - time.monotonic()
            if (newest is not None and newest.number != after) or left <= 0:
                return
            await self._wait_for_push(pushed, left)

    async def picture(self, query: FrameQuery) -> Picture:
        """Return a part of the newest frame.

        Raises
        ------
        FailedReadError
            If frames come faster than they can be copied.
        """
        if query.scale > 1 and self._compiling is None:
            self._compile()
        position = self._ring.pushed
        if position != self._position:
            self._position = position
            self._pictures.clear()  # who waits for an older one still gets it
        made = self._pictures.get(query.picture)
        if made is None or (made.done() and (made.cancelled() or made.exception() is not None)):
            loop = asyncio.get_running_loop()
            made = loop.run_in_executor(self._threads, self._make, query)
            if len(self._pictures) >= _MOST_KEPT:
                del self._pictures[next(iter(self._pictures))]
            self._pictures[query.picture] = made
        return await asyncio.shield(made)

    def end(self) -> None:
        """Let nobody wait any longer: the server is about to end."""
        self._ended = True

    def close(self) -> None:
        """End, and wait for the pictures under way."""
        self.end()
        self._threads.shutdown(cancel_futures=True)
        self._pictures.clear()

    def _make(self, query: FrameQuery) -> Picture:
        def take(pixels: np.ndarray) -> np.ndarray:
            return pixels.copy() if query.scale == 1 else mean_blocks(pixels, query.scale)

        frame = self._ring.latest(query.region, take)
        if frame is None:
            mend = "ask for a region (x, y, w, h)"
            raise FailedReadError("frames come faster than they are read", None, mend, id="PYR-HTTP-19")  # fmt: skip
        return Picture(Stamp(frame.number, frame.time_host), _bytes_of(frame.pixels))

    def _compile(self) -> None:
        """Make means faster from some time on: nobody waits for that, and only viewers cause it."""
        self._compiling = threading.Thread(
            target=compile_means, args=(self._ring.dtype,), name="pyramidion-compile"
        )
        self._compiling.start()

    async def _wait_for_push(self, pushed: int, wait_s: float) -> None:
        """Wait until more than `pushed` frames have been pushed."""
        self._n_waiting += 1
        try:
            if self._watch is None:
                self._seen = pushed
                self._watch = asyncio.get_running_loop().create_task(self._look())
            async with asyncio.timeout(wait_s):
                await self._new.wait()
        except TimeoutError:
            pass
        finally:
            self._n_waiting -= 1

    async def _look(self) -> None:
        """Ring when a frame was pushed, while anybody waits."""
        while self._n_waiting and not self._ended:
            await asyncio.sleep(_LOOK_S)
            pushed = self._ring.pushed
            if pushed != self._seen:
                self._seen = pushed
                self._wake()
        self._watch = None
        self._wake()

    def _wake(self) -> None:
        self._new.set()
        self._new = asyncio.Event()


def _bytes_of(pixels: np.ndarray) -> memoryview:
    plain = np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("<"))
    return plain.reshape(-1).view(np.uint8).data
