"""Starting the live server, and starting it again when it died."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from pyramidion.core import PyramidionError, StorageError
from pyramidion.storage import FrameRing
from pyramidion.workflows._children import start_child
from pyramidion.workflows._signals import undisturbed

ServeLive = Callable[[str, Path | None, Connection], None]
"""``serve(ring_name, store, connection)``: be the live server; send the URL, or the error."""

_START_S = 30.0
_HANGS_S = 5.0
_STOP_S = 3.0
_MOST_STARTS = 5


class LiveProcess:
    """The live server beside a recording, in a process of its own.

    Parameters
    ----------
    serve : callable
        See :data:`ServeLive`; it can be sent to another process.
    ring : FrameRing
        Where the frames are, and where the server tells that it is well.
    store : Path, optional
        What is being recorded.

    Attributes
    ----------
    url : str
        Where it answers.
    is_given_up : bool
        It died too often and is not started any more.

    Raises
    ------
    PyramidionError
        If it cannot start (port in use).
    """

    def __init__(self, serve: ServeLive, ring: FrameRing, store: Path | None) -> None:
        self._serve, self._ring, self._store = serve, ring, store
        self._n_starts = 0
        self.is_given_up = False
        with undisturbed():
            self._begin()
        answer = self._answer(_START_S)
        if not isinstance(answer, str):
            self.stop()
            raise answer or _did_not_start()
        self.url = answer

    def keep(self) -> None:
        """Start it again if it died or hangs; waits for nothing."""
        if self.is_given_up:
            return
        hangs = _HANGS_S < self._ring.live_silent_s < float("inf")
        started = time.monotonic() - self._began < _START_S
        if self._process.is_alive() and (started or not hangs):
            return
        self.stop()
        self.is_given_up = self._n_starts >= _MOST_STARTS
        if not self.is_given_up:
            with undisturbed():  # a process that is begun can also be ended
                self._begin()

    def stop(self) -> None:
        """End it; safe to call twice."""
        if self._ring.live_silent_s > _HANGS_S:
            self._process.kill()
        self._process.terminate()
        self._process.join(_STOP_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._pipe.close()

    def _begin(self) -> None:
        self._n_starts += 1
        self._began = time.monotonic()
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe(duplex=False)
        self._process: BaseProcess = context.Process(
            target=self._serve,
            args=(self._ring.name, self._store, theirs),
            name="pyramidion live",
            daemon=True,
        )
        start_child(self._process)
        theirs.close()

    def _answer(self, timeout_s: float) -> str | PyramidionError | None:
        try:
            answer: str | PyramidionError | None
            answer = self._pipe.recv() if self._pipe.poll(timeout_s) else None
        except (EOFError, OSError):
            return None
        return answer


def _did_not_start() -> StorageError:
    return StorageError("live server", "did not start", mend="use --no-live", id="PYR-SRV-01")
