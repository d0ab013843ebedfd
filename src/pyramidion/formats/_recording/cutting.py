"""Frames cut into chunks of one frame each.

Strips of whole rows are where they lie; only a strip that is cut by the lower edge is copied, to be
filled up with zeros. Tiles are copied, into memory that every thread keeps for itself.
"""

from __future__ import annotations

import math
import threading

import numpy as np

from pyramidion.formats._recording.level import Column
from pyramidion.shards import ArrayLayout


class Cutter:
    """Cuts one column of frames.

    Parameters
    ----------
    layout : ArrayLayout
        Geometry of the level.
    column : Column
        Which part of the frames.
    """

    def __init__(self, layout: ArrayLayout, column: Column) -> None:
        self._column = column
        self._y, self._x = layout.chunk[1:]
        self._width = layout.shape[2]
        self._dtype = layout.dtype
        self._kept = threading.local()
        self.is_strips = self._x == self._width

    def cut(self, frames: np.ndarray) -> list[np.ndarray]:
        """Return the chunks, frame by frame, in C order.

        Parameters
        ----------
        frames : ndarray, shape (k, h, w)
            C-contiguous; whole frames.

        Returns
        -------
        list of ndarray, shape (y * x,)
            Contiguous; right until the thread cuts again.
        """
        if self.is_strips:
            return self._strips(frames)
        tiles = self.tiles(frames, by_frame=True)
        return list(tiles.reshape(-1, self._y * self._x))

    def tiles(self, frames: np.ndarray, *, by_frame: bool) -> np.ndarray:
        """Return copies of the chunks, filled up with zeros where they leave the frame.

        Returns
        -------
        ndarray, shape (k, n_y, n_x, y, x), or (n_y, n_x, k, y, x) if not `by_frame`
        """
        column, k = self._column, len(frames)
        size = (k, column.n_y, column.n_x, self._y, self._x)
        shape = size if by_frame else (*size[1:3], k, *size[3:])
        out = self._scratch(math.prod(shape)).reshape(shape)
        part = frames[:, column.rows, column.columns]
        for y in range(column.n_y):
            rows = part[:, y * self._y : (y + 1) * self._y]
            for x in range(column.n_x):
                piece = rows[:, :, x * self._x : (x + 1) * self._x]
                tile = out[:, y, x] if by_frame else out[y, x]
                _, h, w = piece.shape
                tile[:, :h, :w] = piece
                tile[:, h:] = 0
                tile[:, :, w:] = 0
        return out

    def _strips(self, frames: np.ndarray) -> list[np.ndarray]:
        column, k = self._column, len(frames)
        flat = frames.reshape(-1)
        n_frame, n_chunk = flat.size // k, self._y * self._width
        first, last = column.rows.start * self._width, column.rows.stop * self._width
        is_whole = (last - first) % n_chunk == 0
        cut = self._scratch(0 if is_whole else k * n_chunk)
        chunks = []
        for n in range(k):
            for a in range(n * n_frame + first, n * n_frame + last, n_chunk):
                b = min(a + n_chunk, n * n_frame + last)
                chunk = flat[a:b]
                if b - a < n_chunk:
                    chunk = cut[n * n_chunk : (n + 1) * n_chunk]
                    chunk[: b - a] = flat[a:b]
                    chunk[b - a :] = 0
                chunks.append(chunk)
        return chunks

    def _scratch(self, n_items: int) -> np.ndarray:
        """Return memory of this thread; kept, because new memory costs as much as a copy."""
        kept: np.ndarray | None = getattr(self._kept, "items", None)
        if kept is None or kept.size < n_items:
            kept = self._kept.items = np.empty(n_items, self._dtype)
        return kept[:n_items]
