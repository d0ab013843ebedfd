"""What every writer of recordings does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from pyramidion.core import Lost, Stamps


class FrameWriter(Protocol):
    """A recording under way.

    Attributes
    ----------
    first : int
        Frames that are there already.
    """

    first: int

    def write(self, t: int, frames: np.ndarray, stamps: Stamps) -> None:
        """Write a run of frames; many threads may do so at once, and runs come in any order.

        Parameters
        ----------
        t : int
            Place of the first in the store.
        frames : ndarray, shape (k, h, w)
            Pixels.
        stamps : Stamps
            Their numbers and times.

        Raises
        ------
        DataError
            If shape or type is not the camera's.
        StorageError
            If the disk is full or fails; from then on, every further run is refused likewise.
        """

    def lose(self, lost: Sequence[Lost]) -> None:
        """Note frames that were taken and are not stored."""

    def publish(self) -> int:
        """Let readers see what is there, at most ten times a second.

        Returns
        -------
        int
            Frames that readers see: all up to the first that is missing.
        """

    def sync(self) -> int:
        """Have everything reach the disk, and let readers see it.

        Returns
        -------
        int
            Frames that survive a power cut.
        """

    def account(self, n_camera: int) -> list[Lost]:
        """Note as ``unknown`` what is neither stored nor lost; after the last frame was written.

        Parameters
        ----------
        n_camera : int
            Frames that the camera took, this time.

        Returns
        -------
        list of Lost
            What was noted; empty, and found at once, where everything is accounted for.
        """

    def finish(self, summary: Mapping[str, Any]) -> None:
        """End the recording.

        Parameters
        ----------
        summary : mapping
            What is to be kept with it (JSON values). ``frames_camera`` counts from 0, as the camera
            does; the counts that are kept are those of the whole recording.
        """

    def abandon(self) -> None:
        """Let go and leave everything as it is, as after a kill; safe after ``finish``."""

    @property
    def n_bytes(self) -> int:
        """Bytes on the disk so far."""
