"""What the child process says about a file: which dataset, where its elements lie, its attributes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from h5py import h5d, h5g, h5s, h5t

from pyramidion.core import DataError, PyramidionError, format_bytes
from pyramidion.formats._hdf5.attributes import attributes_of, send_neighbours
from pyramidion.formats._hdf5.choose import DEFAULT_NAMES, choose, choose_image, own_kind
from pyramidion.formats._hdf5.layout import CHUNK_RECORD, DEFLATE, FLETCHER32, SHUFFLE
from pyramidion.formats._hdf5.library import is_available
from pyramidion.formats._hdf5.probe import Frames
from pyramidion.formats._hdf5.walk import find, members, resolve, walk

LIMIT_AXIS = 2**40
LIMIT_ARRAY_BYTES = 2**50
LIMIT_CHUNK_BYTES = 2**30
SPARSE_BYTES, SPARSE_RATIO = 2**26, 2000
"""Beyond 64 MiB, a dataset may declare at most 2000 times what it stores."""

_OWN_FILTERS = {DEFLATE, SHUFFLE, FLETCHER32}
_FILTER_NAMES = {
    4: "szip",
    5: "nbit",
    6: "scaleoffset",
    307: "bzip2",
    32000: "lzf",
    32001: "blosc",
    32004: "lz4",
    32008: "bitshuffle",
    32013: "zfp",
    32015: "zstd",
    32017: "sz",
    32019: "fcidecomp",
    32026: "blosc2",
}
_CLASS_NAMES = {
    h5t.STRING: "string",
    h5t.BITFIELD: "bit field",
    h5t.OPAQUE: "opaque",
    h5t.COMPOUND: "compound",
    h5t.REFERENCE: "reference",
    h5t.ENUM: "enum",
    h5t.VLEN: "variable length",
    h5t.ARRAY: "array",
    h5t.TIME: "time",
    h5t.COMPLEX: "complex",
}
_RECORDS_PER_FRAME = 2**15


def answer(file: Any, request: Mapping[str, Any], frames: Frames) -> None:
    """Send everything about a file's waveform or image.

    Parameters
    ----------
    file : h5py.File
        Open for reading.
    request : mapping
        See :func:`pyramidion.formats._hdf5.probe.main`.
    frames : Frames
        Where to.

    Raises
    ------
    DataError, UsageError
        If there is none, or it is of a kind that is refused.
    """
    root, where = h5g.open(file.id, b"/"), request["file"]
    paths = _choose(root, request["dataset"], request["want"], where)
    most_axes = 4 if request["want"] == "waveform" else 5
    opened = [resolve(root, path, where) for path in paths]
    layouts = []
    for path, dataset in zip(paths, opened, strict=True):
        if isinstance(dataset, h5g.GroupID):
            names = ", ".join(members(dataset, where, 6)) or "nothing"
            raise DataError(
                f"{where}:/{path}",
                "is a group",
                mend=f"name a dataset in it ({names})",
                id="PYR-H5-07",
            )
        layouts.append(_describe(dataset, path, f"{where}:/{path}", request["sparse"], most_axes))
    groups = [resolve(root, path.rpartition("/")[0], where) for path in paths]
    arrays = [
        attributes_of(dataset) | {"layout": x} for dataset, x in zip(opened, layouts, strict=True)
    ]
    for array, group in zip(arrays, groups, strict=True):
        array["group"] = attributes_of(group)["attributes"] if group != root else {}
    frames.send_json(b"J", {"arrays": arrays, "root": attributes_of(root)})
    for number, (dataset, layout) in enumerate(zip(opened, layouts, strict=True)):
        own = f"{where}:/{layout['path']}"
        _send_elements(dataset, layout, number, frames, own, file.id.get_filesize())
    send_neighbours([*groups[:1], root], frames)


def _choose(root: Any, asked: str | None, want: str, where: str) -> tuple[str, ...]:
    """Return the dataset that is wanted: ``waveform``, ``image``, or ``any`` of the two."""
    if asked is not None:
        return (asked.strip("/"),)
    own = _own_fields(root) if want != "waveform" else ()
    if own:
        return own[:1]
    # A dataset or a link of that name: a link is refused by name, not passed over.
    named = [n for n in DEFAULT_NAMES if root.links.exists(n.encode())]
    named = [n for n in named if find(root, n) is not None or not _is_group(root, n)]
    if len(named) == 1:
        return (named[0],)
    found = walk(root, where)
    if want == "image":
        return (choose_image(where, found),)
    try:
        return choose(where, found)
    except PyramidionError:
        if want == "waveform":
            raise
        return (choose_image(where, found),)


def _own_fields(root: Any) -> tuple[str, ...]:
    """Return the datasets of a file of ours that holds an image."""
    told = attributes_of(root)["attributes"].get("pyramidion", {}).get("value")
    fields = own_kind(told)[1]
    return fields if all(find(root, name) is not None for name in fields) else ()


def _is_group(root: Any, name: str) -> bool:
    from h5py import h5l, h5o

    if root.links.get_info(name.encode()).type != h5l.TYPE_HARD:
        return False
    return isinstance(h5o.open(root, name.encode()), h5g.GroupID)


def _describe(dataset: Any, path: str, where: str, sparse: bool, most_axes: int) -> dict[str, Any]:
    """Return the JSON form of a :class:`Layout`, after every check."""
    if not isinstance(dataset, h5d.DatasetID):
        raise DataError(where, "is a type, not a dataset", id="PYR-H5-07")
    properties = dataset.get_create_plist()
    _refuse_other_files(properties, where)
    dtype, is_plain = _dtype(dataset.get_type(), where)
    shape = _shape(dataset.get_space(), where, most_axes)
    n_bytes = math.prod(shape) * dtype.itemsize
    if max(shape) > LIMIT_AXIS or n_bytes > LIMIT_ARRAY_BYTES:
        raise _declares(where, n_bytes, dataset.get_storage_size(), "refused")
    filters = _filters(properties, where)
    storage, chunk = _storage(dataset, properties)
    chunk_bytes = math.prod(chunk) * dtype.itemsize if chunk else 0
    if chunk_bytes > LIMIT_CHUNK_BYTES:
        raise DataError(
            where,
            f"one chunk has {format_bytes(chunk_bytes)}, over the limit of 1 GiB",
            chunk,
            "write it again with smaller chunks (h5repack)",
            id="PYR-H5-12",
        )
    stored = dataset.get_storage_size()
    if not sparse and n_bytes > SPARSE_BYTES and n_bytes > SPARSE_RATIO * stored:
        raise _declares(where, n_bytes, stored, "refused; --sparse if intended")
    own = all(f["id"] in _OWN_FILTERS for f in filters)
    if not is_plain or not own or sum(f["id"] == DEFLATE for f in filters) > 1:
        storage = "library"
    return {
        "path": path,
        "shape": shape,
        "dtype": dtype.str,
        "storage": storage,
        "chunk": chunk,
        "filters": filters,
        "fill": _fill(properties, dtype).hex(),
        "offset": (dataset.get_offset() or 0) if storage == "contiguous" else 0,
        "labels": _labels(dataset, len(shape)),
    }


def _refuse_other_files(properties: Any, where: str) -> None:
    if properties.get_external_count() > 0:
        raise DataError(
            where,
            "keeps its data in another file",
            properties.get_external(0)[0],
            "refused: put the data into the file itself (h5repack)",
            id="PYR-H5-13",
        )
    if properties.get_layout() != h5d.VIRTUAL:
        return
    names = [
        properties.get_virtual_filename(i) for i in range(min(properties.get_virtual_count(), 100))
    ]
    is_outside = any(Path(name).is_absolute() or ".." in Path(name).parts for name in names)
    raise DataError(
        where,
        "virtual, sources outside its folder" if is_outside else "virtual",
        ", ".join(dict.fromkeys(names)),
        "refused: convert the sources, or copy it into a plain dataset first",
        id="PYR-H5-15",
    )


def _dtype(element: Any, where: str) -> tuple[np.dtype[Any], bool]:
    """Return the numpy type, and whether its stored bytes are exactly that type."""
    kind, size = element.get_class(), element.get_size()
    if kind not in (h5t.INTEGER, h5t.FLOAT) or size > 8:
        raise DataError(
            where,
            "unsupported type",
            _type_name(element),
            "integers and floats of up to 64 bits are read",
            id="PYR-H5-10",
        )
    dtype = np.dtype(element.dtype)
    # Not so: 12 bits in 16, bfloat16 and the like, which the library converts.
    return dtype, bool(element.equal(h5t.py_create(dtype)))


def _type_name(element: Any) -> str:
    kind = element.get_class()
    if kind == h5t.FLOAT:
        return f"float{8 * element.get_size()}"
    if kind == h5t.STRING:
        return "vlen string" if element.is_variable_str() else "string"
    if kind == h5t.INTEGER:
        return f"integer of {8 * element.get_size()} bits"
    if kind in (h5t.ENUM, h5t.COMPOUND):
        name = np.dtype(element.dtype).name
        return name if name.startswith(("bool", "complex")) else _CLASS_NAMES[kind]
    return _CLASS_NAMES.get(kind, f"class {kind}")


def _shape(space: Any, where: str, most_axes: int) -> tuple[int, ...]:
    if space.get_simple_extent_type() != h5s.SIMPLE:
        what = "null" if space.get_simple_extent_type() == h5s.NULL else "a single value"
        raise DataError(where, "empty", f"{what}, 0 samples", id="PYR-H5-09")
    shape = tuple(int(n) for n in space.get_simple_extent_dims())
    if 0 in shape:
        raise DataError(where, "empty", "0 samples", id="PYR-H5-09")
    if len(shape) <= most_axes:
        return shape
    if most_axes == 4:
        needed, names = "4 axes needed", "channels, trcs, segments, samples"
    else:
        needed, names = "2 to 5 axes needed", "t, c, z, y, x"
    raise DataError(
        where,
        f"shape {shape}: {needed}",
        names,
        "reshape it, or use --axes where there are fewer",
        id="PYR-H5-08",
    )


def _filters(properties: Any, where: str) -> list[dict[str, Any]]:
    found = []
    for index in range(properties.get_nfilters()):
        number, _, values, name = properties.get_filter(index)
        if number not in _OWN_FILTERS and not is_available(number):
            known = _FILTER_NAMES.get(number) or name.decode("utf-8", "replace").split("\0")[0]
            shown = f"filter {number} ({known})" if known else f"filter {number}"
            raise DataError(
                where,
                f"compressed with {shown}, not available",
                mend="pip install hdf5plugin",
                id="PYR-H5-16",
            )
        found.append({"id": number, "values": [int(v) for v in values]})
    return found


def _storage(dataset: Any, properties: Any) -> tuple[str, tuple[int, ...]]:
    layout = properties.get_layout()
    if layout == h5d.CHUNKED:
        return "chunked", tuple(int(n) for n in properties.get_chunk())
    if layout == h5d.COMPACT:
        return "inline", ()
    return ("contiguous" if dataset.get_offset() is not None else "missing"), ()


def _fill(properties: Any, dtype: np.dtype[Any]) -> bytes:
    value = np.zeros((), dtype)
    if properties.fill_value_defined() == h5d.FILL_VALUE_USER_DEFINED:
        properties.get_fill_value(value)
    return value.tobytes()


def _labels(dataset: Any, n_axes: int) -> list[str]:
    """Return the dimension labels (HDF5 dimension scales), empty strings where there are none."""
    import h5py

    return [h5py.Dataset(dataset).dims[axis].label for axis in range(n_axes)]


def _declares(where: str, n_bytes: int, stored: int, mend: str) -> DataError:
    return DataError(
        where,
        f"declares {format_bytes(n_bytes)}, stores {format_bytes(stored)}",
        mend=mend,
        id="PYR-H5-11",
    )


def _send_elements(
    dataset: Any,
    layout: Mapping[str, Any],
    number: int,
    frames: Frames,
    where: str,
    n_file_bytes: int,
) -> None:
    """Send the bytes of a small dataset, or the places of the chunks of a large one."""
    if layout["storage"] == "inline":
        values = np.empty(layout["shape"], layout["dtype"])
        dataset.read(h5s.ALL, h5s.ALL, values)
        frames.send(b"D", number, values.tobytes())
    if layout["storage"] != "chunked":
        return
    chunk = layout["chunk"]
    grid = [-(-n // c) for n, c in zip(layout["shape"], chunk, strict=True)]
    # An index that leads to itself would never end: no two chunks share a place or a byte.
    n_left = min(math.prod(grid), n_file_bytes)
    records: list[tuple[int, ...]] = []

    def flush() -> None:
        frames.send(b"T", number, np.array(records, "<u8").reshape(-1, 4).tobytes())
        records.clear()

    def take(found: Any) -> bool | None:
        nonlocal n_left
        position = 0
        for begin, n, n_grid in zip(found.chunk_offset, chunk, grid, strict=True):
            position = position * n_grid + begin // n
            if begin // n >= n_grid:
                n_left = 0
        n_left -= 1
        if n_left < 0:
            return True
        records.append((position, found.byte_offset, found.size, found.filter_mask))
        if len(records) == _RECORDS_PER_FRAME:
            flush()
        return None

    assert CHUNK_RECORD.itemsize == 32
    dataset.chunk_iter(take)
    flush()
    if n_left < 0:
        raise DataError(where, "damaged chunk index", mend="copy it again", id="PYR-H5-17")
