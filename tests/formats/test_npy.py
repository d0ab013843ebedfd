"""NumPy files: every shape and type against numpy itself, broken ones refused, parallel writing."""

from __future__ import annotations

import io
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyramidion.core import Box, PyramidionError, StorageError, WaveformSpec, waveform_axes
from pyramidion.formats import OpenOptions, WriteOptions, open_source
from pyramidion.formats import npy as npy_format
from pyramidion.formats.npy import FORMAT, contiguous_boxes, create_npy, open_npy

OPTIONS = OpenOptions(interval=1e-6)
TYPES = [
    "i1",
    "u1",
    "<i2",
    ">i2",
    "<u2",
    ">u4",
    "<i4",
    "<i8",
    "<u8",
    "<f2",
    "<f4",
    ">f4",
    "<f8",
    ">f8",
]


def saved(folder, values):
    path = folder / "F.npy"
    np.save(path, values)
    return path


def ramp(shape, dtype="<i2"):
    return (
        (np.arange(np.prod(shape)) * 7 % 251 - 100 * (np.dtype(dtype).kind != "u"))
        .reshape(shape)
        .astype(dtype)
    )


@pytest.mark.parametrize("shape", [(7,), (3, 7), (2, 3, 7), (2, 4, 3, 7)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_one_to_four_axes(tmp_path, shape, order):
    values = np.asarray(ramp(shape), order=order)
    with open_npy(saved(tmp_path, values), OPTIONS) as source:
        full = (1,) * (4 - len(shape)) + shape
        assert source.spec.shape == full
        assert source.spec.gains.shape == full[:2]
        np.testing.assert_array_equal(source.read(Box.whole(full)), values.reshape(full))


@pytest.mark.parametrize("dtype", TYPES)
def test_every_type(tmp_path, dtype):
    values = ramp((2, 1, 3, 11), dtype)
    with open_npy(saved(tmp_path, values), OPTIONS) as source:
        assert source.spec.dtype == np.dtype(dtype).newbyteorder("<")
        found = source.read(Box.whole(source.spec.shape))
    assert found.dtype == source.spec.dtype
    np.testing.assert_array_equal(found, values)


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_every_version(tmp_path, version):
    path = tmp_path / "F.npy"
    with path.open("wb") as file:
        np.lib.format.write_array(file, ramp((3, 5)), version=version)
    with open_npy(path, OPTIONS) as source:
        np.testing.assert_array_equal(source.read(Box.whole((1, 1, 3, 5)))[0, 0], ramp((3, 5)))


@given(data=st.data())
@settings(
    deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_box_equals_numpy(tmp_path, monkeypatch, data):
    monkeypatch.setattr(npy_format, "_SLAB_BYTES", 64)
    shape = tuple(data.draw(st.integers(1, most)) for most in (4, 4, 4, 30))
    values = np.asarray(
        ramp(shape, data.draw(st.sampled_from(TYPES))), order=data.draw(st.sampled_from("CF"))
    )
    bounds = [sorted(data.draw(st.tuples(st.integers(0, n), st.integers(0, n)))) for n in shape]
    box = Box(tuple(a for a, _ in bounds), tuple(b for _, b in bounds))
    with open_npy(saved(tmp_path, values), OPTIONS) as source:
        np.testing.assert_array_equal(source.read(box), values[box.slices])


def test_interval_is_assumed_and_told(tmp_path):
    path = saved(tmp_path, ramp((5,)))
    with open_source(path) as source:
        assert source.spec.interval == 1e-9
        assert "1 ns assumed" in source.spec.warnings[0]
    with open_npy(path, OPTIONS) as source:
        assert source.spec.interval == 1e-6
        assert source.spec.warnings == ()


def test_bytes_after_the_array_are_told(tmp_path):
    path = saved(tmp_path, ramp((5,)))
    with path.open("ab") as file:
        file.write(b"more")
    with open_npy(path, OPTIONS) as source:
        assert "4 B after the array left out" in source.spec.warnings[0]


# --- bad input


def refusal(path):
    with pytest.raises(PyramidionError) as caught:
        open_npy(path, OPTIONS)
    assert "\n" not in caught.value.line
    return caught.value


class Explosive:
    """Would write a file if it were ever unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_pickles_are_never_loaded(tmp_path):
    path = tmp_path / "F.npy"
    np.save(path, np.array([Explosive(tmp_path / "boom")], object), allow_pickle=True)
    error = refusal(path)
    assert error.id == "PYR-NPY-03"
    assert "unsupported type (Python objects, a pickle)" in error.line
    assert not (tmp_path / "boom").exists()


@pytest.mark.parametrize(
    ("values", "id_", "words"),
    [
        (np.array(["text"]), "PYR-NPY-03", "unsupported type (<U4)"),
        (np.zeros(3, bool), "PYR-NPY-03", "unsupported type (|b1)"),
        (np.zeros(3, complex), "PYR-NPY-03", "unsupported type (<c16)"),
        (np.zeros(3, np.longdouble), "PYR-NPY-03", "unsupported type (<f16)"),
        (np.zeros(3, [("a", "i2")]), "PYR-NPY-03", "unsupported type ([('a', '<i2')])"),
        (np.float64(1.0), "PYR-NPY-04", "shape (): 1 to 4 axes needed"),
        (
            np.zeros((1, 1, 1, 1, 2)),
            "PYR-NPY-04",
            "shape (1, 1, 1, 1, 2): 1 to 4 axes needed (channels, trcs, segments, samples)",
        ),
        (np.zeros((2, 0)), "PYR-NPY-05", "empty (0 samples)"),
    ],
)
def test_what_is_not_a_waveform(tmp_path, values, id_, words):
    error = refusal(saved(tmp_path, values))
    assert error.id == id_
    assert f"F.npy: {words}" in error.line


@pytest.mark.parametrize("data", [b"", b"PK\3\4", b"\x93NUMP", b"hello world, this is text"])
def test_not_npy(tmp_path, data):
    path = tmp_path / "F.npy"
    path.write_bytes(data)
    assert refusal(path).id == "PYR-NPY-01"
    assert not FORMAT.matches(path)


def test_truncated_at_any_point(tmp_path):
    path = saved(tmp_path, ramp((100,)))
    data = path.read_bytes()
    for kept in range(7, len(data)):
        path.write_bytes(data[:kept])
        error = refusal(path)
        assert error.id == "PYR-NPY-02"
        assert f"has {kept} B): copy it again" in error.line


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"not a literal",
        b"(" * 9000,
        b"{'descr': '<i2'}",
        b"{'descr': '<i2', 'fortran_order': 0, 'shape': (3,)}",
        b"{'descr': '<i2', 'fortran_order': False, 'shape': 3}",
        b"{'descr': '<i2', 'fortran_order': False, 'shape': (-3,)}",
        b"{'descr': '<i2', 'fortran_order': False, 'shape': (True,)}",
        b"{'descr': '<i2', 'fortran_order': False, 'shape': (3.0,)}",
        b"__import__('os').abort()",
    ],
)
def test_headers_that_are_none(tmp_path, header):
    path = tmp_path / "F.npy"
    path.write_bytes(b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header + bytes(100))
    assert refusal(path).id == "PYR-NPY-01"


def test_huge_claims_cost_nothing(tmp_path):
    path = tmp_path / "F.npy"
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (%d, %d)}" % (10**30, 10**30)
    path.write_bytes(b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header)
    assert refusal(path).id == "PYR-NPY-02"
    path.write_bytes(b"\x93NUMPY\2\0" + (2**31).to_bytes(4, "little") + header)
    assert refusal(path).id == "PYR-NPY-01"


@given(
    changes=st.lists(st.tuples(st.integers(0, 127), st.integers(0, 255)), min_size=1, max_size=8)
)
@settings(
    deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_damaged_headers_are_refused_or_read(tmp_path, changes):
    file = io.BytesIO()
    np.save(file, ramp((2, 40)))
    data = bytearray(file.getvalue())
    for position, value in changes:
        data[position] = value
    path = tmp_path / "F.npy"
    path.write_bytes(data)
    began = time.thread_time()  # others on the machine do not count
    error = outcome(path)
    assert time.thread_time() - began < 1
    assert error is None or error.id.startswith("PYR-NPY-")


def outcome(path):
    """Return the error with which a file is refused, or None when it was read."""
    try:
        with open_npy(path, OPTIONS) as source:
            source.read(Box.whole(source.spec.shape))
    except PyramidionError as error:
        return error
    return None


# --- writing


def spec_of(values):
    shape = values.shape
    return WaveformSpec(
        waveform_axes(shape, 1e-9),
        values.dtype,
        gains=np.ones(shape[:2]),
        offsets=np.zeros(shape[:2]),
    )


@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (2, 1, 3, 1003), (1, 2, 40, 17), (3, 1, 1, 100)])
@pytest.mark.parametrize("dtype", ["<i2", ">i2", "<f8", "u1"])
def test_written_in_parallel_in_any_order(tmp_path, monkeypatch, shape, dtype):
    monkeypatch.setattr(npy_format, "TASK_SAMPLES", 128)
    values = ramp(shape, dtype)
    path = tmp_path / "out.npy"
    sink = create_npy(path, spec_of(values), WriteOptions())
    tasks = np.random.default_rng(1).permutation(len(sink.tasks))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda task: sink.work(task, lambda box: values[box.slices]), tasks))
    assert not path.exists()
    for task in range(len(sink.tasks)):
        assert not sink.is_done(task)
        sink.accept(task, None)
    sink.commit()
    sink.abort()  # after a commit there is nothing to remove
    found = np.load(path)
    assert found.dtype == np.dtype(dtype).newbyteorder("<")
    np.testing.assert_array_equal(found, values)
    assert list(tmp_path.iterdir()) == [path]


def test_abort_leaves_nothing_and_keeps_what_was_there(tmp_path):
    path = saved(tmp_path, ramp((5,)))
    before = path.read_bytes()
    values = ramp((1, 1, 2, 50))
    sink = create_npy(path, spec_of(values), WriteOptions(overwrite=True))
    sink.work(0, lambda box: values[box.slices])
    sink.abort()
    sink.abort()
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == before


def test_no_place_to_write(tmp_path):
    values = ramp((1, 1, 1, 5))
    with pytest.raises(StorageError, match=r"out\.npy: cannot write"):
        create_npy(tmp_path / "none" / "out.npy", spec_of(values), WriteOptions())


@given(
    shape=st.tuples(*[st.integers(1, 6)] * 3, st.integers(1, 50)),
    limit=st.integers(1, 200),
)
def test_tasks_are_contiguous_and_cover_everything_once(shape, limit):
    index = np.arange(np.prod(shape)).reshape(shape)
    boxes = contiguous_boxes(shape, limit)
    found = [index[box.slices].ravel() for box in boxes]
    assert all(box.size <= max(limit, 1) for box in boxes)
    np.testing.assert_array_equal(np.concatenate(found), index.ravel())
