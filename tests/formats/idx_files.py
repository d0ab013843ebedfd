"""IDX datasets written sample by sample from the HZ addresses, sharing nothing with the reader.

Every sample's address is computed; a block is the samples of 2 ** bitsperblock addresses, in the
order of the addresses or sorted by z, y, x. Slow, and for that reason easy to believe.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np

FLAGS = {"raw": 0, "zip": 3, "lz4": 7, "png": 6, "jpg": 4}


def hz_addresses(bits: str) -> np.ndarray:
    """Return the HZ address of every point of the power-of-two box, shape (z, y, x)."""
    maxh = len(bits) - 1
    size = [2 ** bits.count(axis) for axis in "012"]
    z, y, x = np.meshgrid(*(np.arange(n) for n in size[::-1]), indexing="ij")
    left = [x.copy(), y.copy(), z.copy()]
    address = np.full(x.shape, 1 << maxh, np.int64)
    for bit, digit in enumerate(reversed(bits[1:])):
        address |= (left[int(digit)] & 1) << bit
        left[int(digit)] >>= 1
    lowest_one = address & -address
    return address // (2 * lowest_one)


def blocks_of(volume: np.ndarray, origin, bits: str, bpb: int, *, row_major: bool):
    """Return the blocks of a volume (z, y, x, components) whose first voxel is at `origin` x, y, z."""
    address = hz_addresses(bits)
    full = np.zeros((*address.shape, volume.shape[-1]), volume.dtype)
    place = tuple(slice(o, o + n) for o, n in zip(origin[::-1], volume.shape[:3], strict=True))
    full[place] = volume
    inside = np.zeros(address.shape, bool)
    inside[place] = True
    # One sort by address; within a block, by place where it is an array.
    flat = address.ravel()
    order = np.argsort(flat, kind="stable")
    blocks = {}
    for number in range(1 << (len(bits) - 1 - bpb)):
        own = order[number << bpb : (number + 1) << bpb]
        own = np.sort(own) if row_major else own
        if inside.ravel()[own].any():
            blocks[number] = full.reshape(-1, volume.shape[-1])[own]
    return blocks


def encode(block: np.ndarray, codec: str) -> bytes:
    if codec == "zip":
        return zlib.compress(block.tobytes(), 6)
    if codec == "lz4":
        import imagecodecs

        return bytes(imagecodecs.lz4_encode(block.tobytes(), header=False))
    return block.tobytes()


def header_text(**keys) -> str:
    return "".join(f"({key.replace('__', ' ')})\n{value}\n" for key, value in keys.items())


def write_idx(
    folder,
    volume,
    *,
    bits,
    bpb,
    bpf=4,
    version=6,
    codec="raw",
    row_major=True,
    origin=(0, 0, 0),
    interleave=0,
    arco=False,
    template="./visus/%04x.bin",
    skip=(),
    fields="",
    n_axes=3,
    n_fields=1,
    field=0,
):
    """Write a dataset of one time step; `volume` has the axes z, y, x, components."""
    folder.mkdir(parents=True, exist_ok=True)
    n = volume.shape[-1]
    sample_bytes = volume.dtype.itemsize * n
    bpf = 1 if arco else bpf
    pairs = [f"{o} {o + s - 1}" for o, s in zip(origin, volume.shape[2::-1], strict=True)]
    type_name = volume.dtype.name + (f"[{n}]" if n > 1 else "")
    text = header_text(
        version=version,
        box=" ".join(pairs[:n_axes]),
        fields=fields
        or f"data {type_name} default_compression({codec if codec != 'raw' else ''})"
        + ("" if row_major else " format(0)"),
        bits=bits,
        bitsperblock=bpb,
        blocksperfile=bpf,
        interleave__block=interleave,
        filename_template=template,
        arco=sample_bytes << bpb if arco else 0,
    )
    (folder / "visus.idx").write_text(text)
    stored = volume
    if version < 3 and volume.dtype == np.float32:
        stored = volume.astype(">f4")
    blocks = blocks_of(stored, origin, bits, bpb, row_major=row_major)
    blocks = {b: encode(block, codec) for b, block in blocks.items() if b not in skip}
    if arco:
        for b, body in blocks.items():
            name = f"{b:016x}"
            path = folder / f"visus/0/data/{name[:4]}/{name[4:8]}/{name[8:12]}/{name[12:]}.bin"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
        return folder / "visus.idx"
    flags = FLAGS[codec] | (0x10 if row_major else 0)
    for name, members in _files(blocks, bpf, interleave, template).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_file_bytes(members, bpf, version, flags, n_fields, field))
    return folder / "visus.idx"


def _files(blocks, bpf, interleave, template):
    """Gather the bodies by file: {name: {position: body}}."""
    files: dict[str, dict[int, bytes]] = {}
    step = max(1, interleave)
    for b, body in blocks.items():
        position = (b // step) % bpf
        first = b - step * position
        files.setdefault(template % first if "%" in template else template, {})[position] = body
    return files


def _file_bytes(members, bpf, version, flags, n_fields, field) -> bytes:
    head = {1: 0, 6: 40}.get(version, 16)
    entry = 40 if version == 6 else 12
    end = head + entry * bpf * n_fields
    table, bodies = bytearray(end), bytearray()
    for position, body in members.items():
        at = head + entry * (field * bpf + position)
        offset = end + len(bodies)
        if version == 6:
            struct.pack_into(">10I", table, at, 0, 0, offset, 0, len(body), flags, 0, 0, 0, 0)
        else:
            struct.pack_into(">3I", table, at, offset, len(body), int((flags & 15) == 3))
        bodies += body
    return bytes(table + bodies)
