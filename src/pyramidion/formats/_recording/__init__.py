"""Recordings of cameras: an OME-Zarr store that is right after every frame."""

from pyramidion.formats._recording.frame_writer import FrameWriter
from pyramidion.formats._recording.opening import check_resume, open_frame_writer
from pyramidion.formats._recording.options import RecordingOptions
from pyramidion.formats._recording.plan import RecordingPlan, plan_recording

__all__ = [
    "FrameWriter",
    "RecordingOptions",
    "RecordingPlan",
    "check_resume",
    "open_frame_writer",
    "plan_recording",
]
