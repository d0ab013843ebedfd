"""Writing IDX datasets in tests, and reading them in a few lines that share nothing with ours."""

import re
import struct
import zlib
from pathlib import Path

import numpy as np

from pyramidion.core import Closing, ImageSpec, image_axes
from pyramidion.formats import WriteOptions
from pyramidion.formats._idx.sink import IdxSink

CODECS = {0: "raw", 3: "zip", 7: "lz4"}


class ArrayImage(Closing):
    """Voxels (t, c, z, y, x) in memory, as a source that counts what is read."""

    def __init__(self, voxels, **described):
        axes = described.pop("axes", image_axes(voxels.shape))
        self.spec = ImageSpec(axes, voxels.dtype, **described)
        self.voxels, self.n_read = voxels, 0

    def read(self, box, level=0):
        assert level == 0
        self.n_read += box.size
        return self.voxels[box.slices]


def do_tasks(sink, sources):
    """Do what is not done, one after the other."""
    for task in range(len(sink.tasks)):
        if not sink.is_done(task):
            sink.work(task, [source.read for source in sources])


def write_idx(path, *sources, **options):
    """Write sources as the fields of a dataset."""
    sink = IdxSink(Path(path), [source.spec for source in sources], WriteOptions(**options))
    try:
        do_tasks(sink, sources)
        sink.commit()
    finally:
        sink.abort()
    return Path(path)


def plain_keys(path):
    """The keys of an .idx and their values."""
    found = re.findall(r"^\((.*)\)\n((?:(?!\().*\n?)*)", Path(path).read_text(), re.M)
    return {key: " ".join(value.split()) for key, value in found}


def plain_read(path, field=0, time=0):
    """Read a dataset sample by sample along the HZ curve; returns (z, y, x, components).

    Absent blocks are 0; blocks that do not decode raise.
    """
    keys = plain_keys(path)
    declared = keys["fields"].split("+")[field].split()
    name, dtype, n = declared[0], *re.fullmatch(r"([a-z0-9]+)(?:\[(\d+)\])?", declared[1]).groups()
    dtype, n = np.dtype(dtype), int(n or 1)
    bits, bpb = keys["bits"][1:], int(keys["bitsperblock"])
    bounds = np.array(keys["box"].split(), int).reshape(-1, 2)
    points = curve_points(bits)
    low, high = np.zeros(3, int), np.ones(3, int)
    low[: len(bounds)], high[: len(bounds)] = bounds[:, 0], bounds[:, 1] + 1
    out = np.zeros((*(high - low)[::-1], n), dtype)
    for block in range(1 << (len(bits) - bpb)):
        body = plain_block(path, keys, block, field, name, time)
        if body is None:
            continue
        codec, stored = body
        size = n * dtype.itemsize << bpb
        values = np.frombuffer(plain_decode(stored, codec, size), dtype).reshape(-1, n)
        at = points[block << bpb : (block + 1) << bpb]
        # Row-major: x runs fastest, then y, then z.
        at = at[np.lexsort((at[:, 0], at[:, 1], at[:, 2]))]
        inside = np.all((at >= low) & (at < high), axis=1)
        x, y, z = (at[inside] - low).T
        out[z, y, x] = values[inside]
    return out


def curve_points(bits):
    """Coordinates x, y, z of all addresses along the HZ curve, in order."""
    points = np.zeros((1, 3), int)
    for h, digit in enumerate(bits, 1):
        step = np.zeros(3, int)
        step[int(digit)] = 1 << bits[h:].count(digit)
        # The address of a sample of level h, without its leading bit, is its place among the
        # coarser ones in plain Z order.
        z_order = plain_z_order(bits[: h - 1], bits)
        points = np.concatenate([points, z_order + step])
    return points


def plain_z_order(coarse, bits):
    """Coordinates of the lattice that some leading digits make, in Z order."""
    n = len(coarse)
    numbers = np.arange(1 << n)
    at = np.zeros((1 << n, 3), int)
    for place, digit in enumerate(coarse):
        axis = int(digit)
        at[:, axis] += (numbers >> (n - 1 - place) & 1) << bits[place + 1 :].count(digit)
    return at


def plain_block(path, keys, block, field, name, time):
    """Return codec and stored bytes of a block; None if it is absent."""
    folder = Path(path).with_suffix("")
    if int(keys["arco"]):
        digits = f"{block:016x}"
        groups = [digits[i : i + 4] for i in range(0, 16, 4)]
        file = folder.joinpath(str(time), name, *groups[:3], groups[3] + ".bin")
        declared = re.search(r"compression\((\w*)", keys["fields"].split("+")[field])
        codec = (declared and declared[1]) or "raw"
        return (codec, file.read_bytes()) if file.exists() else None
    per_file = int(keys["blocksperfile"])
    first = block - block % per_file
    template = keys["filename_template"].removeprefix("./")
    assert template.count("%") == 1, "this reader knows one conversion"
    if "time" in keys:
        times = re.search(r"\S*%\S*", keys["time"])[0]
        template = template.replace("%04x", times % time + "%04x")
    file = Path(path).parent / (template % first)
    if not file.exists():
        return None
    data = file.read_bytes()
    entry = 40 + 40 * (field * per_file + block % per_file)
    words = struct.unpack(">10I", data[entry : entry + 40])
    if not words[4]:
        return None
    assert words[5] & 0x10, "row-major"
    at = words[2] | words[3] << 32
    return CODECS[words[5] & 15], data[at : at + words[4]]


def plain_decode(stored, codec, size):
    if codec == "zip":
        stored = zlib.decompress(stored)
    elif codec == "lz4":
        import imagecodecs

        stored = imagecodecs.lz4_decode(stored, header=False, out=size)
    assert len(stored) == size
    return stored
