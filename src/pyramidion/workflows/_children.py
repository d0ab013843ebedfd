"""Processes that belong to a recording: they start without noticing Ctrl-C, and end with it."""

from __future__ import annotations

import os
import signal
import threading
import time
from multiprocessing import parent_process
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess

_AFTER_PARENT_S = 2.0


def start_child(process: BaseProcess) -> None:
    """Start a process that Ctrl-C does not reach, from its first moment on.

    A terminal sends the signal to all processes at once; only the one that was started by the user
    shall act on it.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        process.start()
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def die_with_parent() -> None:
    """End this process soon after its parent has ended, however that ended."""
    parent = parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        time.sleep(_AFTER_PARENT_S)
        os._exit(1)

    threading.Thread(target=watch, name="parent", daemon=True).start()
