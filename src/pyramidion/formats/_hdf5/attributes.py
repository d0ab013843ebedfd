"""Attributes of an HDF5 object as JSON values, and small datasets beside it.

Runs in the child process. What has no JSON form is named, with the reason, and left out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import h5py
import numpy as np
from h5py import h5d, h5s, h5t

from pyramidion.formats._hdf5.probe import Frames
from pyramidion.formats._hdf5.walk import find

LIMIT_BYTES = 2**20
LIMIT_NEIGHBOUR_BYTES = 2**26

NEIGHBOURS = (
    "horiz_interval",
    "horiz_offset",
    "vertical_gains",
    "vertical_offsets",
    "vertical_gain",
    "vertical_offset",
    "trigger_times",
    "trigger_offsets",
    "clip_codes",
)
"""Datasets beside the waveform that say what others say with an attribute."""


def attributes_of(identifier: Any) -> dict[str, Any]:
    """Read the attributes of a group or dataset.

    Parameters
    ----------
    identifier : h5py.h5g.GroupID or h5py.h5d.DatasetID
        The object.

    Returns
    -------
    dict
        ``attributes``: name to ``{"value": JSON value, "dtype": numpy type or ""}``;
        ``refused``: name to the reason why it has no JSON form.
    """
    found: dict[str, Any] = {}
    refused: dict[str, str] = {}
    manager = h5py.AttributeManager(_Parent(identifier))
    for name in manager:
        stored = manager.get_id(name)
        value: Any = None
        reason = _too_large(stored)
        if not reason:
            value, reason = _plain(stored, manager, name)
        if reason:
            refused[name] = reason
        else:
            found[name] = value
    return {"attributes": found, "refused": refused}


def send_neighbours(groups: Sequence[Any], frames: Frames) -> None:
    """Send the datasets of the names in :data:`NEIGHBOURS`, the first group's before the next's."""
    number = 0
    seen: set[str] = set()
    for group in groups:
        for name in NEIGHBOURS:
            dataset = find(group, name)
            if dataset is None or name in seen or not _is_small_number(dataset):
                continue
            seen.add(name)
            # In the stored type, so that a float32 is known as one.
            values = np.empty(dataset.shape, np.dtype(dataset.dtype).newbyteorder("<"))
            dataset.read(h5s.ALL, h5s.ALL, values)
            head = {"name": name, "dtype": values.dtype.str, "shape": values.shape}
            frames.send_json(b"N", head, number)
            frames.send(b"A", number, values.tobytes())
            number += 1


class _Parent:
    """As much of an ``h5py.HLObject`` as its attribute manager needs."""

    def __init__(self, identifier: Any) -> None:
        self.id = identifier


def _is_small_number(dataset: Any) -> bool:
    properties = dataset.get_create_plist()
    space, element = dataset.get_space(), dataset.get_type()
    return bool(
        element.get_class() in (h5t.INTEGER, h5t.FLOAT)
        and space.get_simple_extent_type() != h5s.NULL
        and space.get_simple_extent_npoints() * element.get_size() <= LIMIT_NEIGHBOUR_BYTES
        and properties.get_external_count() == 0
        and properties.get_layout() != h5d.VIRTUAL
    )


def _too_large(stored: Any) -> str:
    n_bytes = math.prod(stored.shape or (0,)) * stored.get_type().get_size()
    return f"{n_bytes / 1e6:.3g} MB" if n_bytes > LIMIT_BYTES else ""


def _plain(stored: Any, manager: Any, name: str) -> tuple[Any, str]:
    """Return an attribute's value with its type, and the reason if it has no JSON form."""
    kind = stored.get_type().get_class()
    if kind not in (h5t.INTEGER, h5t.FLOAT, h5t.STRING, h5t.ENUM):
        return None, {h5t.REFERENCE: "object reference", h5t.COMPOUND: "compound"}.get(kind, "type")
    value = manager[name]
    if isinstance(value, h5py.Empty):
        return {"value": None, "dtype": ""}, ""
    if kind == h5t.STRING:
        return _text(value)
    array = np.asarray(value)
    if array.dtype.itemsize > 8:
        return None, "type"
    return {"value": array.tolist(), "dtype": array.dtype.str}, ""


def _text(value: Any) -> tuple[Any, str]:
    try:
        plain = _decoded(value)
    except UnicodeError:
        return None, "not UTF-8"
    if len(str(plain)) > LIMIT_BYTES:
        return None, f"{len(str(plain)) / 1e6:.3g} MB"
    return {"value": plain, "dtype": ""}, ""


def _decoded(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return [_decoded(v) for v in value]
    if isinstance(value, bytes):
        return value.decode("utf-8")
    str(value).encode("utf-8")  # h5py keeps bytes that are not UTF-8 as lone surrogates
    return str(value)
