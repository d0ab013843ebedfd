"""HDF5 files that are wrong in one way each; made by h5py where it can, by hand where it refuses."""

from __future__ import annotations

import struct
import subprocess
import sys

import h5py
import numpy as np

KEY_BYTES = 4 + 4 + 8 * 2
"""A key of the chunk index of a one-dimensional dataset: size, mask, two offsets."""
FAN_OUT = 64


def plain(path, **storage):
    """A good file, to be spoilt."""
    with h5py.File(path, "w") as file:
        file.create_dataset(
            "data", data=np.arange(20000, dtype="<i2").reshape(2, 1, 1, -1), **storage
        )
        file.attrs["horiz_interval"] = 2e-9
    return path


def left_open(path, *, swmr):
    """What a writer leaves that dies without closing."""
    code = (
        "import sys, os, h5py, numpy as np\n"
        "f = h5py.File(sys.argv[1], 'w', libver='latest')\n"
        "f.create_dataset('data', data=np.arange(1000), chunks=(10,), maxshape=(None,))\n"
        + ("f.swmr_mode = True\n" if swmr else "")
        + "f.flush()\n"
        "os._exit(0)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)
    return path


def with_filter(path, number):
    """A dataset whose only chunk went through a filter that is not installed."""
    with h5py.File(path, "w") as file:
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_chunk((100,))
        properties.set_filter(number, h5py.h5z.FLAG_OPTIONAL, (3,))
        space = h5py.h5s.create_simple((100,))
        dataset = h5py.h5d.create(file.id, b"data", h5py.h5t.STD_I16LE, space, properties)
        dataset.write_direct_chunk((0,), b"compressed", 0)
    return path


def with_type(path, type_id):
    """A dataset of any type, never written."""
    with h5py.File(path, "w") as file:
        h5py.h5d.create(file.id, b"data", type_id, h5py.h5s.create_simple((10,)))
    return path


def chunk_places(path):
    """Offset and size of every chunk of ``data``."""
    found = []
    with h5py.File(path) as file:
        file["data"].id.chunk_iter(lambda c: found.append((c.byte_offset, c.size)))
    return found


def flip(path, offset):
    """Change one byte."""
    data = bytearray(path.read_bytes())
    data[offset] ^= 0xFF
    path.write_bytes(data)


def _indexed(path):
    """A dataset whose chunk index has a node above its leaves; returns the bytes and its place."""
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=np.arange(300, dtype="<i2"), chunks=(1,))
    data = bytearray(path.read_bytes())
    root = next(
        at for at in range(len(data)) if data[at : at + 6] == b"TREE\x01\x01"
    )  # kind 1 (chunks), level 1
    return data, root


def index_of_itself(path):
    """A chunk index whose root is its own child: the library recurses until it has no stack."""
    data, root = _indexed(path)
    _point_children(data, root, root)
    path.write_bytes(data)
    return path


def index_without_end(path, n_levels=7):
    """A chunk index of 64 children per node, all of them the same node: 64 ** 7 ways down."""
    data, root = _indexed(path)
    node_bytes = 24 + (FAN_OUT + 1) * KEY_BYTES + FAN_OUT * 8
    node = bytes(data[root : root + node_bytes])
    data[root + 5] = n_levels
    here = root
    for level in range(n_levels - 1, -1, -1):
        below = len(data)
        _point_children(data, here, below)
        data += node
        data[below + 5] = level
        here = below
    struct.pack_into("<H", data, here + 6, 0)  # the leaf is empty
    struct.pack_into("<Q", data, 40, len(data))  # end of file, superblock version 0
    path.write_bytes(data)
    return path


def _point_children(data, node, child):
    struct.pack_into("<H", data, node + 6, FAN_OUT)
    for k in range(FAN_OUT):
        struct.pack_into("<Q", data, node + 24 + (k + 1) * KEY_BYTES + k * 8, child)
