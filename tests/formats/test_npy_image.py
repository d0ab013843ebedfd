"""NumPy files as images: axes by number and by name, every box against numpy, writing by slabs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.contract.images import Reads, run, spec_of

from pyramidion.core import Box, IncompleteError, UsageError
from pyramidion.formats import OpenOptions, WriteOptions, _flat_file
from pyramidion.formats._npy import image as npy_image
from pyramidion.formats.npy import FORMAT

TYPES = ["u1", "i1", "<i2", ">i2", ">u4", "<i8", "<f2", ">f4", "<f8"]


def opened(path, **options):
    return FORMAT.open_image(path, OpenOptions(**options))


def saved(folder, values):
    path = folder / "v.npy"
    np.save(path, values)
    return path


def ramp(shape, dtype="<u2"):
    return (np.arange(np.prod(shape)) * 7 % 251).reshape(shape).astype(dtype)


def whole(source):
    return source.read(Box.whole(source.spec.shape))


@pytest.mark.parametrize(
    ("shape", "dtype", "full", "present", "is_rgb"),
    [
        ((4, 5), "u2", (1, 1, 1, 4, 5), "yx", False),
        ((3, 4, 5), "u2", (1, 1, 3, 4, 5), "zyx", False),
        ((2, 3, 4, 5), "u2", (1, 2, 3, 4, 5), "czyx", False),
        ((6, 2, 3, 4, 5), "u2", (6, 2, 3, 4, 5), "tczyx", False),
        ((4, 5, 3), "u1", (1, 3, 1, 4, 5), "cyx", True),
        ((4, 5, 4), "u2", (1, 4, 1, 4, 5), "cyx", True),
        ((4, 5, 3), "i2", (1, 1, 4, 5, 3), "zyx", False),
        ((2, 4, 5, 3), "u1", (1, 3, 2, 4, 5), "czyx", True),
        ((6, 2, 4, 5, 3), "u1", (6, 3, 2, 4, 5), "tczyx", True),
    ],
)
@pytest.mark.parametrize("order", ["C", "F"])
def test_axes_by_number(tmp_path, shape, dtype, full, present, is_rgb, order):
    values = np.asarray(ramp(shape, dtype), order=order)
    with opened(saved(tmp_path, values)) as source:
        assert source.spec.shape == full
        assert source.spec.present == present
        assert source.spec.is_rgb == is_rgb
        expected = np.moveaxis(values, -1, -3 if len(shape) < 5 else 1) if is_rgb else values
        if is_rgb and len(shape) == 4:
            expected = np.moveaxis(values, -1, 0)
        np.testing.assert_array_equal(whole(source), expected.reshape(full))


@pytest.mark.parametrize(
    ("axes", "full"),
    [
        ("x,y,z", (1, 1, 4, 3, 2)),
        ("tyx", (2, 1, 1, 3, 4)),
        ("t,y,x", (2, 1, 1, 3, 4)),
        ("yxc", (1, 4, 1, 2, 3)),
        ("cyx", (1, 2, 1, 3, 4)),
    ],
)
def test_axes_by_name_in_any_order(tmp_path, axes, full):
    values = ramp((2, 3, 4))
    names = axes.replace(",", "")
    with opened(saved(tmp_path, values), axes=axes) as source:
        assert source.spec.shape == full
        assert source.spec.present == "".join(a for a in "tczyx" if a in names)
        ordered = values.transpose([names.index(a) for a in source.spec.present])
        np.testing.assert_array_equal(whole(source), ordered.reshape(full))


def test_voxels_and_time_steps_are_the_users(tmp_path):
    path = saved(tmp_path, ramp((2, 3, 4, 5)))
    with opened(path, axes="tzyx", voxel=(2.0, 0.5, 0.25), voxel_unit="nm", interval=0.1) as source:
        t, _, z, y, x = source.spec.axes
        assert (t.scale, t.unit) == (0.1, "s")
        assert [(a.scale, a.unit) for a in (z, y, x)] == [(2.0, "nm"), (0.5, "nm"), (0.25, "nm")]
    with opened(path) as source:
        assert {(a.scale, a.unit) for a in source.spec.axes} == {(1.0, "")}


@given(data=st.data())
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_box_of_any_file_equals_numpy(tmp_path, monkeypatch, data):
    monkeypatch.setattr(_flat_file, "_GAP_BYTES", data.draw(st.sampled_from([0, 40, 2**16])))
    monkeypatch.setattr(_flat_file, "_PIECE_BYTES", data.draw(st.sampled_from([1, 64, 2**22])))
    names = data.draw(st.permutations("tczyx"))
    names = "".join(names[: data.draw(st.integers(2, 5))])
    names += "".join(a for a in "yx" if a not in names)
    shape = tuple(data.draw(st.integers(1, 6)) for _ in names)
    values = np.asarray(
        ramp(shape, data.draw(st.sampled_from(TYPES))), order=data.draw(st.sampled_from("CF"))
    )
    with opened(saved(tmp_path, values), axes=",".join(names)) as source:
        present = source.spec.present
        full = values.transpose([names.index(a) for a in present]).reshape(source.spec.shape)
        start = tuple(data.draw(st.integers(0, n - 1)) for n in full.shape)
        stop = tuple(
            data.draw(st.integers(a + 1, n)) for a, n in zip(start, full.shape, strict=True)
        )
        box = Box(start, stop)
        found = source.read(box)
        assert found.dtype == source.spec.dtype == values.dtype.newbyteorder("<")
        np.testing.assert_array_equal(found, full[box.slices])


def test_a_small_box_of_a_large_file_costs_little(tmp_path):
    path = tmp_path / "v.npy"
    shape = (64, 1024, 1024)
    np.lib.format.open_memmap(path, "w+", "<u2", shape).flush()
    import tracemalloc

    with opened(path) as source:
        tracemalloc.start()
        source.read(Box((0, 0, 0, 500, 500), (1, 1, 64, 564, 564)))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 2**24


# --- writing


@pytest.mark.parametrize(
    ("shape", "fields", "stored"),
    [
        ((1, 1, 1, 4, 5), {"present": "yx"}, (4, 5)),
        ((1, 1, 3, 4, 5), {"present": "zyx"}, (3, 4, 5)),
        ((1, 1, 1, 4, 5), {"present": "zyx"}, (1, 4, 5)),
        ((2, 1, 1, 4, 5), {"present": "tcyx"}, (2, 4, 5)),
        ((2, 2, 3, 4, 5), {"present": "tczyx"}, (2, 2, 3, 4, 5)),
        ((1, 3, 1, 4, 5), {"present": "cyx", "is_rgb": True}, (4, 5, 3)),
        ((2, 3, 3, 4, 5), {"present": "tczyx", "is_rgb": True}, (2, 3, 4, 5, 3)),
        ((1, 2, 1, 4, 5), {"present": "cyx", "is_rgb": True}, (2, 4, 5)),
    ],
)
@pytest.mark.parametrize("limit", [1, 40, 2**26])
def test_the_axes_that_it_has_are_written(tmp_path, monkeypatch, shape, fields, stored, limit):
    monkeypatch.setattr(npy_image, "TASK_BYTES", limit)
    voxels = ramp(shape, "u1")
    path = tmp_path / "v.npy"
    sink = FORMAT.create_image(path, [spec_of(voxels, **fields)], WriteOptions())
    run(sink, [Reads(voxels)], threads=4)
    found = np.load(path)
    assert found.shape == stored
    assert found.flags.c_contiguous
    expected = np.moveaxis(voxels, 1, -1) if stored[-1] == 3 else voxels
    np.testing.assert_array_equal(found, expected.reshape(stored))
    assert list(tmp_path.iterdir()) == [path]


def test_big_endian_becomes_little(tmp_path):
    voxels = ramp((1, 1, 2, 4, 5), ">f4")
    path = tmp_path / "v.npy"
    run(FORMAT.create_image(path, [spec_of(voxels)], WriteOptions()), [Reads(voxels)])
    assert np.load(path).dtype == "<f4"
    np.testing.assert_array_equal(np.load(path), voxels[0, 0])


def test_one_field_only(tmp_path):
    specs = [spec_of(ramp((1, 1, 1, 4, 5)), name=name) for name in ("a", "b")]
    for begin in (FORMAT.create_image, FORMAT.plan_image):
        with pytest.raises(UsageError, match=r"holds one field, the source has 2 \(a, b\)"):
            begin(tmp_path / "v.npy", specs, WriteOptions())
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_published_with_a_hole(tmp_path, monkeypatch):
    monkeypatch.setattr(npy_image, "TASK_BYTES", 40)
    voxels = ramp((1, 1, 3, 4, 5))
    path = tmp_path / "v.npy"
    sink = FORMAT.create_image(path, [spec_of(voxels)], WriteOptions())
    sink.work(0, [Reads(voxels)])
    with pytest.raises(IncompleteError, match=r"2 of 3 tasks are not done"):
        sink.commit()
    sink.abort()
    assert not path.exists()


def test_what_appears_meanwhile_is_not_replaced(tmp_path):
    voxels = ramp((1, 1, 3, 4, 5))
    path = tmp_path / "v.npy"
    sink = FORMAT.create_image(path, [spec_of(voxels)], WriteOptions())
    run(sink, [Reads(voxels)], commit=False)
    path.write_text("precious")
    with pytest.raises(UsageError, match="already exists"):
        sink.commit()
    sink.abort()
    assert path.read_text() == "precious"
