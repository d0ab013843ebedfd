"""Other people's programs read from a bucket what was converted straight into it, and what was uploaded.

Every value is compared. The server is a real one; the bucket may be read by everybody.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numcodecs
import numpy as np
import pytest
import tensorstore
import tifffile
import zarr
from obstore.store import HTTPStore, S3Store
from tests.cli_runner import succeed
from tests.object_store.fixtures import work_with
from zarr.storage import ObjectStore

pytestmark = pytest.mark.slow

BRAIN = Path(__file__).parents[2] / "src/pyramidion/samples/brain_t1.tif"
ORIGIN = "https://page.example.org"
DATASETS = {
    "scope.zarr": ("scope.h5", []),
    "old.zarr": ("scope.h5", ["--zarr-format", "2"]),
    "brain.ome.zarr": (BRAIN, []),
    "brain/visus.idx": (BRAIN, ["--arco", "256KiB"]),
}
WAYS = ["straight", "uploaded"]


@dataclass(frozen=True)
class Shared:
    """What is in the bucket, and how it is reached."""

    server: Any
    bucket: str
    codes: np.ndarray
    voxels: np.ndarray
    local: Path

    def path(self, way, name):
        return f"/{self.bucket}/{way}/{name}"

    def address(self, way, name):
        return f"{self.server.endpoint}{self.path(way, name)}"


@pytest.fixture(scope="module")
def shared(s3_server, tmp_path_factory):
    """The datasets in a bucket: converted straight into it, and converted here and uploaded."""
    folder = tmp_path_factory.mktemp("data")
    bucket = s3_server.bucket(public=True, cors=True)
    # Only pyramidion is given the keys and the address: OpenVisus reads AWS_ENDPOINT_URL, too, and
    # then asks for blocks at other addresses than it was told.
    with pytest.MonkeyPatch.context() as patch:
        work_with(s3_server, patch, folder)
        generate = ["generate", "scope.h5", "--samples", "300_017", "--segments", "2"]
        succeed(*generate, "--seed", "4", cwd=folder)
        for name, (source, options) in DATASETS.items():
            url = f"s3://{bucket}/straight/{name}"
            succeed("convert", source, url, *options, cwd=folder)
            local = folder / "local" / name
            succeed("convert", source, local, "--parents", *options, cwd=folder)
            succeed("upload", local, f"s3://{bucket}/uploaded/{name}", cwd=folder)
    with h5py.File(folder / "scope.h5") as file:
        codes = file["data"][...]
    yield Shared(s3_server, bucket, codes, tifffile.imread(BRAIN), folder / "local")
    s3_server.remove_bucket(bucket)


def test_both_ways_give_the_same_objects(shared):
    """Straight to the store or over this disk: the bytes are the same, none is left over."""
    files = {
        p.relative_to(shared.local).as_posix(): p.read_bytes()
        for p in shared.local.rglob("*")
        if p.is_file() and "manifest" not in p.name
    }
    for way in WAYS:
        found = shared.server.objects(shared.bucket, f"{way}/")
        found = {key.removeprefix(f"{way}/"): data for key, data in found.items()}
        manifests = {key for key in found if key.endswith(".manifest.json")}
        assert len(manifests) == len(DATASETS)
        assert {key: data for key, data in found.items() if key not in manifests} == files


# --- zarr-python


def by_http(shared, way, name):
    url = shared.address(way, name)
    return ObjectStore(HTTPStore.from_url(url, client_options={"allow_http": True}), read_only=True)


def by_s3(shared, way, name):
    server = shared.server
    store = S3Store(
        shared.bucket,
        prefix=f"{way}/{name}",
        endpoint=server.endpoint,
        region=server.region,
        access_key_id=server.access_key,
        secret_access_key=server.secret_key,
        virtual_hosted_style_request=False,
        client_options={"allow_http": True},
    )
    return ObjectStore(store, read_only=True)


@pytest.mark.parametrize("open_store", [by_http, by_s3])
@pytest.mark.parametrize("name", ["scope.zarr", "old.zarr"])
@pytest.mark.parametrize("way", WAYS)
def test_zarr_python_reads_waveforms(shared, way, name, open_store):
    group = zarr.open_group(open_store(shared, way, name), mode="r")
    np.testing.assert_array_equal(group["raw"][...], shared.codes)
    finest = group["overview/0"][...]
    factor = -(-shared.codes.shape[-1] // finest.shape[-1])
    whole = shared.codes.shape[-1] // factor * factor
    bins = shared.codes[..., :whole].reshape(*shared.codes.shape[:-1], -1, factor)
    n_bins = bins.shape[-2]
    np.testing.assert_array_equal(finest[..., 0, :n_bins], bins.min(axis=-1))
    np.testing.assert_array_equal(finest[..., 1, :n_bins], bins.max(axis=-1))
    volts = group.attrs["vertical_gains"], group.attrs["vertical_offsets"]
    assert np.shape(volts) == (2, *shared.codes.shape[:2])


@pytest.mark.parametrize("open_store", [by_http, by_s3])
@pytest.mark.parametrize("way", WAYS)
def test_zarr_python_reads_volumes(shared, way, open_store):
    group = zarr.open_group(open_store(shared, way, "brain.ome.zarr"), mode="r")
    np.testing.assert_array_equal(group["0"][...].squeeze(), shared.voxels)
    np.testing.assert_array_equal(group["0"][64, 100:103, 7], shared.voxels[64, 100:103, 7])


# --- tensorstore


def keys_by_http(shared, way, name):
    return {
        "driver": "http", "base_url": shared.server.endpoint,
        "path": f"{shared.path(way, name)}/",
    }  # fmt: skip


def keys_by_s3(shared, way, name):
    return {
        "driver": "s3", "bucket": shared.bucket, "path": f"{way}/{name}/",
        "endpoint": shared.server.endpoint, "aws_region": shared.server.region,
        "aws_credentials": {"type": "anonymous"},
    }  # fmt: skip


@pytest.mark.parametrize("kvstore", [keys_by_http, keys_by_s3])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["scope.zarr/raw", "old.zarr/raw", "brain.ome.zarr/0"])
def test_tensorstore(shared, way, name, kvstore):
    driver = "zarr" if name.startswith("old") else "zarr3"
    spec = {"driver": driver, "kvstore": kvstore(shared, way, name)}
    array = tensorstore.open(spec, read=True, open=True).result()
    expected = shared.voxels if name.startswith("brain") else shared.codes
    np.testing.assert_array_equal(array.read().result().squeeze(), expected.squeeze())
    np.testing.assert_array_equal(array[..., 5:9].read().result(), array.read().result()[..., 5:9])


# --- ome-zarr-py, by which napari-ome-zarr and others read


@pytest.mark.filterwarnings("ignore")  # of other people's libraries
@pytest.mark.parametrize("way", WAYS)
def test_ome_zarr_py(shared, way):
    from ome_zarr.io import parse_url
    from ome_zarr.reader import Reader

    location = parse_url(shared.address(way, "brain.ome.zarr"))
    assert location is not None
    (node,) = Reader(location)()
    assert {axis["unit"] for axis in node.metadata["axes"]} == {"millimeter"}
    np.testing.assert_array_equal(np.asarray(node.data[0]).squeeze(), shared.voxels)
    assert len(node.data) > 1


# --- OpenVisus

CLIENT = """
import sys
import numpy as np
import OpenVisus as ov

db = ov.LoadDataset(sys.argv[1])
full = np.load(sys.argv[2])
assert np.array_equal(db.read(), full)
assert np.array_equal(db.read(z=[64, 65])[0], full[64])
assert np.array_equal(db.read(x=[90, 91], quality=0)[..., 0], full[..., 90])
coarse = db.read(quality=-6)
assert np.array_equal(coarse, full[::4, ::4, ::4]), coarse.shape
print("all read")
"""


@pytest.mark.parametrize("cached", ["", "?cached=0"])
@pytest.mark.parametrize("way", WAYS)
def test_openvisus(shared, way, cached, tmp_path):
    """The block files of ARCO, read from the bucket with no server in between."""
    pytest.importorskip("OpenVisus")
    np.save(tmp_path / "brain.npy", shared.voxels)
    # In a child process: the library talks on both outputs and may end the process. It keeps blocks
    # in the home folder by their address, and ports are used again.
    ours = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    done = subprocess.run(
        [sys.executable, "-c", CLIENT, shared.address(way, "brain/visus.idx") + cached,
         tmp_path / "brain.npy"],
        env={**ours, "HOME": str(tmp_path), "VISUS_CACHE": str(tmp_path)},
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert "all read" in done.stdout, done.stdout[-2000:] + done.stderr[-2000:]


# --- the viewer of ZoomingOnline


class OldViewer:
    """The requests of ZoomingOnline's page: metadata of Zarr v2 and whole chunks, one by one."""

    def __init__(self, address):
        self.address = address
        self.attributes = json.loads(self.get(".zattrs"))

    def get(self, key):
        request = urllib.request.Request(f"{self.address}/{key}", headers={"Origin": ORIGIN})
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert answer.headers["Access-Control-Allow-Origin"] in ("*", ORIGIN)
            return answer.read()

    def chunk(self, array, *numbers):
        told = json.loads(self.get(f"{array}/.zarray"))
        assert told["zarr_format"] == 2
        assert told["dtype"] == "<i2"
        name = told.get("dimension_separator", ".").join(map(str, numbers))
        data = numcodecs.get_codec(told["compressor"]).decode(self.get(f"{array}/{name}"))
        return np.frombuffer(data, "<i2").reshape(told["chunks"])


@pytest.mark.parametrize("way", WAYS)
def test_the_viewer_of_zoomingonline(shared, way):
    viewer = OldViewer(shared.address(way, "old.zarr"))
    assert json.loads(viewer.get(".zgroup")) == {"zarr_format": 2}
    shape = json.loads(viewer.get("raw/.zarray"))["shape"]
    assert shape == list(shared.codes.shape)
    for channel in range(shape[0]):
        gain = viewer.attributes["vertical_gains"][channel][0]
        offset = viewer.attributes["vertical_offsets"][channel][0]
        assert gain > 0
        assert np.isfinite(gain * shared.codes[channel].astype(float) - offset).all()
        samples = [viewer.chunk("raw", channel, 0, 1, k).reshape(-1) for k in range(2)]
        found = np.concatenate(samples)
        expected = shared.codes[channel, 0, 1]
        np.testing.assert_array_equal(found, expected[: len(found)])
        overview = viewer.chunk("overview/0", channel, 0, 1, 0, 0).reshape(2, -1)
        assert overview[0].min() == expected.min()
        assert overview[1].max() == expected.max()
    assert viewer.attributes["horiz_interval"] == 2e-9
