"""Writing one shard: chunks in order, then the index, then the name.

Whole shards only. A shard is written under a temporary name and renamed, so that a shard that is
there is complete; nothing is ever read back and rewritten.
"""

from __future__ import annotations

import numpy as np

from pyramidion.shards._index import ABSENT, encode_index
from pyramidion.shards._layout import ArrayLayout
from pyramidion.storage import Folder


class ShardWriter:
    """One shard under way; not shared between threads.

    Parameters
    ----------
    folder : Folder
        The array's folder.
    layout : ArrayLayout
        Geometry of the array.
    shard : tuple of int
        Which shard.
    """

    def __init__(self, folder: Folder, layout: ArrayLayout, shard: tuple[int, ...]) -> None:
        self._layout = layout
        self._staged = folder.stage(layout.key(shard))
        self._index = np.full((layout.n_chunks_per_shard, 2), ABSENT, np.uint64)

    def put(self, number: int, values: np.ndarray) -> None:
        """Encode and append one inner chunk.

        Parameters
        ----------
        number : int
            Position in the shard's index. Readers gain when chunks are put in rising order.
        values : ndarray
            The chunk, or less at the array's edge; the rest is filled with zeros.
        """
        chunk = values
        if values.shape != self._layout.chunk:
            chunk = np.zeros(self._layout.chunk, self._layout.dtype)
            chunk[tuple(slice(n) for n in values.shape)] = values
        data = self._layout.codec.encode(np.ascontiguousarray(chunk, self._layout.dtype))
        self._index[number] = self._staged.append(data), len(data)

    def commit(self) -> int:
        """Append the index and give the shard its name.

        Returns
        -------
        int
            Bytes of the shard.
        """
        self._staged.append(encode_index(self._index))
        self._staged.commit()
        return self._staged.size

    def discard(self) -> None:
        """Remove what was written; safe after ``commit``."""
        self._staged.discard()
