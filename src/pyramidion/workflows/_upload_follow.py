"""Sending a recording while it is written."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from pyramidion.core import DataError
from pyramidion.storage import RemotePath
from pyramidion.transfer import LocalTree, Uploader, UploadOptions, UploadReport
from pyramidion.workflows._settled import FULL_S, Settled
from pyramidion.workflows._stream import Progress

_LOOK_S = 0.5


def follow(
    path: Path,
    look: Callable[[], LocalTree],
    destination: RemotePath,
    options: UploadOptions,
    manifest: Path,
    progress: Progress | None,
) -> tuple[UploadReport, LocalTree]:
    """Send the full shards of a recording until it has ended, then the rest and its metadata.

    Parameters
    ----------
    path : Path
        The recording.
    look : callable
        Returns its files as they are now.
    destination : RemotePath
        What the keys begin with.
    options : UploadOptions
        How.
    manifest : Path
        Where is kept what was sent.
    progress : callable, optional
        Told at the end, when it is known how much there is.

    Raises
    ------
    DataError
        If the recording was cut off.
    """
    settled = Settled(FULL_S)
    with Uploader(destination, options, manifest) as uploader:
        while _state(path) == "recording":
            for file in settled.among(look().files):
                uploader.send(file)
            uploader.check()  # it may be long until the next shard is full
            time.sleep(_LOOK_S)
        if _state(path) == "cut off":
            raise DataError(
                str(path), "was cut off", mend="run `pyramidion repair`, then upload it",
                id="PYR-UPL-10", good="what was sent is not sent again",
            )  # fmt: skip
        tree = look()
        return uploader.finish(tree, progress), tree


def _state(path: Path) -> str:
    from pyramidion.formats._recording.stored import own_attributes, state_of

    own = own_attributes(path)
    return "cut off" if own is None else state_of(path, own)
