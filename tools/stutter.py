"""Run a command on a machine that stutters, to find what only works when nothing stands still.

    python tools/stutter.py --longest 0.8 -- python -m pytest -m "browser or slow" -n 3

All the time, one of the processes that the command has started (a test, a server, a browser, a
camera) stands still for a moment, as when a host has something else to do. Linux only.
"""

import argparse
import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path


def descendants(root: int) -> dict[int, str]:
    """Return the processes that a process has started, and they in turn, with their state."""
    children: dict[int, list[tuple[int, str]]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
            children.setdefault(int(parent), []).append((int(stat.parent.name), state))
    found, waiting = {}, [root]
    while waiting:
        for pid, state in children.get(waiting.pop(), []):
            found[pid] = state
            waiting.append(pid)
    return found


def pause_one(root: int, longest_s: float, chance: random.Random) -> None:
    """Have one process stand still; rather one that is running than one that waits."""
    states = descendants(root)
    running = [pid for pid, state in states.items() if state == "R"]
    waiting = [pid for pid, state in states.items() if state in "SD"]  # not those stopped by a test
    among = running if running and chance.random() < 0.6 else running + waiting
    if among:
        pid = chance.choice(among)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
            time.sleep(chance.uniform(0.05, longest_s))
            os.kill(pid, signal.SIGCONT)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--longest", type=float, default=0.8, help="seconds that one stands still")
    parser.add_argument("--rest", type=float, default=0.6, help="seconds between two at most")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("command", nargs="+")
    asked = parser.parse_args()
    chance = random.Random(asked.seed)
    with subprocess.Popen(asked.command) as process:
        while process.poll() is None:
            pause_one(os.getpid(), asked.longest, chance)
            time.sleep(chance.uniform(0.05, asked.rest))
    return process.returncode


if __name__ == "__main__":
    sys.exit(main())
