"""Datasets to send: small Zarr stores of bytes that nobody decodes."""

import contextlib
import json

import numpy as np
import pytest
from tests.object_store.fault_proxy import FaultProxy

from pyramidion.storage import forget_buckets, place
from pyramidion.transfer import UploadOptions, scan_tree, upload_tree

ROOT = "zarr.json"
QUICK = UploadOptions(seed=1, retry_time_s=20)


def make_store(folder, n_chunks=12, size=3000, seed=0):
    """Write a store with two arrays; returns bytes by key."""
    rng = np.random.default_rng(seed)
    contents = {
        ROOT: json.dumps({"node_type": "group", "seed": seed}).encode(),
        "0/zarr.json": json.dumps({"node_type": "array", "seed": seed}).encode(),
        "1/zarr.json": json.dumps({"node_type": "array", "level": 1, "seed": seed}).encode(),
    }
    for number in range(n_chunks):
        level, at = divmod(number, max(1, n_chunks * 3 // 4))
        contents[f"{level}/c/{at}/0"] = rng.bytes(size + number % 3)
    for key, data in contents.items():
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return contents


def stored(server, bucket, prefix="x.zarr"):
    """Bytes of the objects of a dataset by key, without its manifest."""
    found = server.objects(bucket, f"{prefix}/")
    return {
        key.removeprefix(f"{prefix}/"): data
        for key, data in found.items()
        if not key.endswith(".manifest.json")
    }


def send(folder, destination, options=QUICK, manifest=True, **further):
    """Send a store as the command does."""
    path = folder.parent / f".{folder.name}.manifest.jsonl" if manifest else None
    return upload_tree(scan_tree(folder), destination, options, manifest_path=path, **further)


class Remote:
    """A bucket behind a proxy."""

    def __init__(self, server, bucket, proxy):
        self.server, self.bucket, self.proxy = server, bucket, proxy
        self.destination = place(f"s3://{bucket}/x.zarr")

    def stored(self):
        return stored(self.server, self.bucket)

    def puts(self):
        """How often each object of the dataset was put, without its manifest."""
        return {
            key.removeprefix(f"{self.bucket}/x.zarr/"): n
            for key, n in self.proxy.puts().items()
            if not key.endswith(".manifest.json")
        }

    def order(self):
        """What was changed, in this order: (method, key below the dataset)."""
        told = [(e.request.method, e.key) for e in self.proxy.log]
        return [(m, k.removeprefix(f"{self.bucket}/x.zarr/")) for m, k in told if m != "GET"]


def remote_fixture(environment, bucket):
    """Return a fixture that puts proxies with their plans in front of a server."""

    @pytest.fixture
    def remote(request, monkeypatch):
        server = request.getfixturevalue(environment)
        name = request.getfixturevalue(bucket)
        with contextlib.ExitStack() as stack:

            def make(plan=None, seed=0):
                proxy = stack.enter_context(FaultProxy(server.endpoint, plan, seed=seed))
                monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
                forget_buckets()
                return Remote(server, name, proxy)

            yield make
        forget_buckets()

    return remote
