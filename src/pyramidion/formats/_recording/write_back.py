"""Frames on their way to the disk from the moment they are written, and out of memory once there.

Left alone, the system keeps gigabytes of them in memory, and whoever syncs waits for all at once;
and every page of every frame is a new one, taken from what other programs have in use. So the disk is
set to work early, and what it has is given back. Nothing depends on either: these are hints, given
by a thread of their own, because they wait where the disk is slow. They never wait for what is being
written, since that takes the news of a failure away from the sync that must hear it.
"""

from __future__ import annotations

import collections
import queue
import threading
import weakref

from pyramidion.formats._recording.durable import HAS_HINTS
from pyramidion.formats._recording.shard_file import ShardFile

_RUN_BYTES = 2**23
"""A hint is given for so much at least."""

_KEPT_BYTES = 2**28
"""So much of what was written last stays in memory, for those who look at what comes."""


class WriteBack:
    """Gives hints for shards under way; safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begun: weakref.WeakKeyDictionary[ShardFile, tuple[int, int, int]] = (
            weakref.WeakKeyDictionary()
        )
        self._runs: queue.SimpleQueue[tuple[ShardFile, int, int] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._is_stopped = False

    def wrote(self, file: ShardFile, first: int, n_bytes: int) -> None:
        """Take note of bytes that were written; returns at once.

        Parameters
        ----------
        file : ShardFile
            Where.
        first, n_bytes : int
            Offset and length.
        """
        if not HAS_HINTS or self._is_stopped:
            return
        with self._lock:
            low, high, n_before = self._begun.pop(file, (first, first, 0))
            low, high = min(low, first), max(high, first + n_bytes)
            if n_before + n_bytes < _RUN_BYTES:
                self._begun[file] = low, high, n_before + n_bytes
                return
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, daemon=True)
                self._thread.start()
        self._runs.put((file, low, high - low))

    def stop(self) -> None:
        """Give no more hints; safe to call twice."""
        with self._lock:
            self._is_stopped = True
            thread, self._thread = self._thread, None
        if thread is not None:
            self._runs.put(None)
            thread.join()

    def _run(self) -> None:
        written: collections.deque[tuple[ShardFile, int, int]] = collections.deque()
        n_kept = 0
        while (run := self._runs.get()) is not None and not self._is_stopped:
            file, first, n_bytes = run
            file.start_writing(first, n_bytes)
            written.append(run)
            n_kept += n_bytes
            while n_kept > _KEPT_BYTES:
                file, first, n_bytes = written.popleft()
                file.forget(first, n_bytes)
                n_kept -= n_bytes
