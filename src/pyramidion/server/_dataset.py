"""What a dataset in the catalogue is, and the addresses that lead to it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Literal
from urllib.parse import quote

Extent = tuple[float, str]
"""A length or duration, and its unit."""


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
    time_unit, unit : str
        Units of a waveform's samples: of `interval_s`, and of the values.
    extents : tuple of (float, str) or None
        How far each axis of an image reaches, and the unit of that, where it is known.
    state : str
        Of a recording: ``recording`` or ``finished``.
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
    time_unit: str = "s"
    unit: str = ""
    extents: tuple[Extent | None, ...] = ()
    state: str = ""

    @property
    def url(self) -> str:
        """Path of its URL."""
        return self.data_url if self.named else "/" + self._quoted

    @property
    def data_url(self) -> str:
        """Path of the store that the viewer opens."""
        return "/" + self._quoted if self.stored else f"/zarr/{self._quoted}/"

    @property
    def viewer_url(self) -> str:
        """Path of the viewer, opened with it."""
        return viewer_url(self.data_url)

    @property
    def thumbnail_url(self) -> str:
        """Path of its small picture."""
        return "/api/thumbnail/" + self._quoted

    @cached_property
    def _quoted(self) -> str:
        return quote(self.name)

    @property
    def n_bytes(self) -> int:
        """Bytes of all its elements, decoded; 0 where the type is not known."""
        return math.prod(self.shape) * _itemsize(self.dtype)

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


@lru_cache(100)  # strangers may name any number of types
def _itemsize(dtype: str) -> int:
    """Return bytes an element of ``int16`` or ``<i2``; 0 if unknown."""
    v2 = re.fullmatch(r"[<>|][iuf]([1248])", dtype)
    if v2:
        return int(v2[1])
    v3 = re.fullmatch(r"(?:u?int|float)(8|16|32|64)", dtype)
    return int(v3[1]) // 8 if v3 else 0
