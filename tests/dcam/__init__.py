"""A stand-in for the vendor's camera library, and how tests use it.

``build_stub(folder)`` compiles it; the environment variable ``PYRAMIDION_DCAM_LIBRARY`` names it to
the package. What it can do: the comment at the top of ``dcam_stub.c``.
"""

import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np

SOURCE = Path(__file__).with_name("dcam_stub.c")
LIBRARY = "PYRAMIDION_DCAM_LIBRARY"


def why_no_stub():
    """Tell why the stand-in cannot be built here; empty when it can."""
    if sys.platform != "linux":
        return "the stand-in for the DCAM library is for Linux"
    return "" if shutil.which("gcc") else "gcc is needed to build the stand-in for the DCAM library"


def build_stub(folder: Path) -> Path:
    """Compile the stand-in into a folder; return the library."""
    library = folder / "libdcamapi.so"
    subprocess.run(
        ["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-pthread",
         "-o", library, SOURCE, "-lm"],
        check=True,
    )  # fmt: skip
    return library


def stub_environment(library: Path, **settings):
    """Return environment variables for the library and its settings (``width=64``)."""
    return {LIBRARY: str(library)} | {
        f"DCAM_STUB_{name.upper()}": str(value) for name, value in settings.items()
    }


@contextmanager
def stand_in(folder: Path, **settings):
    """Name the stand-in in the environment, for this process and its children, for a while.

    For tests that go over every kind of camera. Does nothing where it cannot be built, and where a
    library is named already: then the tests run with that one.
    """
    if LIBRARY in os.environ or why_no_stub():
        yield
        return
    environment = stub_environment(build_stub(folder), **settings)
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


def numbers_in(frame):
    """Return the frame number that stands in every row; shape (height,)."""
    row_bytes = frame.shape[1] * frame.itemsize
    if row_bytes < 8:
        assert (frame == frame[:, :1]).all()
        return frame[:, 0].astype(np.int64)
    rows = np.ascontiguousarray(frame).view(np.uint8)[:, :8]
    return np.ascontiguousarray(rows).view("<i8")[:, 0]
