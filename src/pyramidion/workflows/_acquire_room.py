"""Room on the disk for a recording: before it begins, and while it grows."""

from __future__ import annotations

import shutil
from pathlib import Path

from pyramidion.core import StorageError, format_bytes
from pyramidion.formats import RecordingPlan
from pyramidion.storage import free_bytes
from pyramidion.workflows._acquire_options import AcquireOptions

_LARGEST_RESERVE = 2**30
_SHARE = 100
_COMPRESSED_SHARE = 0.4  # noisy frames do not get smaller than that


class Room:
    """The disk that a recording goes to.

    Parameters
    ----------
    out : Path
        The store.
    options : AcquireOptions
        What shall stay free, and how many frames are asked for.
    """

    def __init__(self, out: Path, options: AcquireOptions) -> None:
        self._out, self._options = out, options
        self._reserve = _reserve(out) if options.reserve_bytes is None else options.reserve_bytes

    def check(self, plan: RecordingPlan) -> None:
        """Refuse what cannot fit, before anything is created.

        Raises
        ------
        StorageError
            If the frames that are asked for need more than is free; without a number, one frame.
        """
        free = max(0, free_bytes(self._out) - self._reserve)
        share = 1.0 if plan.levels[0].codec.name == "none" else _COMPRESSED_SHARE
        frames = (self._options.frames or 1) * plan.frame_bytes_on_disk
        needed = int(frames * share) + plan.reserve_bytes
        if needed > free and not self._options.force:
            raise StorageError(
                str(self._out), f"needs {format_bytes(needed)}, {format_bytes(free)} free",
                mend="free space or use --force", id="PYR-ALL-11",
            )  # fmt: skip

    def fault(self) -> StorageError | None:
        """Return why a recording has to end, when the reserve is reached."""
        free = free_bytes(self._out)
        if free >= self._reserve:
            return None
        return StorageError(
            str(self._out), "disk full", f"{format_bytes(free)} free",
            "free space, then go on with --resume", id="PYR-ALL-12",
        )  # fmt: skip


def _reserve(out: Path) -> int:
    """Return what stays free for others: a hundredth of the disk, at most 1 GiB."""
    probe = out.absolute()
    while not probe.exists():
        probe = probe.parent
    return min(_LARGEST_RESERVE, shutil.disk_usage(probe).total // _SHARE)
