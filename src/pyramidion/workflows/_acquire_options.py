"""What a recording is asked to be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from pyramidion.formats import RecordingOptions


@dataclass(frozen=True)
class AcquireOptions:
    """What a recording is asked to be.

    Parameters
    ----------
    settings : tuple of (str, str)
        Properties of the camera to set: name and value as typed.
    frames : int, optional
        Frames to store; None for no limit.
    duration_s : float, optional
        Seconds after the first frame; None for no limit.
    recording : RecordingOptions
        How the store is cut and encoded.
    ring_bytes : int
        Memory for frames between camera and disk; 0 for a second of them, at most 1 GiB.
    buffers : int
        Frames that the camera's driver holds; 0 for half a second of them.
    when_full : str
        What a full ring does: ``drop`` counts what is lost and goes on, ``stop`` ends the recording.
    timeout_s : float
        Longest time without a frame, beyond the exposure; 0 waits for ever.
    reserve_bytes : int, optional
        Free space at which the recording ends; None for the smaller of 1 GiB and a hundredth of the
        disk.
    allow_drops : bool
        Lost frames are no fault.
    force : bool
        Begin although it cannot fit.
    workers : int
        Threads that encode and write; 0 for one per core.
    """

    settings: tuple[tuple[str, str], ...] = ()
    frames: int | None = None
    duration_s: float | None = None
    recording: RecordingOptions = field(default_factory=RecordingOptions)
    ring_bytes: int = 0
    buffers: int = 0
    when_full: Literal["drop", "stop"] = "drop"
    timeout_s: float = 5.0
    reserve_bytes: int | None = None
    allow_drops: bool = False
    force: bool = False
    workers: int = 0
