"""How a recording is to be stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Cut = tuple[int | None, int | None, int | None]


@dataclass(frozen=True)
class RecordingOptions:
    """How a recording is to be stored.

    Parameters
    ----------
    chunk : tuple of (int or None)
        Frames, rows and columns of a chunk; None is chosen.
    shard : tuple of (int or None)
        Chunks of a shard along t, y and x; None is chosen.
    compression : str
        ``none``, ``blosc-lz4`` or ``blosc-zstd`` (also ``raw``, ``lz4``, ``zstd``), with ``:LEVEL``.
    levels : str
        What coarser levels hold: ``mean``, ``min`` or ``max``; empty for none.
    levels_when : str
        Whether they are made while recording or after its end.
    names : str
        ``levels``: arrays ``0``, ``1``...; ``frames``: ``frames``, or ``frames/0``, ``frames/1``...
    writer : str
        ``pyramidion`` or ``acquire-zarr``.
    overwrite : bool
        Replace a recording that is there.
    resume : bool
        Go on at the end of a recording that is there.
    """

    chunk: Cut = (None, None, None)
    shard: Cut = (None, None, None)
    compression: str = "blosc-lz4:1"
    levels: Literal["", "mean", "min", "max"] = ""
    levels_when: Literal["recording", "end"] = "recording"
    names: Literal["levels", "frames"] = "levels"
    writer: Literal["pyramidion", "acquire-zarr"] = "pyramidion"
    overwrite: bool = False
    resume: bool = False
