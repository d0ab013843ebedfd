"""Beginning a waveform store: the staged folder, and the plan that a resumed run must share."""

from __future__ import annotations

from pathlib import Path

from pyramidion.formats._format import WriteOptions
from pyramidion.formats._waveform.ownership import is_own_store
from pyramidion.shards import Codec
from pyramidion.storage import StagedFolder


def stage_store(path: Path, options: WriteOptions, zarr_format: int, codec: Codec) -> StagedFolder:
    """Begin or resume a store.

    Parameters
    ----------
    path : Path
        The store.
    options : WriteOptions
        Overwrite, resume, and the fingerprint of the source.
    zarr_format : int
        2 or 3.
    codec : Codec
        As parsed, so that a default and the same codec by name are one plan.
    """
    plan = {
        "source": options.source_id,
        "zarr_format": zarr_format,
        "codec": f"{codec.name}:{codec.level}",
    }
    return StagedFolder(
        path, plan, resume=options.resume, overwrite=options.overwrite, owns=is_own_store
    )
