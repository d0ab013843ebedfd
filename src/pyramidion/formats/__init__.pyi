"""Files of every kind, each in one module found by its name, behind one interface."""

from ._faults import image_faults
from ._format import (
    Format,
    ImageSink,
    ImageTask,
    Kind,
    OpenOptions,
    Read,
    Sink,
    WriteOptions,
    example_codes,
    example_voxels,
)
from ._pattern import files_matching, folder_of, is_pattern
from ._recording import (
    FrameWriter,
    RecordingOptions,
    RecordingPlan,
    check_resume,
    open_frame_writer,
    plan_recording,
)
from ._recording.stored import is_recording
from ._registry import (
    format_of_destination,
    format_of_source,
    formats,
    is_at_hand,
    kind_of_source,
    looks_like,
    open_image,
    open_source,
)
from ._waveform.store import Overview, StoredArray, WaveformStore, check_seal

__all__ = [
    "Format",
    "FrameWriter",
    "ImageSink",
    "ImageTask",
    "Kind",
    "OpenOptions",
    "Overview",
    "Read",
    "RecordingOptions",
    "RecordingPlan",
    "Sink",
    "StoredArray",
    "WaveformStore",
    "WriteOptions",
    "check_resume",
    "check_seal",
    "example_codes",
    "example_voxels",
    "files_matching",
    "folder_of",
    "format_of_destination",
    "format_of_source",
    "formats",
    "image_faults",
    "is_at_hand",
    "is_pattern",
    "is_recording",
    "kind_of_source",
    "looks_like",
    "open_frame_writer",
    "open_image",
    "open_source",
    "plan_recording",
]
