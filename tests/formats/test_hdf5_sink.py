"""Writing HDF5: what h5py reads is what was written, and our reader gives the same description."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace

import h5py
import numpy as np
import pytest
from tests.helpers import DTYPES, ArraySource, random_codes

from pyramidion.core import Box, StorageError, UsageError
from pyramidion.formats import OpenOptions, WriteOptions
from pyramidion.formats._hdf5.sink import HDF5Sink, _chunk_shape
from pyramidion.formats.hdf5 import FORMAT


def write(path, codes, spec, **options):
    """Run all tasks on two threads, as a conversion does."""
    source = ArraySource(codes, spec)
    sink = FORMAT.create(path, spec, WriteOptions(**options))
    with ThreadPoolExecutor(2) as pool:
        results = pool.map(lambda task: sink.work(task, source.read), range(len(sink.tasks)))
        for task, result in enumerate(results):
            assert not sink.is_done(task)
            sink.accept(task, result)
    sink.commit()
    sink.abort()
    assert list(path.parent.iterdir()) == [path]
    return path


def assert_same_spec(found, expected):
    for field in fields(expected):
        a, b = getattr(found, field.name), getattr(expected, field.name)
        if isinstance(b, np.ndarray):
            np.testing.assert_array_equal(a, b, err_msg=field.name)
        else:
            assert a == b, field.name


@pytest.mark.parametrize("name", DTYPES)
def test_types(tmp_path, rng, make_spec, name):
    codes = random_codes(rng, (2, 1, 3, 1003), name)
    path = write(tmp_path / "w.h5", codes, make_spec(codes))
    with h5py.File(path) as file:
        assert file["data"].dtype == codes.dtype
        assert file["data"][:].tobytes() == codes.tobytes()
        assert file["data"].compression == "gzip"
        assert file["data"].compression_opts == 4


@pytest.mark.parametrize(
    "shape", [(1, 1, 1, 1), (1, 1, 1, 65537), (3, 2, 1, 70000), (1, 40, 1, 1003), (1, 1, 5000, 7)]
)
@pytest.mark.parametrize("compression", ["gzip:1", "none"])
def test_shapes(tmp_path, rng, make_spec, shape, compression):
    codes = random_codes(rng, shape, "int16")
    path = write(tmp_path / "w.h5", codes, make_spec(codes), compression=compression)
    with h5py.File(path) as file:
        np.testing.assert_array_equal(file["data"][:], codes)
        assert file["data"].compression == (None if compression == "none" else "gzip")
    with FORMAT.open(path, OpenOptions()) as source:
        np.testing.assert_array_equal(source.read(Box.whole(shape)), codes)


def test_tasks_cover_the_array_once_in_whole_chunks(tmp_path, make_spec):
    codes = np.zeros((2, 1, 3, 100), "i2")
    for shape in [(2, 1, 3, 10_000_000), (1, 1, 100_000, 1003), (2, 5000, 1, 700), (1, 1, 1, 1)]:
        spec = replace(
            make_spec(codes), axes=tuple(
                replace(axis, size=n) for axis, n in zip(make_spec(codes).axes, shape, strict=True)
            )
        )  # fmt: skip
        sink = HDF5Sink(tmp_path / "w.h5", spec, WriteOptions())
        sink.abort()
        assert sum(box.size for box in sink.tasks) == np.prod(shape)
        assert len({box.start for box in sink.tasks}) == len(sink.tasks)
        chunk, task = _chunk_shape(shape)
        assert np.prod(chunk) <= 2**16
        assert np.prod(task) <= 2**22
        for box in sink.tasks:
            assert all(a % n == 0 for a, n in zip(box.start, chunk, strict=True))


def test_description_round_trip(tmp_path, rng, make_spec):
    codes = random_codes(rng, (2, 2, 3, 50), "int16")
    times = np.cumsum(rng.random((2, 2, 3)), axis=-1)
    times[1, 1, 2] = np.nan
    expected = make_spec(
        codes,
        interval=2e-9,
        gains=rng.random((2, 2)) + 0.1,
        offsets=rng.random((2, 2)),
        unit="A",
        trigger_times=times,
        trigger_offsets=times * 1e-9,
        clip_codes=np.tile([-32768.0, 32512.0], (2, 2, 1)),
        start_time="2026-03-04T05:06:07.000000089",
        instrument={"INSTRUMENT_NAME": "LECROY", "gains": [1.5, None], "nested": {"a": [1, "x"]}},
        attributes={
            "run": 7,
            "ok": True,
            "name": "µ",
            "empty": "",
            "nul": "a\0b",
            "list": [1, 2],
            "floats": [0.5, 1.5],
            "mixed": [1, "a", None, 2.5],
            "matrix": [[1, 2], [3, 4]],
            "words": ["a", "b"],
            "nothing": None,
            "huge": 2**70,
            "tree": {"a": {"b": []}},
            "dt": 3.0,
            "gain": 4.0,
            "units": "furlong",
        },
    )
    path = write(tmp_path / "w.h5", codes, expected)
    with FORMAT.open(path, OpenOptions()) as source:
        assert_same_spec(source.spec, expected)
        again = write_again(tmp_path, codes, source.spec)
    with FORMAT.open(again, OpenOptions()) as source:
        assert_same_spec(source.spec, expected)


def write_again(tmp_path, codes, spec):
    (tmp_path / "again").mkdir()
    return write(tmp_path / "again" / "w.h5", codes, spec)


def test_many_trigger_times_become_a_dataset(tmp_path, rng, make_spec):
    codes = random_codes(rng, (1, 1, 40_000, 3), "int8")
    times = np.cumsum(rng.random((1, 1, 40_000)), axis=-1)
    expected = make_spec(codes, trigger_times=times)
    path = write(tmp_path / "w.h5", codes, expected)
    with h5py.File(path) as file:
        assert set(file) == {"data", "trigger_times"}
    with FORMAT.open(path, OpenOptions()) as source:
        assert_same_spec(source.spec, expected)


def test_nothing_has_the_name_before_commit(tmp_path, make_spec):
    codes = np.zeros((1, 1, 1, 100), "i2")
    path = tmp_path / "w.h5"
    path.write_bytes(b"old")
    sink = FORMAT.create(path, make_spec(codes), WriteOptions(overwrite=True))
    sink.accept(0, sink.work(0, lambda box: codes[box.slices]))
    assert path.read_bytes() == b"old"
    sink.abort()
    sink.abort()
    assert list(tmp_path.iterdir()) == [path]


def test_resume_and_foreign_compressions_are_refused(tmp_path, make_spec):
    spec = make_spec(np.zeros((1, 1, 1, 100), "i2"))
    with pytest.raises(UsageError, match=r"--resume: an HDF5 file cannot be resumed \(w.h5\)"):
        FORMAT.create(tmp_path / "w.h5", spec, WriteOptions(resume=True))
    for name in ("zstd:3", "blosc-lz4", "gzip:0", "gzip:10", "lzf"):
        with pytest.raises(UsageError, match=r"--compression: not one for an \.h5 file") as caught:
            FORMAT.create(tmp_path / "w.h5", spec, WriteOptions(compression=name))
        assert caught.value.id == "PYR-H5-23"
    assert not list(tmp_path.iterdir())


def test_plan_touches_nothing(make_spec):
    spec = make_spec(np.zeros((2, 1, 1, 100_000), "i2"))
    assert FORMAT.plan(spec, WriteOptions()) == {
        "codec": "gzip:4",
        "arrays": {"data": {"shape": (2, 1, 1, 100_000), "chunk": (1, 1, 1, 65536)}},
    }


LIMITED = """
import resource, signal, sys
import numpy as np
from pathlib import Path
from pyramidion.core import StorageError, WaveformSpec, waveform_axes
from pyramidion.formats import WriteOptions
from pyramidion.formats.hdf5 import FORMAT
path = Path(sys.argv[1])
spec = WaveformSpec(waveform_axes((1, 1, 1, 2**20), 1e-9), np.dtype("<i2"))
sink = FORMAT.create(path, spec, WriteOptions(compression="none"))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))
try:
    sink.accept(0, sink.work(0, lambda box: np.ones(box.shape, "<i2")))
    sink.commit()
except StorageError as error:
    print(error.line)
sink.abort()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on file sizes")
def test_disk_fault_is_one_line_and_leaves_nothing(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path / "w.h5")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{tmp_path / 'w.h5'}: cannot write (File too large)\n"
    assert done.stderr == ""
    assert not list(tmp_path.iterdir())


def test_folder_that_cannot_be_written(tmp_path, make_spec):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match=r"not a folder|cannot write"):
        FORMAT.create(
            tmp_path / "file" / "w.h5", make_spec(np.zeros((1, 1, 1, 9), "i2")), WriteOptions()
        )
