"""The root of a Zarr store: a group or an array, of either version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pyramidion.core import DataError, PyramidionError, escape
from pyramidion.formats._format import Kind
from pyramidion.formats._ome.multiscales import ome_of
from pyramidion.formats._waveform.checks import check_node, mapping_of
from pyramidion.formats._waveform.documents import read_json
from pyramidion.storage import Folder


@dataclass(frozen=True)
class Root:
    """What the root says.

    Parameters
    ----------
    zarr_format : int
        2 or 3.
    is_array : bool
        An array; otherwise a group.
    attributes : mapping
        Its attributes.
    """

    zarr_format: int
    is_array: bool
    attributes: Mapping[str, Any]


def read_root(folder: Folder) -> Root:
    """Read the root of a store.

    Raises
    ------
    DataError
        If there is none, or it is broken or of another version.
    """
    where = str(folder.root)
    if folder.exists("zarr.json"):
        meta = read_json(folder, "zarr.json")
        is_array = meta.get("node_type") == "array"
        check_node(meta, where, "array" if is_array else "group")
        return Root(3, is_array, mapping_of(meta.get("attributes"), "attributes", where))
    for name in (".zarray", ".zgroup"):
        if folder.exists(name):
            version = read_json(folder, name).get("zarr_format")
            if version != 2:
                told = f"Zarr format {escape(version)} not supported"
                raise DataError(where, told, "2 and 3 are", id="PYR-ZAR-03")
            attributes = read_json(folder, ".zattrs") if folder.exists(".zattrs") else {}
            return Root(2, name == ".zarray", attributes)
    names = sorted(p.name for p in folder.root.iterdir())[:5] if folder.root.is_dir() else []
    raise DataError(
        where, "not a Zarr store", f"contains: {', '.join(names) or 'nothing'}",
        "name the store itself", id="PYR-ZAR-01",
    )  # fmt: skip


def kind_of(folder: Folder) -> Kind:
    """Tell whether a store is an image or a waveform; what cannot be read counts as a waveform."""
    try:
        root = read_root(folder)
    except (PyramidionError, OSError):
        return "waveform"
    return "image" if root.is_array or ome_of(root.attributes) is not None else "waveform"
