"""What a dataset is, from its metadata alone: the entry of the catalogue.

A waveform is a Zarr group whose attributes say so: one of ours, or an older one of version 2 that
has at least its interval or gains. An image is an OME-Zarr group, a Zarr array of two to five
axes, or a file of an image format.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from pyramidion.core import DataError, ImageSpec, StorageError
from pyramidion.formats import OpenOptions, open_image
from pyramidion.storage import RemotePath, bucket_of, is_remote

IMAGE_SUFFIXES = (".idx", ".tif", ".tiff")
"""Files that are listed, and found under their path, without being named."""

_MAX_JSON_BYTES = 16 * 2**20
_WAVEFORM_ATTRIBUTES = ("horiz_interval", "vertical_gains")
_N_WAVEFORM_AXES = 4
_IMAGE_AXES = ("t", "c", "z", "y", "x")


@dataclass(frozen=True)
class Dataset:
    """One dataset in the catalogue.

    Parameters
    ----------
    name : str
        Its path beneath the served folders, or the name it was given, as text.
    kind : str
        ``waveform`` or ``image``.
    shape : tuple of int
        A waveform's (channels, trcs, segments, samples); an image's along `axes`.
    dtype : str
        As Zarr names it (``int16``), or as numpy writes it for version 2 (``<i2``).
    interval_s : float or None
        Distance of two samples.
    axes : tuple of str
        Names of an image's axes.
    fields : tuple of str
        Names of an image's fields, if it has several.
    stored : bool
        Its files are at its URL, and the viewer reads them as they are; not while they grow.
    named : bool
        It is not at its path: only the virtual store is there.
    """

    name: str
    kind: Literal["waveform", "image"]
    shape: tuple[int, ...]
    dtype: str
    interval_s: float | None = None
    axes: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    stored: bool = True
    named: bool = False

    @property
    def url(self) -> str:
        """Path of its URL."""
        return self.data_url if self.named else "/" + quote(self.name)

    @property
    def data_url(self) -> str:
        """Path of the store that the viewer opens."""
        return "/" + quote(self.name) if self.stored else virtual_url(self.name)

    @property
    def viewer_url(self) -> str:
        """Path of the viewer, opened with it."""
        return viewer_url(self.data_url)

    @property
    def thumbnail_url(self) -> str | None:
        """Path of its small picture."""
        return "/api/thumbnail/" + quote(self.name) if self.kind == "image" else None

    def as_json(self) -> dict[str, Any]:
        """Return the entry of ``/api/datasets``."""
        entry: dict[str, Any] = {
            "name": self.name,
            "kind": self.kind,
            "url": self.url,
            "shape": list(self.shape),
            "dtype": self.dtype,
            "data": self.data_url,
            "viewer": self.viewer_url,
        }
        if self.kind == "image":
            entry |= {"axes": list(self.axes), "thumbnail": self.thumbnail_url}
        if len(self.fields) > 1:
            entry["fields"] = {
                name: self.data_url if name == self.fields[0] else field_url(self.name, name)
                for name in self.fields
            }
        return entry


@dataclass(frozen=True)
class LiveCamera:
    """A camera in the catalogue.

    Parameters
    ----------
    camera : str
        Its name.
    state : str
        What it does (``recording``, ``camera lost``).
    shape : (int, int)
        Height and width of a frame.
    dtype : str
        As Zarr names it (``uint16``).
    """

    camera: str
    state: str
    shape: tuple[int, int]
    dtype: str

    name = "Live camera"
    viewer_url = "/viewer/?live=/"

    def as_json(self) -> dict[str, Any]:
        """Return the entry of ``/api/datasets``."""
        return {
            "name": self.name,
            "kind": "live",
            "url": "/latest",
            "shape": list(self.shape),
            "dtype": self.dtype,
            "live": "/",
            "viewer": self.viewer_url,
            "camera": self.camera,
            "state": self.state,
        }


def viewer_url(url: str) -> str:
    """Return the path of the viewer, opened with the store at `url`.

    Examples
    --------
    >>> viewer_url("/a%20b.zarr")
    '/viewer/?data=/a%2520b.zarr'
    """
    return "/viewer/?data=" + quote(url, safe="/:")


def virtual_url(name: str) -> str:
    """Return the path of the virtual store of a dataset.

    Examples
    --------
    >>> virtual_url("a b/visus.idx")
    '/zarr/a%20b/visus.idx/'
    """
    return f"/zarr/{quote(name)}/"


def field_url(name: str, field: str) -> str:
    """Return the path of the virtual store of one field of a dataset."""
    return f"{virtual_url(name)}fields/{quote(field, safe='')}/"


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
    )


def axes_shown(spec: ImageSpec) -> tuple[str, ...]:
    """Return the axes of an image that its virtual store has: its own, and y and x."""
    return tuple(
        axis
        for axis, size in zip(_IMAGE_AXES, spec.shape, strict=True)
        if axis in spec.present or axis in "yx" or size > 1
    )


def describe_store(folder: Path, name: str) -> Dataset | None:
    """Return the entry of a Zarr store; None if the folder is none, or nothing we show.

    Parameters
    ----------
    folder : Path
        Where to look.
    name : str
        Path in the URL, for the entry.

    Raises
    ------
    StorageError
        If an object store cannot be asked.
    """
    try:
        return _describe_v3(folder, name) or _describe_v2(folder, name)
    except StorageError:
        if is_remote(folder):
            raise
        return None
    except (OSError, ValueError, TypeError, AttributeError, KeyError, IndexError):
        return None  # unreadable or foreign metadata: not a dataset of ours


def _describe_v3(folder: Path, name: str) -> Dataset | None:
    node = _read_json(folder / "zarr.json")
    if node.get("node_type") == "array":
        return _bare_array(node, node.get("dimension_names"), name)
    if node.get("node_type") != "group":
        return None
    attributes = node.get("attributes", {})
    inner = (node.get("consolidated_metadata") or {}).get("metadata", {})

    def array(path: str) -> dict[str, Any]:
        return inner.get(path) or _read_json(folder / path / "zarr.json")

    return _group(attributes, array, name)


def _describe_v2(folder: Path, name: str) -> Dataset | None:
    if _read_json(folder / ".zgroup"):
        attributes = _read_json(folder / ".zattrs")
        return _group(attributes, lambda path: _read_json(folder / path / ".zarray"), name)
    array = _read_json(folder / ".zarray")
    return _bare_array(array, None, name) if array else None


def _group(attributes: Mapping[str, Any], array: Any, name: str) -> Dataset | None:
    if _is_waveform(attributes):
        return _waveform(attributes, array("raw"), name)
    ome = attributes.get("ome", attributes)
    scales = ome.get("multiscales") if isinstance(ome, dict) else None
    if not isinstance(scales, list) or not scales:
        return None
    is_growing = _of_recording(attributes).get("state") == "recording"
    path = scales[0]["datasets"][0]["path"]
    if not isinstance(path, str) or path.startswith("/") or ".." in path.split("/"):
        return None
    axes = [axis["name"] if isinstance(axis, dict) else axis for axis in scales[0].get("axes", [])]
    return _image(array(path), axes, name, stored=not is_growing)


def recording_state(folder: Path) -> str:
    """Return whether a recording is ``recording`` or ``finished``; empty if it is none."""
    try:
        return str(_of_recording(_read_json(folder / "zarr.json").get("attributes", {}))["state"])
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
    return Dataset(name, "waveform", shape, _dtype(raw), interval_s)


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


def _read_json(path: Path) -> dict[str, Any]:
    """Return a JSON object from a file; empty if there is none."""
    try:
        text = _read_text(path)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    parsed = json.loads(text) if len(text) <= _MAX_JSON_BYTES else {}
    return parsed if isinstance(parsed, dict) else {}


def _read_text(path: Path) -> bytes:
    if isinstance(path, RemotePath):
        with suppress(DataError):  # too long
            return bucket_of(path).get(path.key, _MAX_JSON_BYTES)  # one request: no size first
        return b"{}"
    with path.open("rb") as file:
        return file.read(_MAX_JSON_BYTES + 1)
