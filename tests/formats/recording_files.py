"""Recordings written byte by byte, from the description of the format and nothing else.

While a recording grows, the index of a shard lies at its start, without a checksum: 16 bytes per
chunk (offset, length), first all (0, 1). When a shard is full the same index follows at its end, with
a checksum. When the recording is finished the metadata say ``end``.
"""

import itertools
import json
import struct

import numpy as np

SIDE_ENTRIES = 65536
ABSENT = 2**64 - 1
REASONS = ["unknown", "camera", "driver", "ring", "disk", "interrupted"]


def crc32c(data):
    """CRC-32C (RFC 3720) bit by bit through a table of its own."""
    value = 0xFFFFFFFF
    for byte in bytes(data):
        value = _TABLE[(value ^ byte) & 0xFF] ^ (value >> 8)
    return value ^ 0xFFFFFFFF


def _entry(byte):
    for _ in range(8):
        byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
    return byte


_TABLE = [_entry(byte) for byte in range(256)]


def numbered_frames(n, height=12, width=16, dtype="uint16", first=0):
    """Frames that hold their own number in the first 8 bytes of every row, and a pattern behind."""
    dtype = np.dtype(dtype)
    y, x = np.ogrid[:height, :width]
    frames = np.stack([(y * 7 + x * 3 + t * 11 + 100) % 251 for t in range(n)]).astype(dtype)
    for t, frame in enumerate(frames):
        rows = frame.view(np.uint8).reshape(height, -1)
        rows[:, :8] = np.frombuffer(struct.pack("<Q", first + t), np.uint8)
    return frames


def halved(frames):
    """Mean of 2 x 2 pixels, rounded half to even, the last row and column from what there is."""
    n, height, width = frames.shape
    rows, columns = -(-height // 2), -(-width // 2)
    out = np.empty((n, rows, columns), frames.dtype)
    for i, j in itertools.product(range(rows), range(columns)):
        box = frames[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].reshape(n, -1)
        out[:, i, j] = np.rint(box.astype(float).mean(axis=1)).astype(frames.dtype)
    return out


def write_recording(
    path, frames, *, shown=None, finished=False, chunk=None, per_shard=4, codec="none",
    lost=(), numbers=None, levels=1, holes=(),
):  # fmt: skip
    """Write a recording.

    Parameters
    ----------
    frames : ndarray (t, y, x)
        All that is on disk.
    shown : int, optional
        How many of them the shape has.
    chunk : tuple, optional
        (t, y, x) of a chunk; by default whole frames.
    per_shard : int
        Chunks of a shard along t.
    codec : str
        ``none`` or ``blosc-lz4``; deep chunks lie raw in their container while recording.
    holes : tuple of int
        Frames that were never written.
    """
    n, height, width = frames.shape
    shown = n if shown is None else shown
    numbers = np.arange(n) if numbers is None else np.asarray(numbers)
    pyramid, described = [frames], []
    while len(pyramid) < levels:
        pyramid.append(halved(pyramid[0]) if len(pyramid) == 1 else _quartered(frames))
    chunk = chunk or (1, height, width)
    path.mkdir(parents=True)
    for level, values in enumerate(pyramid):
        part = (chunk[0], *(min(c, m) for c, m in zip(chunk[1:], values.shape[1:], strict=True)))
        folder = path / str(level)
        shard = write_level(folder, values, shown, part, per_shard, codec, finished, holes)
        about = {"shape": list(values.shape[1:]), "chunk": list(part), "shard": list(shard)}
        described.append({"path": str(level)} | about)
    plan = {
        "frame": [height, width],
        "dtype": frames.dtype.name,
        "codec": codec if codec == "none" else f"{codec}:1",
        "stat": "mean" if levels > 1 else "",
        "levels": described,
    }
    times = 1_700_000_000 + np.arange(n) / 100
    write_side(path / "frame_number", numbers.astype("<i8"), shown)
    write_side(path / "time_camera", (np.arange(n) / 100).astype("<f8"), shown)
    write_side(path / "time_host", times.astype("<f8"), shown)
    rows = np.array([(a, b, REASONS.index(c)) for a, b, c in lost], "<i8").reshape(-1, 3)
    columns = {"columns": ["first", "count", "reason"], "reasons": REASONS}
    write_side(path / "lost", rows, len(rows), columns)
    write_root(path, shown, plan, finished=finished, lost=lost)
    return path


def _quartered(frames):
    n, height, width = frames.shape
    out = np.empty((n, -(-height // 4), -(-width // 4)), frames.dtype)
    for i, j in itertools.product(range(out.shape[1]), range(out.shape[2])):
        box = frames[:, 4 * i : 4 * i + 4, 4 * j : 4 * j + 4].reshape(n, -1)
        out[:, i, j] = np.rint(box.astype(float).mean(axis=1)).astype(frames.dtype)
    return out


def write_level(folder, values, shown, chunk, per_shard, codec, finished, holes=()):
    folder.mkdir(parents=True)
    grid = [-(-m // c) for m, c in zip(values.shape[1:], chunk[1:], strict=True)]
    shard = (chunk[0] * per_shard, *(g * c for g, c in zip(grid, chunk[1:], strict=True)))
    for k in range(-(-len(values) // shard[0])):
        first, last = k * shard[0], min((k + 1) * shard[0], len(values))
        kept = [t for t in range(first, last) if t not in holes]
        data = shard_bytes(values, first, kept, chunk, grid, per_shard, codec)
        file = folder / "c" / str(k) / "0" / "0"
        file.parent.mkdir(parents=True)
        is_full = last - first == shard[0] and len(kept) == last - first
        if is_full or finished:
            data += end_index(data[: 16 * per_shard * grid[0] * grid[1]])
        file.write_bytes(data)
    document = array_document(values, shown, chunk, shard, codec, finished)
    (folder / "zarr.json").write_text(json.dumps(document))
    return shard


def shard_bytes(values, first, kept, chunk, grid, per_shard, codec):
    """A shard with its index at the start; chunks of frames that were never written are absent."""
    n_chunks = per_shard * grid[0] * grid[1]
    index = bytearray(struct.pack("<QQ", 0, 1) * n_chunks)
    body = bytearray()
    for k in range(per_shard):
        frames = [t for t in range(first + k * chunk[0], first + (k + 1) * chunk[0]) if t in kept]
        if not frames:
            continue
        for i, j in itertools.product(range(grid[0]), range(grid[1])):
            block = np.zeros(chunk, values.dtype)
            for t in frames:
                part = values[
                    t, i * chunk[1] : (i + 1) * chunk[1], j * chunk[2] : (j + 1) * chunk[2]
                ]
                block[t - first - k * chunk[0], : part.shape[0], : part.shape[1]] = part
            data = encoded(block, codec, is_deep=chunk[0] > 1)
            number = (k * grid[0] + i) * grid[1] + j
            index[16 * number : 16 * number + 16] = struct.pack(
                "<QQ", len(index) + len(body), len(data)
            )
            body += data
    return bytes(index + body)


def encoded(block, codec, *, is_deep):
    raw = block.tobytes()
    if codec != "none":
        if is_deep:  # a container of blosc whose content is a plain copy
            n = len(raw)
            raw = struct.pack("<BBBBIII", 2, 1, 2, block.itemsize, n, n, n + 16) + raw
        else:
            from numcodecs import blosc

            raw = bytes(blosc.compress(block.reshape(-1), b"lz4", 1, 2))
    return raw if is_deep else raw + struct.pack("<I", crc32c(raw))


def end_index(index):
    """The index as it stands at the end of a full shard: what was never written is absent."""
    entries = np.frombuffer(index, "<u8").reshape(-1, 2).copy()
    entries[(entries == (0, 1)).all(axis=1)] = ABSENT
    body = entries.tobytes()
    return body + struct.pack("<I", crc32c(body))


def array_document(values, shown, chunk, shard, codec, finished):
    inner = [{"name": "bytes", "configuration": {"endian": "little"}}]
    if values.itemsize == 1:
        inner = [{"name": "bytes"}]
    if codec != "none":
        how = {"typesize": values.itemsize, "cname": "lz4", "clevel": 1, "shuffle": "bitshuffle", "blocksize": 0}  # fmt: skip
        inner.append({"name": "blosc", "configuration": how})
    if chunk[0] == 1:
        inner.append({"name": "crc32c"})
    index = [{"name": "bytes", "configuration": {"endian": "little"}}]
    return document(
        [shown, *values.shape[1:]], values.dtype, shard,
        [{"name": "sharding_indexed", "configuration": {
            "chunk_shape": list(chunk), "codecs": inner,
            "index_codecs": [*index, {"name": "crc32c"}] if finished else index,
            "index_location": "end" if finished else "start",
        }}],
        ["t", "y", "x"],
    )  # fmt: skip


def document(shape, dtype, chunk, codecs, names, attributes=None):
    return {
        "zarr_format": 3,
        "node_type": "array",
        "shape": list(shape),
        "data_type": np.dtype(dtype).name,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(chunk)}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": 0,
        "codecs": codecs,
        "attributes": attributes or {},
        "storage_transformers": [],
        "dimension_names": names,
    }


def write_side(folder, values, shown, attributes=None):
    chunk = (SIDE_ENTRIES, *values.shape[1:])
    data = np.zeros(chunk, values.dtype)
    data[: len(values)] = values
    file = folder.joinpath("c", *["0"] * values.ndim)
    file.parent.mkdir(parents=True)
    file.write_bytes(data.tobytes())
    codecs = [{"name": "bytes", "configuration": {"endian": "little"}}]
    names = ["t"] if values.ndim == 1 else ["run", "column"]
    shape = [shown, *values.shape[1:]]
    made = document(shape, values.dtype, chunk, codecs, names, attributes)
    (folder / "zarr.json").write_text(json.dumps(made))


def write_root(path, shown, plan, *, finished, lost):
    levels = len(plan["levels"])
    datasets = [
        {
            "path": str(k),
            "coordinateTransformations": [
                {"type": "scale", "scale": [0.01, 2.0**k, 2.0**k]},
                {"type": "translation", "translation": [0, (2**k - 1) / 2, (2**k - 1) / 2]},
            ],
        }
        for k in range(levels)
    ]
    axes = [
        {"name": "t", "type": "time", "unit": "second"},
        {"name": "y", "type": "space"},
        {"name": "x", "type": "space"},
    ]
    n_lost = sum(n for _, n, _ in lost)
    own = {
        "kind": "recording", "layout": 1, "version": "0", "camera": "a camera",
        "state": "finished" if finished else "recording",
        "properties": {"EXPOSURE TIME": 0.01}, "started": 1_700_000_000.0,
        "rate_hz": 100.0, "pixel_um": None, "origin": [0, 0],
        "stat": plan["stat"], "levels_when": "recording", "writer": "pyramidion", "plan": plan,
    }  # fmt: skip
    if finished:
        own |= {"frames": shown, "frames_stored": shown, "frames_camera": shown + n_lost}
        own["frames_lost"] = {reason: n for _, n, reason in lost}
    multiscale = {"name": "recording", "axes": axes, "datasets": datasets}
    if levels > 1:
        multiscale["type"] = "mean"
    attributes = {"ome": {"version": "0.5", "multiscales": [multiscale]}, "pyramidion": own}
    root = {"zarr_format": 3, "node_type": "group", "attributes": attributes}
    (path / "zarr.json").write_text(json.dumps(root))
