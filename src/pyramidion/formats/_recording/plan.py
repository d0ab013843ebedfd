"""How a recording is cut: levels, chunks, shards; decided before anything is created.

A frame that is stored chunk by chunk needs no copy when its chunks are strips of whole rows: these
lie together in memory. A strip has 2 MiB at most, which is what a core holds in its own cache and
what one request of a viewer may cost. Where several frames share a chunk, or chunks are given, they
are as asked.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from pyramidion.core import FrameSpec, UsageError, format_bytes, plain_dtype
from pyramidion.formats._recording.options import Cut, RecordingOptions
from pyramidion.formats._recording.reserve import RESERVE_BYTES
from pyramidion.pyramid import ImagePlan
from pyramidion.shards import ArrayLayout, Codec

STRIP_BYTES = 2**21
"""Most bytes of a chunk of one frame, where its rows are not given."""

LARGEST_CHOSEN_BYTES = 2**26
"""Most bytes of a chunk of several frames, where its rows or its columns are not given."""

LARGEST_CHUNK_BYTES = 2**30
SHARD_BYTES = 512 * 10**6
"""Bytes of frames that a shard should hold..."""

SHARD_ENTRIES = 2**14
"""...and most entries of its index, where it is not given."""

LARGEST_ENTRIES = 2**22
SIDE_BYTES = 24
"""Of each frame beside its pixels: number and two times."""

_AXES = ("t", "y", "x")
_CHUNK_EXTRA = 16 + 16 + 16 + 4  # header, entries in both indexes, checksum
_DEFAULT_LEVEL = 1  # noise hardly shrinks further, and a camera does not wait
_CODECS = ("none", "blosc-lz4", "blosc-zstd")


@dataclass(frozen=True)
class RecordingPlan:
    """The arrays of one recording.

    Parameters
    ----------
    spec : FrameSpec
        What a frame is.
    options : RecordingOptions
        What was asked.
    image : ImagePlan
        The levels.
    levels : tuple of ArrayLayout
        One per level, (t, y, x), of no frame yet; as they are once the recording is finished.
    paths : tuple of str
        Where in the store each level is.
    notes : tuple of str
        What was decided otherwise than one may expect.
    """

    spec: FrameSpec
    options: RecordingOptions
    image: ImagePlan
    levels: tuple[ArrayLayout, ...]
    paths: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def is_deep(self) -> bool:
        """Whether a chunk holds several frames."""
        return self.levels[0].chunk[0] > 1

    @property
    def n_recorded(self) -> int:
        """Levels that are written while recording."""
        return 1 if self.options.levels_when == "end" else len(self.levels)

    @property
    def frame_bytes_on_disk(self) -> int:
        """Most bytes that a frame takes, all levels, index and stamps; less where it shrinks."""
        n_bytes = SIDE_BYTES
        for layout in self.levels:
            n_chunks = math.prod(
                -(-n // c) for n, c in zip(layout.shape, layout.chunk, strict=True) if n
            )
            n_bytes += n_chunks * (layout.chunk_bytes + _CHUNK_EXTRA) // layout.chunk[0]
        return n_bytes

    @property
    def reserve_bytes(self) -> int:
        """Bytes needed to close a store: the last index of a shard of every level, documents."""
        return RESERVE_BYTES + 2 * sum(16 * layout.n_chunks_per_shard for layout in self.levels)

    def stored(self) -> dict[str, Any]:
        """Return what must be the same for a recording to go on (JSON values)."""
        codec = self.levels[0].codec
        return {
            "frame": list(self.spec.shape),
            "dtype": self.spec.dtype.name,
            "codec": codec.name if codec.name == "none" else f"{codec.name}:{codec.level}",
            "stat": self.options.levels,
            "levels": [
                {
                    "path": path,
                    "shape": list(layout.shape[1:]),
                    "chunk": list(layout.chunk),
                    "shard": list(layout.shard),
                }
                for path, layout in zip(self.paths, self.levels, strict=True)
            ],
        }

    def describe(self) -> dict[str, Any]:
        """Return the plan for people and programs (JSON values)."""
        return {
            **self.stored(),
            "levels_when": self.options.levels_when,
            "writer": self.options.writer,
            "frame_bytes": self.spec.frame_bytes,
            "frame_bytes_on_disk": self.frame_bytes_on_disk,
            "shard_frames": self.levels[0].shard[0],
            "notes": list(self.notes),
        }


def plan_recording(spec: FrameSpec, options: RecordingOptions) -> RecordingPlan:
    """Decide how a recording is cut; touches nothing.

    Parameters
    ----------
    spec : FrameSpec
        What a frame is.
    options : RecordingOptions
        What is asked.

    Raises
    ------
    UsageError
        If it cannot be done: a chunk larger than the frame, a codec that is not known.
    DataError
        If the type of a pixel cannot be stored.
    """
    dtype = plain_dtype(np.dtype(spec.dtype), spec.camera or "camera", id="PYR-ZAR-05")
    _check_given(spec, options)
    image = ImagePlan.for_shape((1, *spec.shape))
    if not options.levels:
        image = ImagePlan(image.shape, ())
    codec = recording_codec(options.compression, checked=(options.chunk[0] or 1) == 1)
    notes: list[str] = []
    layouts = []
    for level in range(image.n_levels):
        shape = image.level_shape(level)[1:]
        chunk = _chunk((shape[0], shape[1]), dtype.itemsize, options.chunk, notes)
        shard = _shard((shape[0], shape[1]), chunk, dtype.itemsize, options)
        layouts.append(ArrayLayout((0, *shape), dtype, chunk, shard, codec, _AXES))
    notes = list(dict.fromkeys(notes))
    return RecordingPlan(
        spec, options, image, tuple(layouts), _paths(len(layouts), options.names), tuple(notes)
    )


def recording_codec(text: str, *, checked: bool) -> Codec:
    """Read ``--compression`` of a recording.

    Parameters
    ----------
    text : str
        ``NAME`` or ``NAME:LEVEL``.
    checked : bool
        A crc32c follows every chunk.

    Raises
    ------
    UsageError
        If it is unknown.

    Examples
    --------
    >>> recording_codec("zstd", checked=True).name
    'blosc-zstd'
    """
    name, _, level = text.lower().partition(":")
    name = {"zstd": "blosc-zstd", "raw": "none", "lz4": "blosc-lz4", "": "blosc-lz4"}.get(name, name)  # fmt: skip
    if name not in _CODECS:
        raise UsageError(
            "--compression", "unknown", text, f"one of {', '.join(_CODECS)}", id="PYR-CMP-01"
        )
    codec = Codec.parse(f"{name}:{level or _DEFAULT_LEVEL}" if name != "none" else name)
    return Codec(codec.name, codec.level, codec.shuffle, checked)


def _paths(n_levels: int, names: str) -> tuple[str, ...]:
    if names == "levels":
        return tuple(map(str, range(n_levels)))
    return ("frames",) if n_levels == 1 else tuple(f"frames/{k}" for k in range(n_levels))


def _check_given(spec: FrameSpec, options: RecordingOptions) -> None:
    sizes = (None, *spec.shape)
    for axis, size, chunk, shard in zip(_AXES, sizes, options.chunk, options.shard, strict=True):
        for name, value in (("chunking", chunk), ("sharding", shard)):
            if value is not None and value < 1:
                raise _fault(f"{name}.{axis}", "at least 1", value)
        if size is None:
            continue
        if chunk is not None and chunk > size:
            raise _fault(f"chunking.{axis}", f"{chunk} px exceeds the frame", f"{size} px")
        if shard is not None and shard * (chunk or size) > size:
            told = f"{shard} x {chunk or size} px exceeds the frame"
            raise _fault(f"sharding.{axis}", told, f"{size} px")


def _chunk(
    shape: tuple[int, int], itemsize: int, given: Cut, notes: list[str]
) -> tuple[int, int, int]:
    """Return the chunk of a level; strips where rows are not given."""
    h, w = shape
    t = given[0] or 1
    y, x = min(given[1] or h, h), min(given[2] or w, w)
    most = STRIP_BYTES if t == 1 and given[2] is None else LARGEST_CHOSEN_BYTES
    if given[1] is None:
        y = _equal_part(h, most // (t * x * itemsize))
    elif given[2] is None:
        x = _equal_part(w, most // (t * y * itemsize))
    if t > 1 and (y, x) != (min(given[1] or h, h), min(given[2] or w, w)):
        notes.append(
            f"chunks of {t} whole frames would have {format_bytes(t * h * w * itemsize)}: "
            f"cut to {y} x {x} px"
        )
    n_bytes = t * y * x * itemsize
    largest = LARGEST_CHOSEN_BYTES if None in given[1:] else LARGEST_CHUNK_BYTES
    if n_bytes > largest:
        told = f"{t} frames make a chunk of {format_bytes(n_bytes)} or more"
        raise _fault("chunking.t", told, f"at most {format_bytes(largest)}")
    return t, y, x


def _equal_part(n: int, most: int) -> int:
    """Return the length of the parts into which `n` is cut: as equal as can be, at most `most`."""
    return -(-n // -(-n // max(1, min(n, most))))


def _shard(
    shape: tuple[int, int], chunk: tuple[int, int, int], itemsize: int, options: RecordingOptions
) -> tuple[int, int, int]:
    """Return the shard of a level: whole frames, as many as make a file of some size."""
    in_plane = []
    for n, c, shard, cut in zip(
        shape, chunk[1:], options.shard[1:], options.chunk[1:], strict=True
    ):
        # Of frames that were not to be cut, one shard is one frame, however they were cut.
        n_chunks = -(-n // c)
        in_plane.append(min(shard, n_chunks) if shard and cut else n_chunks)
    entries = in_plane[0] * in_plane[1]
    n_t = options.shard[0]
    if n_t is None:
        frames = SHARD_BYTES // (shape[0] * shape[1] * itemsize)
        n_t = max(1, min(frames // chunk[0], SHARD_ENTRIES // entries))
    if n_t * entries > LARGEST_ENTRIES:
        raise _fault("sharding", f"a shard of {n_t * entries} chunks", f"at most {LARGEST_ENTRIES}")
    return n_t * chunk[0], in_plane[0] * chunk[1], in_plane[1] * chunk[2]


def _fault(where: str, what: str, value: object) -> UsageError:
    return UsageError(where, what, value, id="PYR-CFG-06")
