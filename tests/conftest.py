"""Fixtures that every test may use."""

import signal

import numpy as np
import pytest
from hypothesis import settings

from pyramidion.core import WaveformSpec, waveform_axes

pytest_plugins = ["tests.object_store.fixtures"]

WHOLE_PROGRAM = {
    "cli", "docs", "fault", "object_store", "test_all_commands.py", "test_check_bucket.py",
    "test_command.py", "test_faults.py", "test_hdf5.py", "test_leftovers.py", "test_place.py",
    "test_catalogue.py", "test_limits.py", "test_paths.py", "test_zarr_metadata.py",
    "test_publish.py", "test_remote.py", "test_remote_datasets.py", "test_store_faults.py",
    "test_straight_to_store.py",
    "test_hdf5_image.py", "test_live.py", "test_recording_full_disk.py",
    "test_recording_repair.py", "test_recording_resume.py", "test_recording_writer_left.py",
    "test_zarr.py",
}  # fmt: skip
"""Folders and files whose tests start the real program, the child process that looks at HDF5 files,
or wait for disks and long polls, again and again: not the quick part."""


# A shell without job control starts background programs with SIGINT ignored, `nohup` with SIGHUP, and
# every program that the tests start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_collection_modifyitems(items):
    for item in items:
        is_whole = WHOLE_PROGRAM & {*item.path.relative_to(item.config.rootpath).parts}
        starts_programs = "[hdf5" in item.name  # each opens its file in a process of its own
        needs_debian = "s3_server" in getattr(item, "fixturenames", ())
        if is_whole or starts_programs or needs_debian:
            item.add_marker(pytest.mark.slow)


# A busy machine is no fault of the code: examples have no time limit, tests have one.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture
def rng():
    return np.random.default_rng(20260101)


@pytest.fixture
def make_spec():
    """Return a function that describes an array of codes."""

    def make(codes, interval=2e-9, **fields):
        shape = (1,) * (4 - codes.ndim) + codes.shape
        fields.setdefault("gains", np.full(shape[:2], 1e-4))
        fields.setdefault("offsets", np.full(shape[:2], -0.2))
        return WaveformSpec(waveform_axes(shape, interval), codes.dtype, **fields)

    return make
