"""What we write, read back by the real OpenVisus library, at full and coarser resolutions."""

import itertools
import subprocess
import sys

import numpy as np
import pytest
from tests.formats.idx_written import ArrayImage, plain_keys, plain_read, write_idx

from pyramidion.formats._idx import cascade
from pyramidion.workflows._compress import CompressOptions, compress

pytestmark = pytest.mark.slow
openvisus = pytest.importorskip("OpenVisus")

SHAPES = [
    (1, 1, 1, 1, 1),
    (1, 1, 1, 1, 9),
    (1, 1, 1, 9, 1),
    (1, 1, 3, 4, 5),
    (1, 1, 1, 37, 100),
    (1, 1, 33, 40, 50),
    (1, 1, 2, 9, 31),
    (1, 1, 5, 1, 6),
    (1, 1, 5, 6, 1),
    (1, 3, 1, 20, 30),
    (1, 4, 6, 7, 8),
    (1, 1, 1, 300, 400),
]
DTYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64"]  # fmt: skip


def voxels(shape, dtype="uint8", seed=0):
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return rng.standard_normal(shape).astype(dtype)
    limits = np.iinfo(dtype)
    return rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)


def check(path, values, field=None, times=(0,), origin=(0, 0, 0)):
    """Compare all resolutions with every 2^k-th voxel, counted from 0."""
    db = openvisus.LoadDataset(str(path))
    bits = plain_keys(path)["bits"][1:]
    for (t, time), halvings in itertools.product(enumerate(times), range(min(len(bits), 7))):
        strides = [1 << bits[len(bits) - halvings :].count(axis) for axis in "210"]
        # Multiples of the stride count from 0, not from the box.
        steps = tuple(slice(-o % s, None, s) for o, s in zip(origin, strides, strict=True))
        expected = np.moveaxis(values[t][(slice(None), *steps)], 0, -1)
        if not expected.size:
            continue  # the library has no answer where no voxel is
        found = db.read(quality=-halvings, time=time, **({"field": field} if field else {}))
        assert found is not None
        np.testing.assert_array_equal(found.reshape(expected.shape), expected)


@pytest.mark.parametrize("arco", [None, 0, 256])
@pytest.mark.parametrize("codec", ["zip", "lz4", "raw"])
@pytest.mark.parametrize("shape", SHAPES)
def test_shapes(tmp_path, shape, arco, codec):
    values = voxels(shape)
    check(write_idx(tmp_path / "a.idx", ArrayImage(values), arco=arco, compression=codec), values)


@pytest.mark.parametrize("arco", [4096, 0])
@pytest.mark.parametrize("codec", ["zip", "lz4", "raw"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", [1, 3])
def test_types(tmp_path, dtype, channels, arco, codec):
    values = voxels((1, channels, 9, 20, 33), dtype)
    check(write_idx(tmp_path / "a.idx", ArrayImage(values), arco=arco, compression=codec), values)


@pytest.mark.parametrize("arco", [512, 0])
@pytest.mark.parametrize("origin", [(0, 5, 10), (7, 3, 100), (64, 64, 64), (5, 0, 0)])
@pytest.mark.parametrize("shape", [(1, 1, 9, 20, 33), (1, 1, 1, 20, 33)])
def test_origins(tmp_path, origin, shape, arco):
    values = voxels(shape)
    path = write_idx(tmp_path / "a.idx", ArrayImage(values, origin=origin), arco=arco)
    box = openvisus.LoadDataset(str(path)).getLogicBox()
    n_axes = 2 if shape[2] == 1 and origin[0] == 0 else 3
    assert list(box[0]) == list(origin[::-1])[:n_axes]
    check(path, values, origin=origin)


@pytest.mark.parametrize("arco", [512, 0])
def test_time_steps_and_fields(tmp_path, arco):
    times = (0, 5, 10, 20)
    one, two = voxels((4, 1, 9, 10, 11)), voxels((4, 3, 9, 10, 11), "float32")
    sources = [ArrayImage(one, times=times), ArrayImage(two, name="b", times=times)]
    path = write_idx(tmp_path / "a.idx", *sources, arco=arco)
    db = openvisus.LoadDataset(str(path))
    assert list(db.getTimesteps()) == list(times)
    assert list(db.getFields()) == ["data", "b"]
    check(path, one, "data", times)
    check(path, two, "b", times)
    for codec in ("lz4", "raw", "zip"):
        compress(path, CompressOptions(codec))
        check(path, one, "data", times)
        check(path, two, "b", times)


@pytest.mark.parametrize("arco", [2048, 0])
def test_stages(tmp_path, arco, monkeypatch):
    monkeypatch.setattr(cascade, "TILE_BYTES", 40_000)
    monkeypatch.setattr(cascade, "SLAB_BYTES", 10_000)
    monkeypatch.setattr(cascade, "LAST_BYTES", 3000)
    values = voxels((1, 1, 70, 90, 110), "uint16")
    check(write_idx(tmp_path / "a.idx", ArrayImage(values), arco=arco), values)


def test_the_library_compresses_ours(tmp_path):
    values = voxels((1, 1, 20, 30, 40))
    path = write_idx(tmp_path / "a.idx", ArrayImage(values), arco=1024, compression="raw")
    command = [sys.executable, "-m", "OpenVisus", "compress-dataset", "--compression", "zip", path]
    subprocess.run(command, check=True, capture_output=True)
    assert "default_compression(zip)" in plain_keys(path)["fields"]
    np.testing.assert_array_equal(plain_read(path)[..., 0], values[0, 0])
    check(path, values)
