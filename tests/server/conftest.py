"""A server on a free port of this machine, over a small folder."""

from __future__ import annotations

import numpy as np
import pytest
from tests.server.http import Client

from pyramidion.server import ServerSettings, _catalogue_routes, build_app, serve_background

N_BYTES = 10_007
LARGE_BYTES = 9_000_001  # more than one message holds


@pytest.fixture(scope="session")
def content():
    return np.random.default_rng(7).integers(0, 256, N_BYTES, dtype=np.uint8).tobytes()


@pytest.fixture(scope="session")
def large():
    return np.random.default_rng(8).integers(0, 256, LARGE_BYTES, dtype=np.uint8).tobytes()


@pytest.fixture(scope="session")
def root(tmp_path_factory, content, large):
    folder = tmp_path_factory.mktemp("served")
    (folder / "file.bin").write_bytes(content)
    (folder / "large.bin").write_bytes(large)
    (folder / "empty.bin").write_bytes(b"")
    (folder / "zarr.txt").write_text("text")
    (folder / "inner").mkdir()
    (folder / "inner" / ".zarray").write_text("{}")
    (folder / "inner" / "0.0.0").write_bytes(b"chunk")
    return folder


@pytest.fixture(scope="session")
def url(root):
    with serve_background(build_app([root])) as url:
        yield url


@pytest.fixture
def client(url):
    with Client(url) as client:
        yield client


@pytest.fixture
def patient_pages(monkeypatch):
    """Have pages wait for the first datasets however long it takes, not for a second at most."""
    monkeypatch.setattr(_catalogue_routes, "_PATIENCE_S", 60.0)


@pytest.fixture
def serve():
    """Return a function that serves roots with settings for the rest of the test."""
    import contextlib

    with contextlib.ExitStack() as stack:

        def start(roots, **settings):
            settings = ServerSettings(**{"port": 0, **settings})
            url = stack.enter_context(serve_background(build_app(roots, settings), settings))
            return stack.enter_context(Client(url))

        yield start
