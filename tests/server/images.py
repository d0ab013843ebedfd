"""Image sources in memory that count what is read, fail on request, and take their time."""

from __future__ import annotations

import threading
import time

import numpy as np

from pyramidion.core import Closing, DamagedError, ImageLevel, ImageSpec, image_axes
from pyramidion.shards import Codec


class MemoryImage(Closing):
    """An array (t, c, z, y, x) as a source."""

    def __init__(self, voxels, *, block=None, levels=1, delay_s=0.0, damaged=None, **spec):
        self.voxels = voxels
        self.spec = ImageSpec(image_axes(voxels.shape), voxels.dtype, **spec)
        self.block = block or (1, 1, 1, 64, 64)
        self.levels = tuple(
            ImageLevel(
                (*voxels.shape[:2], *(-(-n // 2**k) for n in voxels.shape[2:])),
                (1.0, 1.0, 2.0**k, 2.0**k, 2.0**k),
            )
            for k in range(levels)
        )
        self.fields = (self.spec.name,)
        self.reads, self.n_read, self.is_closed = [], 0, False
        self._delay_s, self._damaged, self._lock = delay_s, damaged, threading.Lock()

    def read(self, box, level=0):
        time.sleep(self._delay_s)
        with self._lock:
            self.reads.append((box, level))
            self.n_read += box.size
        assert all(0 <= a < b <= n for a, b, n in zip(box.start, box.stop, self.levels[level].shape, strict=True)), (box, level)  # fmt: skip
        inside = [a <= i < b for a, i, b in zip(box.start, self._damaged or (), box.stop, strict=False)]  # fmt: skip
        if inside and all(inside):
            raise DamagedError("m.img: block 7", "damaged", "checksum", id="PYR-TST-01")
        step = 2**level
        return self.voxels[:, :, ::step, ::step, ::step][box.slices]

    def notes(self):
        return ()

    def close(self):
        self.is_closed = True


def voxels_of(shape, dtype="uint16", seed=3):
    """Values of which no two neighbours along any axis are equal."""
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return rng.standard_normal(shape).astype(dtype)
    return rng.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def read_virtual(client, url, level=0):
    """Read a whole array of a virtual store, chunk by chunk, in plain numpy."""
    document = client.get(f"{url}{level}/zarr.json").json
    shape = document["shape"]
    chunk = document["chunk_grid"]["configuration"]["chunk_shape"]
    codec = Codec.from_metadata(document["codecs"])
    dtype = np.dtype(document["data_type"])
    out = np.empty(shape, dtype)
    for index in np.ndindex(*(-(-n // c) for n, c in zip(shape, chunk, strict=True))):
        answer = client.get(f"{url}{level}/c/{'/'.join(map(str, index))}")
        assert answer.status == 200, answer
        values = codec.decode(answer.body, dtype, int(np.prod(chunk)), str(index)).reshape(chunk)
        place = [
            slice(i * c, min(n, (i + 1) * c)) for i, c, n in zip(index, chunk, shape, strict=True)
        ]
        out[tuple(place)] = values[tuple(slice(p.stop - p.start) for p in place)]
    return out


def scales_of(client, url):
    """Return the scale of each level, as the metadata say."""
    ome = client.get(f"{url}zarr.json").json["attributes"]["ome"]
    return [
        dataset["coordinateTransformations"][0]["scale"]
        for dataset in ome["multiscales"][0]["datasets"]
    ]
