"""Processes that share memory with their parent end with it."""

from __future__ import annotations

import os
import threading
import time
from multiprocessing import parent_process
from multiprocessing.connection import wait


def end_with_parent(after_s: float = 0.0) -> None:
    """End this process when its parent has ended, however that ended.

    Parameters
    ----------
    after_s : float
        Seconds that it still has to end by itself.
    """
    parent = parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        time.sleep(after_s)
        os._exit(1)

    threading.Thread(target=watch, name="pyramidion-parent", daemon=True).start()
