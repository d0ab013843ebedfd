"""How to upload, and what came of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from pyramidion.transfer._tree import ExtraFile

Progress = Callable[[int, int], None]
"""Called with the bytes that are safe in the store and in all; from any thread, often."""


@dataclass(frozen=True)
class UploadOptions:
    """How to upload.

    Parameters
    ----------
    n_connections : int
        Objects under way at once.
    bytes_in_flight : int
        Most bytes of objects that are in memory at once.
    retry_time_s : float
        Give up when nothing went through for so long.
    size_only : bool
        Take an object of the same size for the same object.
    delete : bool
        Remove the objects at the destination that are not in the dataset.
    overwrite : bool
        Replace another dataset at the destination.
    verify : bool
        Read everything back before it is published.
    dry_run : bool
        Only find out what would be sent.
    extra : sequence of ExtraFile
        Put beside the dataset.
    seed : int, optional
        Of the pauses between tries, to have the same ones again.
    stop : threading.Event, optional
        Set by another thread to end the upload; Ctrl-C reaches the main thread only.
    """

    n_connections: int = 16
    bytes_in_flight: int = 128 * 2**20
    retry_time_s: float = 300.0
    size_only: bool = False
    delete: bool = False
    overwrite: bool = False
    verify: bool = False
    dry_run: bool = False
    extra: Sequence[ExtraFile] = ()
    seed: int | None = None
    stop: threading.Event | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class UploadReport:
    """What an upload did.

    Parameters
    ----------
    destination : str
        URL of the dataset.
    dataset : str
        Its id.
    objects, sent, unchanged, deleted : int
        Objects in all, those that were sent (that would be, in a dry run), those that were there,
        and those that were removed.
    bytes_total, bytes_sent : int
        Sizes of all objects, and of those that were sent.
    bytes_again : int
        Bytes sent once more because a request had failed or arrived damaged.
    retries, damaged : int
        Requests that were repeated, and those of them because something had arrived damaged. What
        the client repeats by itself within the parts of one object is not counted.
    verified : int
        Objects that were read back and are right.
    seconds : float
        Wall time.
    dry_run : bool
        Nothing was changed.
    leftovers : int
        Multipart uploads of interrupted runs, which nobody would have finished, that were removed.
    notes : tuple of str
        What went wrong that does no harm to the dataset.
    """

    destination: str
    dataset: str
    objects: int
    sent: int
    unchanged: int
    deleted: int
    bytes_total: int
    bytes_sent: int
    bytes_again: int
    retries: int
    damaged: int
    verified: int
    seconds: float
    dry_run: bool
    leftovers: int = 0
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return asdict(self)
