"""Datasets that the real OpenVisus writes with random settings, read by both."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.helpers import random_codes

from pyramidion.core import Box
from pyramidion.formats import OpenOptions
from pyramidion.formats._idx.bitmask import Bitmask
from pyramidion.formats._idx.image import IdxImage

pytestmark = pytest.mark.slow
PROGRAM = Path(__file__).parent / "openvisus_writer.py"
N_BOXES = 4


def random_settings(rng):
    n_axes = int(rng.integers(2, 4))
    dims = [int(v) for v in rng.integers(9, 70 if n_axes == 2 else 40, n_axes)]
    origin = [int(v) for v in rng.integers(0, 20, n_axes)] if rng.random() < 0.4 else [0] * n_axes
    upper = [a + b for a, b in zip(origin, dims, strict=True)]
    bits = Bitmask.for_dims(upper).text
    shuffled = "V" + "".join(rng.permutation(list(bits[1:])))
    dtype = str(rng.choice(["uint8", "int16", "uint16", "uint32", "float32", "float64"]))
    components = int(rng.choice([1, 1, 2, 3, 4]))
    layout = "hzorder" if rng.random() < 0.3 else ""
    name = dtype + (f"[{components}]" if components > 1 else "")
    sample_bytes = np.dtype(dtype).itemsize * components
    bits_per_block = int(rng.integers(5, min(12, len(bits) - 1)))
    boxes = []
    for _ in range(N_BOXES):
        p1 = [int(rng.integers(a, b)) for a, b in zip(origin, upper, strict=True)]
        p2 = [int(rng.integers(a + 1, b + 1)) for a, b in zip(p1, upper, strict=True)]
        boxes.append((p1, p2, int(rng.integers(len(bits) // 2, len(bits)))))
    return {
        "dims": dims,
        "origin": origin,
        "field": f"data {name} default_layout({layout})",
        "dtype": dtype,
        "components": components,
        "bitsperblock": bits_per_block,
        "blocksperfile": int(rng.choice([1, 2, 8, 64])),
        "bitmask": shuffled if rng.random() < 0.5 else bits,
        "arco": sample_bytes << bits_per_block if rng.random() < 0.5 else 0,
        "codec": str(rng.choice(["raw", "zip", "lz4"])),
        "boxes": boxes,
    }


def lattice_shape(bits, p1, p2, h):
    strides = [2 ** bits[h + 1 :].count(str(axis)) for axis in range(len(p1))]
    return [-(-b // s) - -(-a // s) for a, b, s in zip(p1, p2, strides, strict=True)]


def write(tmp_path, settings, data):
    """Let OpenVisus write a dataset, and read its boxes."""
    pytest.importorskip("OpenVisus")
    np.save(tmp_path / "data.npy", data)
    (tmp_path / "settings.json").write_text(json.dumps(settings))
    subprocess.run(
        [sys.executable, PROGRAM, tmp_path / "settings.json"],
        check=True,
        capture_output=True,
        timeout=120,
    )


@pytest.mark.parametrize("seed", range(20))
def test_random_settings(tmp_path, seed):
    rng = np.random.default_rng(seed)
    settings = random_settings(rng)
    # Boxes that have no point at their resolution are an error there.
    settings["boxes"] = [
        (p1, p2, h)
        for p1, p2, h in settings["boxes"]
        if min(lattice_shape(settings["bitmask"], p1, p2, h)) > 0
    ]
    shape = tuple(settings["dims"][::-1])
    tail = (settings["components"],) if settings["components"] > 1 else ()
    data = random_codes(rng, (*shape, *tail), settings["dtype"])
    write(tmp_path, settings, data)
    with IdxImage(tmp_path / "visus.idx", OpenOptions()) as image:
        assert image.dataset.header.bitmask.text == settings["bitmask"]
        full = np.moveaxis(data.reshape(*(1,) * (3 - len(shape)), *shape, -1), -1, 0)
        found = image.read(Box.whole(image.spec.shape))[0]
        assert found.tobytes() == np.ascontiguousarray(full).tobytes()
        for i, (p1, p2, h) in enumerate(settings["boxes"]):
            theirs = np.load(tmp_path / f"box{i}.npy")
            pad = 3 - len(p1)
            ours = image.dataset.read(0, 0, (*p1, *[0] * pad), (*p2, *[1] * pad), h)
            assert ours.tobytes() == np.ascontiguousarray(theirs).tobytes()


LOSSY = [
    ("png", "uint8", (48, 64)),
    ("png", "uint8[3]", (48, 64)),
    ("jpg", "uint8", (48, 64)),
    ("zfp-precision=16-precision=16", "float32", (48, 64)),
    ("zfp-precision=24-precision=24", "float64", (16, 16, 16)),
    ("zfp-accuracy=0.01-accuracy=0.01", "float32", (20, 17, 30)),
]


@pytest.mark.parametrize(("codec", "dtype", "shape"), LOSSY)
def test_pictures_and_zfp(tmp_path, codec, dtype, shape):
    base, _, n = dtype.strip("]").partition("[")
    y, x = np.ogrid[: shape[-2], : shape[-1]]
    data = np.broadcast_to(x * 2 + y * 3, shape)
    data = np.sin(data / 100) if base[0] == "f" else data % 200
    data = np.stack([data + i for i in range(int(n))], -1) if n else data
    dims = list(shape[::-1])
    settings = {
        "dims": dims,
        "origin": [0] * len(dims),
        "field": f"data {dtype}",
        "bitsperblock": 9,
        "blocksperfile": 64,
        "bitmask": "",
        "arco": 0,
        "codec": codec,
        "boxes": [([0] * len(dims), dims, int(sum(np.ceil(np.log2(dims)))))],
    }
    write(tmp_path, settings, np.ascontiguousarray(data.astype(base)))
    theirs = np.load(tmp_path / "box0.npy")
    with IdxImage(tmp_path / "visus.idx", OpenOptions()) as image:
        found = np.moveaxis(image.read(Box.whole(image.spec.shape))[0], 0, -1)
    difference = np.abs(found.reshape(theirs.shape).astype(float) - theirs).max()
    assert difference <= (3 if codec == "jpg" else 0)  # two JPEG decoders may round otherwise
