"""Files of every kind, each in one module found by its name, behind one interface."""

from pyramidion.formats._format import (
    Format,
    OpenOptions,
    Sink,
    WriteOptions,
    example_codes,
)
from pyramidion.formats._registry import (
    format_of_destination,
    format_of_source,
    formats,
    looks_like,
    open_source,
)
from pyramidion.formats._waveform.store import Overview, StoredArray, WaveformStore, check_seal

__all__ = [
    "Format",
    "OpenOptions",
    "Overview",
    "Sink",
    "StoredArray",
    "WaveformStore",
    "WriteOptions",
    "check_seal",
    "example_codes",
    "format_of_destination",
    "format_of_source",
    "formats",
    "looks_like",
    "open_source",
]
