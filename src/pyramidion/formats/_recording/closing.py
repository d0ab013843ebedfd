"""The end of a recording: every shard gets its last index, and the documents say so.

Needs nothing but the store itself, so that a recording that was cut off is closed just as one that
ended well. Everything here can be done twice, and be killed between any two steps.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pyramidion.formats._recording.durable import replace_document, sync_data, sync_folder
from pyramidion.formats._recording.encoder import encode_shard
from pyramidion.formats._recording.metadata import (
    frames_metadata,
    level_metadata,
    root_metadata,
    to_bytes,
)
from pyramidion.formats._recording.shapes import DOCUMENT
from pyramidion.formats._recording.shard_file import append_index, read_start_index
from pyramidion.formats._waveform.attributes import plain
from pyramidion.shards import ArrayLayout


def close_level(folder: Path, layout: ArrayLayout, n_frames: int, *, encode: bool = True) -> int:
    """Give every shard of a level its last index, then say in its document that it has one.

    Parameters
    ----------
    folder : Path
        The array's folder.
    layout : ArrayLayout
        Its geometry.
    n_frames : int
        Frames that are there.
    encode : bool
        Encode the shards that are still raw. Where that fails they stay: they are valid.

    Returns
    -------
    int
        By how many bytes the level has grown.

    Raises
    ------
    OSError
        If the disk is full or fails, or a shard is missing.
    """
    grown = 0
    n_t, depth = layout.shard[0], layout.chunk[0]
    grid = [-(-n // s) for n, s in zip((n_frames, *layout.shape[1:]), layout.shard, strict=True)]
    per_row = layout.n_chunks_per_shard // layout.chunks_per_shard[0]
    for place in itertools.product(*map(range, grid)):
        path = folder / layout.key(place)
        n_here = min(n_t, n_frames - place[0] * n_t)
        if encode and depth > 1:
            with contextlib.suppress(OSError):
                grown += encode_shard(path, layout, n_frames=n_here)
        n_entries = -(-n_here // depth) * per_row
        grown += _close_shard(path, layout, n_entries)
    replace_document(folder / DOCUMENT, to_bytes(level_metadata(layout, n_frames, "finished")))
    return grown


def _close_shard(path: Path, layout: ArrayLayout, n_entries: int) -> int:
    fd = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
    try:
        entries = read_start_index(fd, layout.n_chunks_per_shard)
        appended = append_index(fd, entries, n_entries)
        if appended:
            sync_data(fd)
            sync_folder(path.parent)
        return appended
    finally:
        os.close(fd)


def write_root(
    store: Path,
    own: Mapping[str, Any],
    n_levels: int,
    window: Mapping[str, float] | None = None,
) -> None:
    """Replace the documents of the groups.

    Parameters
    ----------
    store : Path
        The root.
    own : mapping
        What the root says of the recording.
    n_levels : int
        Levels that are there.
    window : mapping, optional
        What is shown.
    """
    own = plain(own)
    if any(level["path"].startswith("frames/") for level in own["plan"]["levels"]):
        document = frames_metadata(own, n_levels, window)
        replace_document(store / "frames" / DOCUMENT, to_bytes(document))
    replace_document(store / DOCUMENT, to_bytes(root_metadata(own, n_levels, window)))
