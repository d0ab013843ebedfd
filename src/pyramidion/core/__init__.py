"""Shapes, axes, units, boxes and errors: the words that every other package speaks."""

from pyramidion.core._box import Box
from pyramidion.core._errors import (
    CameraError,
    DamagedError,
    DataError,
    IncompleteError,
    MissingError,
    PyramidionError,
    StoppedError,
    StorageError,
    UsageError,
)
from pyramidion.core._frames import LOST_REASONS, FrameSpec, Lost, Stamps
from pyramidion.core._image import (
    IMAGE_AXES,
    Channel,
    ImageLevel,
    ImageSource,
    ImageSpec,
    image_axes,
)
from pyramidion.core._quantities import (
    format_bytes,
    format_si,
    parse_count,
    parse_size,
    shortest_decimal,
)
from pyramidion.core._source import Closing, Source, WaveformSource
from pyramidion.core._spec import (
    WAVEFORM_AXES,
    ArraySpec,
    Axis,
    WaveformSpec,
    plain_dtype,
    waveform_axes,
)
from pyramidion.core._text import escape

__all__ = [
    "IMAGE_AXES",
    "LOST_REASONS",
    "WAVEFORM_AXES",
    "ArraySpec",
    "Axis",
    "Box",
    "CameraError",
    "Channel",
    "Closing",
    "DamagedError",
    "DataError",
    "FrameSpec",
    "ImageLevel",
    "ImageSource",
    "ImageSpec",
    "IncompleteError",
    "Lost",
    "MissingError",
    "PyramidionError",
    "Source",
    "Stamps",
    "StoppedError",
    "StorageError",
    "UsageError",
    "WaveformSource",
    "WaveformSpec",
    "escape",
    "format_bytes",
    "format_si",
    "image_axes",
    "parse_count",
    "parse_size",
    "plain_dtype",
    "shortest_decimal",
    "waveform_axes",
]
