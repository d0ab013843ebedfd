"""What the store says of itself while it grows: the documents of its arrays, replaced whole.

The order is what makes a recording right at every moment: what is beside the pixels comes first,
then coarser levels, then level 0, so that whatever frame level 0 has, all others have.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pyramidion.formats._recording.durable import replace_documents, sync_folder
from pyramidion.formats._recording.metadata import (
    LOST,
    SIDE_DTYPES,
    level_metadata,
    side_metadata,
    to_bytes,
)
from pyramidion.shards import ArrayLayout

DOCUMENT = "zarr.json"


class Shapes:
    """The documents of a store's arrays, as far as they tell how many frames there are.

    Parameters
    ----------
    store : Path
        The root.
    paths : sequence of str
        Of the levels, level 0 first.
    layouts : sequence of ArrayLayout
        Of the levels.
    with_sides : bool
        The arrays beside the pixels as well.
    """

    def __init__(
        self,
        store: Path,
        paths: tuple[str, ...],
        layouts: tuple[ArrayLayout, ...],
        *,
        with_sides: bool = True,
    ) -> None:
        self._store = store
        self._levels = dict(zip(paths, layouts, strict=True))
        self._with_sides = with_sides
        self._told_lost = -1

    def advance(self, n_frames: int, n_lost: int, synced: int) -> None:
        """Tell that there are so many frames and so many runs of lost ones.

        All documents are on the disk before the first of them takes its name.
        """
        documents: dict[str, dict[str, Any]] = {}  # in the order in which they are told
        if self._with_sides:
            if n_lost != self._told_lost:
                documents[LOST] = side_metadata(LOST, n_lost)
            documents |= {name: side_metadata(name, n_frames) for name in SIDE_DTYPES}
        for key, layout in reversed(self._levels.items()):
            documents[key] = level_metadata(layout, n_frames, "recording", synced)
        replace_documents({self._store / k / DOCUMENT: to_bytes(d) for k, d in documents.items()})
        self._told_lost = n_lost

    def sync(self) -> None:
        """Have the names of the documents reach the disk."""
        sides = (LOST, *SIDE_DTYPES) if self._with_sides else ()
        for key in (*sides, *self._levels):
            sync_folder(self._store / key)
