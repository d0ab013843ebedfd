"""The one loop: from a source to a sink, tasks in parallel, results in order, memory bounded.

Generating, converting and cropping are this loop with another source or another sink.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from pyramidion.core import Box, Source
from pyramidion.formats import Sink
from pyramidion.workflows._ending import aborting
from pyramidion.workflows._pool import in_order

Progress = Callable[[int, int], None]
"""Called with the bytes read so far and in all; from any thread, often: it must be cheap."""


@dataclass(frozen=True)
class StreamReport:
    """What a run did.

    Parameters
    ----------
    tasks, resumed : int
        Parts in all, and those that an earlier run had finished.
    bytes_read : int
        Decoded bytes read from the source.
    seconds : float
        Wall time.
    """

    tasks: int
    resumed: int
    bytes_read: int
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return asdict(self)


class _StopError(Exception):
    """Raised in workers when the run is over for another reason."""


def stream(
    source: Source, sink: Sink, *, workers: int = 2, progress: Progress | None = None
) -> StreamReport:
    """Move everything from a source to a sink, and publish it.

    Parameters
    ----------
    source : Source
        Read box by box from several threads.
    sink : Sink
        Its tasks are worked on in parallel and accepted in order.
    workers : int
        Threads. At most twice as many tasks are under way or waiting, which bounds the memory.
    progress : callable, optional
        Told how many bytes were read.

    Returns
    -------
    StreamReport

    Raises
    ------
    PyramidionError
        Whatever failed first; its ``good`` says what is kept.
    StoppedError
        After Ctrl-C or SIGTERM.
    """
    began = time.monotonic()
    meter = _Meter(source, sink, progress)
    with aborting(sink):
        for task, result in in_order(
            lambda task: sink.work(task, meter.read), range(len(sink.tasks)), workers, meter.stop
        ):
            sink.accept(task, result)
        sink.commit()
    return StreamReport(
        len(sink.tasks), meter.n_resumed, meter.n_read, round(time.monotonic() - began, 3)
    )


class _Meter:
    """Count what is read, and stop the readers when the run is over."""

    def __init__(self, source: Source, sink: Sink, progress: Progress | None) -> None:
        self._source, self._progress = source, progress
        self._itemsize = source.spec.dtype.itemsize
        self._lock = threading.Lock()
        self.stop = threading.Event()
        done = [box for task, box in enumerate(sink.tasks) if sink.is_done(task)]
        self.n_resumed, self.n_read = len(done), 0
        self._n_kept = sum(box.size for box in done) * self._itemsize
        self._total = sum(box.size for box in sink.tasks) * self._itemsize

    def read(self, box: Box) -> np.ndarray:
        if self.stop.is_set():
            raise _StopError
        values = self._source.read(box)
        with self._lock:
            self.n_read += box.size * self._itemsize
        if self._progress is not None:
            self._progress(self._n_kept + self.n_read, self._total)
        return values
