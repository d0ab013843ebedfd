"""Real readers over real HTTP: zarr-python through obstore, and tensorstore."""

from __future__ import annotations

import numpy as np
import pytest
import tensorstore
import zarr
from obstore.store import HTTPStore
from zarr.codecs import BloscCodec, ShardingCodec, ZstdCodec
from zarr.storage import ObjectStore

SHAPE = (2, 1, 3, 10_007)


@pytest.fixture(scope="module")
def codes():
    return np.random.default_rng(3).integers(-2000, 2000, SHAPE).astype(np.int16)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, codes):
    folder = tmp_path_factory.mktemp("stores")
    for name, options in {
        "sharded.zarr": {"shards": (1, 1, 1, 8192), "compressors": ZstdCodec(level=1)},
        "blosc.zarr": {"shards": (1, 1, 3, 16384), "compressors": BloscCodec(cname="lz4")},
        "plain.zarr": {},
        "old.zarr": {"zarr_format": 2},
    }.items():
        version = options.pop("zarr_format", 3)
        group = zarr.create_group(
            folder / name, zarr_format=version, attributes={"horiz_interval": 2e-9}
        )
        array = group.create_array(
            "raw", shape=SHAPE, chunks=(1, 1, 1, 1024), dtype="int16", **options
        )
        array[...] = codes
    return folder


STORES = ["sharded.zarr", "blosc.zarr", "plain.zarr", "old.zarr"]
WINDOWS = [
    np.s_[...],
    np.s_[1, 0, 2, 5000:5003],
    np.s_[:, :, 1, 10_006:],
    np.s_[0, 0, 0, 1020:1030],
]


@pytest.mark.filterwarnings("ignore::zarr.errors.ZarrUserWarning")
@pytest.mark.parametrize("name", STORES)
def test_zarr_python(serve, folder, codes, name):
    url = serve([folder]).url
    store = ObjectStore(
        HTTPStore.from_url(f"{url}/{name}", client_options={"allow_http": True}), read_only=True
    )
    group = zarr.open_group(store, mode="r")
    assert group.attrs["horiz_interval"] == 2e-9
    for window in WINDOWS:
        np.testing.assert_array_equal(group["raw"][window], codes[window])


@pytest.mark.parametrize("name", STORES)
def test_tensorstore(serve, folder, codes, name):
    url = serve([folder / name]).url
    spec = {
        "driver": "zarr" if name == "old.zarr" else "zarr3",
        "kvstore": {"driver": "http", "base_url": url, "path": f"/{name}/raw/"},
    }
    array = tensorstore.open(spec, read=True, open=True).result()
    for window in WINDOWS:
        np.testing.assert_array_equal(array[window].read().result(), codes[window])


def test_missing_chunk_is_the_fill_value_and_a_fault_is_not(serve, folder, codes, tmp_path):
    """What a reader makes of a 404 is why a fault is never one."""
    import shutil

    shutil.copytree(folder / "plain.zarr", tmp_path / "w.zarr")
    chunk = tmp_path / "w.zarr" / "raw" / "c" / "0" / "0" / "0" / "0"
    chunk.unlink()
    url = serve([tmp_path]).url
    spec = {
        "driver": "zarr3",
        "kvstore": {"driver": "http", "base_url": url, "path": "/w.zarr/raw/"},
    }
    read = tensorstore.open(spec, read=True, open=True).result()[0, 0, 0, :1024].read().result()
    assert not read.any()
    assert codes[0, 0, 0, :1024].any()


def test_sharding_was_really_used(folder):
    array = zarr.open_array(folder / "sharded.zarr" / "raw", mode="r")
    assert any(isinstance(codec, ShardingCodec) for codec in array.metadata.codecs)
