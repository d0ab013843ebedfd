"""Another codec for a dataset, in place."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pyramidion.core import MissingError, StoppedError, UsageError
from pyramidion.storage import is_remote
from pyramidion.workflows._options import n_workers
from pyramidion.workflows._pool import in_order
from pyramidion.workflows._stream import Progress

KEPT = "what is done is kept, run again to go on"


@dataclass(frozen=True)
class CompressOptions:
    """How to compress.

    Parameters
    ----------
    codec : str
        ``zip``, ``zip:6``, ``lz4``, ``raw``...
    field : str, optional
        Only this field.
    time : int, optional
        Only this time step.
    workers : int
        Threads; 0 for one per core.
    """

    codec: str = "zip"
    field: str | None = None
    time: int | None = None
    workers: int = 0


@dataclass(frozen=True)
class CompressReport:
    """What was done.

    Parameters
    ----------
    dataset : Path
        What was compressed.
    codec : str
        The codec it has now.
    n_blocks, n_changed : int
        Blocks in all, and those that had another codec.
    bytes_before, bytes_after : int
        What the blocks take.
    seconds : float
        Wall time.
    """

    dataset: Path
    codec: str
    n_blocks: int
    n_changed: int
    bytes_before: int
    bytes_after: int
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {**asdict(self), "dataset": str(self.dataset)}


def compress(
    dataset: Path, options: CompressOptions, progress: Progress | None = None
) -> CompressReport:
    """Store the blocks of a dataset with another codec.

    At every moment the dataset holds each block in the old or in the new form; a run that was
    stopped is finished by running it again.

    Parameters
    ----------
    dataset : Path
        An .idx.
    options : CompressOptions
        How.
    progress : callable, optional
        Called with the decoded bytes that are done, and all.

    Raises
    ------
    UsageError
        If the codec is not known, or only a part is chosen of what has one codec.
    DamagedError
        If a block does not decode; it stays as it is.
    """
    check_is_idx(dataset)
    from pyramidion.formats._idx.blocks_out import BlockCodec
    from pyramidion.formats._idx.compress import compress_dataset

    began = time.monotonic()
    try:
        done = compress_dataset(
            dataset,
            BlockCodec.parse(options.codec, "--codec"),
            partial(in_order, workers=n_workers(options.workers)),
            field=options.field,
            time=options.time,
            progress=progress,
        )
    except KeyboardInterrupt as error:
        raise StoppedError("stopped", KEPT, id="PYR-ALL-27") from error
    return CompressReport(dataset, **vars(done), seconds=round(time.monotonic() - began, 3))


def check_is_idx(dataset: Path) -> None:
    """Refuse what is no IDX dataset by its name, or is not there.

    Raises
    ------
    UsageError
        If it is something else.
    MissingError
        If there is nothing of that name.
    """
    check_on_disk(dataset)
    if dataset.suffix.lower() != ".idx":
        if not dataset.exists():
            raise MissingError(str(dataset), "no such file", id="PYR-ALL-03")
        raise UsageError(
            str(dataset), "is not an IDX dataset", mend="name its .idx file", id="PYR-CMP-01"
        )


def check_on_disk(dataset: Path) -> None:
    """Refuse to change what lies in an object store: others may be reading it.

    Raises
    ------
    UsageError
        If it does.
    """
    if is_remote(dataset):
        raise UsageError(
            str(dataset),
            "a dataset in a store is not changed in place",
            mend="convert it to another URL (--compression), or copy it here first",
            id="PYR-UPL-21",
        )
