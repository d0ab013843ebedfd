"""Recordings of cameras: an OME-Zarr store that is right after every frame."""

from .frame_writer import FrameWriter
from .opening import check_resume, open_frame_writer
from .options import RecordingOptions
from .plan import RecordingPlan, plan_recording

__all__ = [
    "FrameWriter",
    "RecordingOptions",
    "RecordingPlan",
    "check_resume",
    "open_frame_writer",
    "plan_recording",
]
