"""A window to begin with, from a few frames that are looked at while they pass."""

from __future__ import annotations

import numpy as np

from pyramidion.formats._ome.windows import windows

_MOST_FRAMES = 64
_ITEMS = 4096


class WindowSample:
    """Pixels of the first frame, the second, the fourth and so on; safe to use from many threads."""

    def __init__(self) -> None:
        self._taken: dict[int, np.ndarray] = {}

    def take(self, t: int, frames: np.ndarray) -> None:
        """Look at a run of frames.

        Parameters
        ----------
        t : int
            Place of the first.
        frames : ndarray, shape (k, h, w)
            Pixels.
        """
        for place in {0, 2 ** max(0, (t + len(frames) - 1).bit_length() - 1)}:
            if t <= place < t + len(frames) and len(self._taken) < _MOST_FRAMES:
                frame = frames[place - t]
                step = max(1, int((frame.size / _ITEMS) ** 0.5))
                sample = frame[::step, ::step].reshape(-1)
                self._taken[place] = (
                    sample[np.isfinite(sample)] if sample.dtype.kind == "f" else sample.copy()
                )

    def window(self) -> dict[str, float] | None:
        """Return ``min``, ``max``, ``start`` and ``end``; None where there is nothing to tell."""
        taken = [sample for sample in list(self._taken.values()) if sample.size]
        if not taken:
            return None
        values = np.concatenate(taken)
        limits = [values.min().item(), values.max().item()]
        return windows([{"channel": 0, "limits": limits, "sample": values.tolist()}])[0]
