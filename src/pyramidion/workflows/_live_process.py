"""Starting the live server, and starting it again when it died."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from pyramidion.core import PyramidionError, StorageError
from pyramidion.workflows._children import start_child

ServeLive = Callable[[str, Path | None, Connection], None]
"""``serve(ring_name, store, connection)``: be the live server; send the URL, or the error."""

_START_S = 30.0
_STOP_S = 3.0
_MOST_STARTS = 5


class LiveProcess:
    """The live server beside a recording, in a process of its own.

    Parameters
    ----------
    serve : callable
        See :data:`ServeLive`; it can be sent to another process.
    ring_name : str
        Where the frames are.
    store : Path, optional
        What is being recorded.

    Attributes
    ----------
    url : str
        Where it answers.

    Raises
    ------
    PyramidionError
        If it cannot start (port in use).
    """

    def __init__(self, serve: ServeLive, ring_name: str, store: Path | None) -> None:
        self._what = (serve, ring_name, store)
        self._n_starts = 0
        self.url = self._start()

    def keep(self) -> None:
        """Start it again if it died; a recording does not depend on it."""
        if self._process.is_alive() or self._n_starts >= _MOST_STARTS:
            return
        try:
            self.url = self._start()
        except PyramidionError:
            self._n_starts = _MOST_STARTS

    def stop(self) -> None:
        """End it; safe to call twice."""
        self._process.terminate()
        self._process.join(_STOP_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def _start(self) -> str:
        self._n_starts += 1
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe(duplex=False)
        serve, ring_name, store = self._what
        self._process: BaseProcess = context.Process(
            target=serve, args=(ring_name, store, theirs), name="pyramidion live", daemon=True
        )
        start_child(self._process)
        theirs.close()
        with ours:
            try:
                answer = ours.recv() if ours.poll(_START_S) else None
            except (EOFError, OSError):
                answer = None
        if isinstance(answer, str):
            return answer
        self.stop()
        if isinstance(answer, PyramidionError):
            raise answer
        raise StorageError("live server", "did not start", mend="use --no-live", id="PYR-SRV-01")
