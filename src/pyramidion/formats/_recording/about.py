"""What a recording is, for people."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from pyramidion.core import Lost
from pyramidion.formats._recording.stored import StoredRecording, state_of

_PAUSE_S, _PAUSE_STEPS = 1.0, 10


def describe_recording(path: Path) -> dict[str, Any]:
    """Return camera, state, frames stored and lost, times (JSON values).

    Raises
    ------
    DataError
        If it is no recording, or an array beside the pixels cannot be read.
    """
    with StoredRecording(path) as stored:
        own, n_frames = stored.own, stored.n_frames
        times = stored.values("time_host")[:n_frames] if n_frames else np.empty(0)
        lost = stored.lost()
    known = times[np.isfinite(times)]
    span = float(known[-1] - known[0]) if len(known) else 0.0
    return {
        "camera": str(own.get("camera") or ""),
        "state": state_of(path, own),
        "frames_stored": n_frames,
        "frames_lost": sum(run.n_frames for run in lost),
        "lost_by_reason": by_reason(lost),
        "started": float(known[0]) if len(known) else own.get("started"),
        "seconds": span,
        "frames_per_second": _rate(known),
        "properties": own.get("properties") or {},
    }


def _rate(times: np.ndarray) -> float | None:
    """Return frames a second, without the pauses between a recording and its resumption."""
    steps = np.diff(times)
    steps = (
        steps[steps <= max(_PAUSE_S, _PAUSE_STEPS * float(steps.mean()))] if len(steps) else steps
    )
    moving = float(steps.sum())
    return len(steps) / moving if moving > 0 else None


def by_reason(lost: Iterable[Lost]) -> dict[str, int]:
    """Return how many frames were lost for which reason, where any were."""
    counts: dict[str, int] = {}
    for run in lost:
        if run.n_frames:
            counts[run.reason] = counts.get(run.reason, 0) + run.n_frames
    return counts
