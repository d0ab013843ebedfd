"""What a dataset is, from its metadata alone: the entry of the catalogue.

A waveform is a Zarr group whose attributes say so: one of ours, or an older one of version 2 that
has at least its interval or gains. An image is an OME-Zarr group, a Zarr array of two to five
axes, or a file of an image format.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pyramidion.core import Axis, ImageSpec, StorageError
from pyramidion.formats import OpenOptions, open_image
from pyramidion.server._dataset import Dataset as Dataset
from pyramidion.server._dataset import Extent
from pyramidion.server._dataset import LiveCamera as LiveCamera
from pyramidion.server._dataset import field_url as field_url
from pyramidion.server._dataset import viewer_url as viewer_url
from pyramidion.server._dataset import virtual_url as virtual_url
from pyramidion.server._documents import Documents
from pyramidion.server._extents import stored_extents
from pyramidion.storage import is_remote

IMAGE_SUFFIXES = (".idx", ".tif", ".tiff")
"""Files that are listed, and found under their path, without being named."""

ArrayOf = Callable[[str], Mapping[str, Any]]
"""Returns the metadata of an array of a group."""

_WAVEFORM_ATTRIBUTES = ("horiz_interval", "vertical_gains")
_N_WAVEFORM_AXES = 4
_IMAGE_AXES = ("t", "c", "z", "y", "x")


def describe_image(path: Path, name: str, *, named: bool = False) -> Dataset:
    """Return the entry of an image that is not stored as the viewer reads it.

    Parameters
    ----------
    path : Path
        A file, a folder or a pattern.
    name : str
        What it is called.
    named : bool
        The name is not its path.

    Raises
    ------
    PyramidionError
        If it cannot be opened.
    """
    with open_image(path, OpenOptions()) as source:
        spec, fields = source.spec, tuple(source.fields)
    axes = axes_shown(spec)
    shape = tuple(spec.shape[_IMAGE_AXES.index(axis)] for axis in axes)
    return Dataset(
        name,
        "image",
        shape,
        spec.dtype.name,
        axes=axes,
        fields=fields if len(fields) > 1 else (),
        stored=False,
        named=named,
        extents=tuple(_extent(spec.axes[_IMAGE_AXES.index(axis)]) for axis in axes),
    )


def axes_shown(spec: ImageSpec) -> tuple[str, ...]:
    """Return the axes of an image that its virtual store has: its own, and y and x."""
    return tuple(
        axis
        for axis, size in zip(_IMAGE_AXES, spec.shape, strict=True)
        if axis in spec.present or axis in "yx" or size > 1
    )


def _extent(axis: Axis) -> Extent | None:
    """Return how far an axis reaches; None where it counts elements."""
    return (axis.size * axis.scale, axis.unit) if axis.unit else None


def describe_store(folder: Path, name: str, documents: Documents | None = None) -> Dataset | None:
    """Return the entry of a Zarr store; None if the folder is none, or nothing we show.

    Parameters
    ----------
    folder : Path
        Where to look.
    name : str
        Path in the URL, for the entry.
    documents : Documents, optional
        What reads the metadata, and notes which files they are.

    Raises
    ------
    StorageError
        If an object store cannot be asked.
    """
    documents = documents or Documents()
    try:
        return _describe_v3(documents, folder, name) or _describe_v2(documents, folder, name)
    except StorageError:
        if is_remote(folder):
            raise
        return None
    except (OSError, ValueError, TypeError, AttributeError, KeyError, IndexError, RecursionError):
        return None  # unreadable or foreign metadata: not a dataset of ours


def _describe_v3(documents: Documents, folder: Path, name: str) -> Dataset | None:
    node = documents.read(folder, "zarr.json")
    if node.get("node_type") == "array":
        return _bare_array(node, node.get("dimension_names"), name)
    if node.get("node_type") != "group":
        return None
    attributes = node.get("attributes", {})
    inner = (node.get("consolidated_metadata") or {}).get("metadata", {})

    def array(path: str) -> dict[str, Any]:
        return inner.get(path) or documents.read(folder, f"{path}/zarr.json")

    return _group(attributes, array, name)


def _describe_v2(documents: Documents, folder: Path, name: str) -> Dataset | None:
    if documents.read(folder, ".zgroup"):
        attributes = documents.read(folder, ".zattrs")
        return _group(attributes, lambda path: documents.read(folder, f"{path}/.zarray"), name)
    array = documents.read(folder, ".zarray")
    return _bare_array(array, None, name) if array else None


def _group(attributes: Mapping[str, Any], array: ArrayOf, name: str) -> Dataset | None:
    if _is_waveform(attributes):
        return _waveform(attributes, array("raw"), name)
    ome = attributes.get("ome", attributes)
    scales = ome.get("multiscales") if isinstance(ome, dict) else None
    if not isinstance(scales, list) or not scales:
        return None
    state = str(_of_recording(attributes).get("state", ""))
    path = scales[0]["datasets"][0]["path"]
    if not isinstance(path, str) or path.startswith("/") or ".." in path.split("/"):
        return None
    found = scales[0].get("axes", [])
    axes = [axis["name"] if isinstance(axis, dict) else axis for axis in found]
    dataset = _image(array(path), axes, name, stored=state != "recording")
    if dataset is None:
        return None
    return replace(
        dataset, state=state, extents=stored_extents(scales[0], dataset.axes, dataset.shape)
    )


def recording_state(folder: Path) -> str:
    """Return whether a recording is ``recording`` or ``finished``; empty if it is none."""
    try:
        attributes = Documents().read(folder, "zarr.json").get("attributes", {})
        return str(_of_recording(attributes)["state"])
    except (OSError, ValueError, AttributeError, KeyError):
        return ""


def _of_recording(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a recording says of itself; empty if it is none."""
    ours = attributes.get("pyramidion")
    return ours if isinstance(ours, dict) and ours.get("kind") == "recording" else {}


def _waveform(attributes: Mapping[str, Any], raw: Mapping[str, Any], name: str) -> Dataset | None:
    shape = _shape(raw)
    if len(shape) != _N_WAVEFORM_AXES:
        return None
    interval = attributes.get("horiz_interval")
    interval_s = float(interval) if isinstance(interval, int | float) else None
    units = [attributes.get(f"{axis}_unit") for axis in ("horiz", "vertical")]
    time_unit, unit = (unit if isinstance(unit, str) else "" for unit in units)
    return Dataset(
        name,
        "waveform",
        shape,
        _dtype(raw),
        interval_s,
        time_unit=time_unit or "s",
        unit=unit,
    )


def _bare_array(array: Mapping[str, Any], axes: object, name: str) -> Dataset | None:
    return _image(array, axes if isinstance(axes, list) else [], name, stored=False)


def _image(array: Mapping[str, Any], axes: list[Any], name: str, *, stored: bool) -> Dataset | None:
    shape = _shape(array)
    if not 2 <= len(shape) <= len(_IMAGE_AXES):
        return None
    if len(axes) != len(shape) or not all(isinstance(axis, str) for axis in axes):
        axes = list(_IMAGE_AXES[-len(shape) :])
    return Dataset(name, "image", shape, _dtype(array), axes=tuple(axes), stored=stored)


def _shape(array: Mapping[str, Any]) -> tuple[int, ...]:
    shape = array.get("shape")
    if not isinstance(shape, list):
        return ()
    return tuple(shape) if all(isinstance(n, int) and 0 <= n < 2**63 for n in shape) else ()


def _dtype(array: Mapping[str, Any]) -> str:
    return str(array.get("data_type", array.get("dtype", "")))


def _is_waveform(attributes: Mapping[str, Any]) -> bool:
    ours = attributes.get("pyramidion")
    if isinstance(ours, dict):
        return bool(ours.get("kind") == "waveform")
    return any(name in attributes for name in _WAVEFORM_ATTRIBUTES)
