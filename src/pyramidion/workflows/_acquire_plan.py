"""What a recording would be, without recording: ``acquire --dry-run``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pyramidion.core import FrameSpec
from pyramidion.formats import RecordingPlan, plan_recording
from pyramidion.instruments import open_camera, set_properties
from pyramidion.storage import free_bytes
from pyramidion.workflows._acquire_options import AcquireOptions
from pyramidion.workflows._capture_process import RingSize
from pyramidion.workflows._spool import place_on_disk

_PROCESS_BYTES = 3 * 120 * 10**6
"""What the three processes need for themselves."""


def plan_acquisition(address: str, out: Path | None, options: AcquireOptions) -> dict[str, Any]:
    """Return what a recording would be (JSON values); the camera is opened and set for it.

    Parameters
    ----------
    address : str
        The camera.
    out : Path or None
        The store.
    options : AcquireOptions
        How.

    Raises
    ------
    UsageError, CameraError
        If there is no such camera, or it cannot be so.
    """
    spec = _spec_of(address, options)
    ring = RingSize.of(spec, options.ring_bytes)
    ring_bytes = ring.n_slots * spec.frame_bytes
    plan = None if out is None else plan_recording(spec, options.recording)
    return {
        "camera": spec.camera or address,
        "frame": {
            "height": spec.height,
            "width": spec.width,
            "dtype": spec.dtype.name,
            "bytes": spec.frame_bytes,
            "rate_hz": spec.rate_hz or None,
        },
        "properties": dict(spec.properties),
        "ring_frames": ring.n_slots,
        "ring_bytes": ring_bytes,
        "peak_memory_estimated": ring_bytes + _PROCESS_BYTES,
        "store": None if out is None or plan is None else _store(out, spec, plan, options),
        "notes": list(plan.notes) if plan else [],
    }


def _spec_of(address: str, options: AcquireOptions) -> FrameSpec:
    camera = open_camera(address)
    try:
        set_properties(camera, options.settings)
        return camera.spec()
    finally:
        camera.close()


def _store(
    out: Path, spec: FrameSpec, plan: RecordingPlan, options: AcquireOptions
) -> dict[str, Any]:
    per_second = plan.frame_bytes_on_disk * spec.rate_hz if spec.rate_hz else None
    n_frames = options.frames
    if n_frames is None and options.duration_s is not None and spec.rate_hz:
        n_frames = round(options.duration_s * spec.rate_hz)
    free = free_bytes(place_on_disk(out))
    return {
        "path": str(out),
        **plan.describe(),
        "frames": n_frames,
        "bytes_out_per_second": per_second,
        "bytes_out_estimated": None if n_frames is None else n_frames * plan.frame_bytes_on_disk,
        "free_bytes": free,
        "seconds_until_full": free / per_second if per_second else None,
    }
