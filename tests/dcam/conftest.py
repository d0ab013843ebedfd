"""Cameras of the stand-in library."""

import os

import pytest
from tests.dcam import build_stub, stub_environment, why_no_stub

from pyramidion.instruments.dcam import DcamCamera


@pytest.fixture(scope="session")
def stub(tmp_path_factory):
    """The library, built; skips where it cannot be."""
    if reason := why_no_stub():
        pytest.skip(reason)
    return build_stub(tmp_path_factory.mktemp("dcam"))


@pytest.fixture
def plug(stub, monkeypatch):
    """Return a function that sets up what is plugged in."""
    for name in [n for n in os.environ if n.startswith("DCAM_STUB_")]:
        monkeypatch.delenv(name)

    def plug_in(**settings):
        for name, value in stub_environment(stub, **settings).items():
            monkeypatch.setenv(name, value)

    plug_in()
    return plug_in


@pytest.fixture
def open_dcam(plug):
    """Return a function that opens camera 0 with settings of the stand-in."""
    opened = []

    def open_it(**settings):
        plug(**{"width": 64, "height": 48, "fps": 500} | settings)
        opened.append(DcamCamera(0))
        return opened[-1]

    yield open_it
    for camera in opened:
        camera.close()
