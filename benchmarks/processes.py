"""What Linux tells of processes: their CPU seconds, their names, their children."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def busy_seconds() -> float:
    """CPU seconds of the whole machine since it started."""
    user, nice, system, _, _, irq, soft_irq, *_ = map(
        int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    )
    return (user + nice + system + irq + soft_irq) / os.sysconf("SC_CLK_TCK")


def our_seconds() -> float:
    return sum(seconds_of(pid, with_ended=True) for pid in descendants(os.getpid()))


def fields_of(pid: int) -> list[str]:
    """What Linux tells of a process, from its state on; nothing if it has ended."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return ["", "0", *["0"] * 20]


def name_of(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text()
    return ""


def seconds_of(pid: int, *, with_ended: bool = False) -> float:
    """CPU seconds of a process; those of its children that have ended as well, if so asked."""
    fields = fields_of(pid)[11:15] if with_ended else fields_of(pid)[11:13]
    return sum(map(int, fields)) / os.sysconf("SC_CLK_TCK")


def descendants(root: int) -> list[int]:
    """A process and all that it started, and they."""
    parents = {
        int(each.name): int(fields_of(int(each.name))[1]) for each in Path("/proc").glob("[0-9]*")
    }
    found = [root]
    for one in found:
        found += [pid for pid, parent in parents.items() if parent == one]
    return found
