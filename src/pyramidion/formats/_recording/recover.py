"""The documents of a recording, made anew from each other where a power cut has emptied some.

The root holds the plan of all arrays, and every array enough of itself to write the root again; only
what the camera was set to is nowhere else.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pyramidion import __version__
from pyramidion.core import DataError, FrameSpec, PyramidionError
from pyramidion.formats._recording.metadata import LAYOUT, LOST, SIDE_DTYPES
from pyramidion.formats._recording.options import RecordingOptions
from pyramidion.formats._recording.plan import RecordingPlan, recording_codec
from pyramidion.formats._waveform.attributes import check_version
from pyramidion.formats._waveform.documents import read_json
from pyramidion.pyramid import ImagePlan
from pyramidion.shards import ArrayLayout
from pyramidion.storage import Folder

_MOST_LEVELS = 64


@dataclass(frozen=True)
class Documents:
    """What the documents of a recording say, or must have said.

    Parameters
    ----------
    own : mapping
        What the root says of the recording.
    shapes : dict of str to int
        Frames (or runs) of each array whose document can be read.
    synced : int
        Frames that were on the disk when level 0 was last told.
    broken : tuple of str
        Documents that cannot be read.
    is_settled : bool
        Every document is there and in the state of a finished recording.
    """

    own: Mapping[str, Any]
    shapes: dict[str, int]
    synced: int
    broken: tuple[str, ...]
    is_settled: bool

    @property
    def paths(self) -> tuple[str, ...]:
        """Where each level is, level 0 first."""
        return tuple(level["path"] for level in self.own["plan"]["levels"])

    @property
    def n_shown(self) -> int:
        """Frames that readers see; what the other arrays have where level 0 says nothing."""
        if self.paths[0] in self.shapes:
            return self.shapes[self.paths[0]]
        others = [n for key, n in self.shapes.items() if key != LOST]
        return min(others, default=0)


def looks_like_recording(path: Path) -> bool:
    """Tell whether a folder is a recording, or was one and has lost its root."""
    if not path.is_dir():
        return False
    try:
        root = read_json(Folder(path), "zarr.json")
    except (DataError, OSError):
        return any((path / name).is_dir() for name in (*SIDE_DTYPES, LOST))
    return _kept_own(root) is not None


def read_documents(path: Path) -> Documents:
    """Read every document of a recording.

    Raises
    ------
    DataError
        If it is no recording, or too little is left of it.
    """
    folder = Folder(path)
    broken: list[str] = []
    found = _arrays(folder, broken)
    try:
        root = read_json(folder, "zarr.json")
        own = _own(root, str(path))
    except _UnreadableError:
        raise
    except DataError as error:
        if error.id not in ("PYR-ZAR-02", "PYR-VER-02"):
            raise
        own = _own_of_arrays(path, found)
        broken.append("zarr.json")
    levels = [level["path"] for level in own["plan"]["levels"]]
    expected = [*SIDE_DTYPES, LOST, *levels[: 1 if own.get("levels_when") == "end" else None]]
    broken += [f"{key}/zarr.json" for key in expected if key not in found]
    if "frames/0" in levels and not _is_json(folder, "frames/zarr.json"):
        broken.append("frames/zarr.json")
    shapes = {key: int(meta["shape"][0]) for key, meta in found.items()}
    first = found.get(levels[0], {})
    is_finished = own.get("state") == "finished"
    closed = [_is_closed(found.get(key)) for key in levels]
    return Documents(
        own, shapes, _synced(first), tuple(dict.fromkeys(broken)),
        is_finished and not broken and all(closed) and len(set(map(shapes.get, [*levels, *SIDE_DTYPES]))) == 1,
    )  # fmt: skip


def plan_of(own: Mapping[str, Any]) -> RecordingPlan:
    """Return the plan that the root holds.

    Raises
    ------
    LookupError, TypeError, ValueError, UsageError
        If it is none.
    """
    plan = own["plan"]
    height, width = (int(n) for n in plan["frame"])
    dtype = np.dtype(plan["dtype"]).newbyteorder("<")
    layouts = []
    for level in plan["levels"]:
        chunk, shard = tuple(level["chunk"]), tuple(level["shard"])
        codec = recording_codec(plan["codec"], checked=chunk[0] == 1)
        shape = (0, *level["shape"])
        layouts.append(ArrayLayout(shape, dtype, chunk, shard, codec, ("t", "y", "x")))
    planes = [layout.shape[1:] for layout in layouts]
    steps = tuple((1, *_factors(fine, coarse)) for fine, coarse in itertools.pairwise(planes))
    image = ImagePlan((1, height, width), steps)
    return RecordingPlan(
        FrameSpec(height, width, dtype, str(own.get("camera") or "")),
        RecordingOptions(levels=plan["stat"], levels_when=own["levels_when"]),
        image,
        tuple(layouts),
        tuple(level["path"] for level in plan["levels"]),
    )


def _factors(fine: tuple[int, ...], coarse: tuple[int, ...]) -> tuple[int, int]:
    y, x = (1 if a == b else 2 for a, b in zip(fine, coarse, strict=True))
    return y, x


def growing(layout: ArrayLayout, n_frames: int) -> ArrayLayout:
    """Return how an array is read while it grows: by the index at the start of each shard."""
    shape = (n_frames, *layout.shape[1:])
    return replace(layout, shape=shape, index_at="start", index_checked=False)


class _UnreadableError(DataError):
    """Too little is left."""


def _kept_own(root: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return what a root says of a recording; None where it is of something else."""
    attributes = root.get("attributes")
    own = attributes.get("pyramidion") if isinstance(attributes, Mapping) else None
    return own if isinstance(own, Mapping) and own.get("kind") == "recording" else None


def _own(root: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    own = _kept_own(root)
    if own is None:
        raise DataError(where, "not a recording", mend="name a recording", id="PYR-ZAR-01")
    check_version(own, where)
    if own.get("writer") != "pyramidion":
        raise _UnreadableError(where, "cannot be repaired", f"written by {own.get('writer')}", id="PYR-ZAR-09")  # fmt: skip
    try:
        plan_of(own)
    except (LookupError, TypeError, ValueError, PyramidionError) as error:
        raise _UnreadableError(where, "its plan cannot be read", error, id="PYR-ZAR-09") from error
    return own


def _arrays(folder: Folder, broken: list[str]) -> dict[str, dict[str, Any]]:
    """Return the documents of all arrays that can be read."""
    found = {}
    names = [*SIDE_DTYPES, LOST, "frames"]
    names += [f"{prefix}{k}" for prefix in ("", "frames/") for k in range(_MOST_LEVELS)]
    for key in names:
        if not (folder.root / key).is_dir():
            continue
        try:
            meta = read_json(folder, f"{key}/zarr.json")
            is_array = meta.get("node_type") == "array"
            if is_array and isinstance(meta["shape"][0], int):
                found[key] = meta
        except (PyramidionError, LookupError, TypeError):
            broken.append(f"{key}/zarr.json")
    return found


def _is_json(folder: Folder, key: str) -> bool:
    try:
        read_json(folder, key)
    except PyramidionError:
        return False
    return True


def _is_closed(meta: Mapping[str, Any] | None) -> bool:
    layout = ArrayLayout.from_metadata(meta) if meta is not None else None
    return layout is not None and layout.index_at == "end"


def _synced(meta: Mapping[str, Any]) -> int:
    own = (meta.get("attributes") or {}).get("pyramidion")
    synced = own.get("synced") if isinstance(own, Mapping) else None
    return synced if isinstance(synced, int) else 0


def _own_of_arrays(path: Path, found: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return what the root must have said, as far as the arrays know it."""
    names = [key for key in found if key == "frames" or key.rpartition("/")[2].isdigit()]
    layouts = {key: ArrayLayout.from_metadata(found[key]) for key in sorted(names, key=_number)}
    levels = [(key, layout) for key, layout in layouts.items() if layout is not None]
    is_ours = any(name in found for name in (*SIDE_DTYPES, LOST))
    if not levels or _number(levels[0][0]) or not is_ours:
        raise _UnreadableError(
            str(path), "not a recording", "its documents are gone", id="PYR-ZAR-02"
        )
    first = levels[0][1]
    codec = first.codec
    stat = "mean" if len(levels) > 1 else ""
    return {
        "kind": "recording", "layout": LAYOUT, "version": __version__, "state": "recording",
        "camera": "", "properties": {}, "rate_hz": 0.0, "pixel_um": None, "origin": [0, 0],
        "started": 0.0, "stat": stat, "levels_when": "recording", "writer": "pyramidion",
        "plan": {
            "frame": list(first.shape[1:]),
            "dtype": first.dtype.name,
            "codec": codec.name if codec.name == "none" else f"{codec.name}:{codec.level}",
            "stat": stat,
            "levels": [
                {
                    "path": key,
                    "shape": list(layout.shape[1:]),
                    "chunk": list(layout.chunk),
                    "shard": list(layout.shard),
                }
                for key, layout in levels
            ],
        },
    }  # fmt: skip


def _number(key: str) -> int:
    last = key.rpartition("/")[2]
    return int(last) if last.isdigit() else 0
