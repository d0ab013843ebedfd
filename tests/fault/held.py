"""The program, held back: it converts or generates some parts and waits before the next one.

``python -m tests.fault.held N convert ...`` does its first N parts. So it can be killed or stopped on
its way, however late that comes; after two minutes it goes on.
"""

import sys
import time

from pyramidion.cli import main
from pyramidion.workflows import _stream

_in_order = _stream.in_order
_N_PARTS = int(sys.argv.pop(1))
_until = time.monotonic() + 120


def _held(work, tasks, workers, stop):
    def do(task):
        while task >= _N_PARTS and not stop.is_set() and time.monotonic() < _until:
            time.sleep(0.01)
        return work(task)

    return _in_order(do, tasks, workers, stop)


if __name__ == "__main__":
    _stream.in_order = _held
    sys.exit(main())
