"""What of a recording is there when its writer begins."""

from __future__ import annotations

from typing import Any, NamedTuple


class Kept(NamedTuple):
    """What of a recording is there when its writer begins.

    Parameters
    ----------
    own : dict
        What the root says of the recording (JSON values).
    n_frames : int
        Frames.
    n_lost : int
        Runs of lost frames.
    first_number : int
        Number of the camera's next frame.
    """

    own: dict[str, Any]
    n_frames: int = 0
    n_lost: int = 0
    first_number: int = 0
