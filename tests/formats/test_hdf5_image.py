"""HDF5 volumes: which dataset, its axes and voxels, every way of storing, and what we write."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import h5py
import numpy as np
import pytest
from tests.contract.images import TYPES, Reads, random_voxels, run, spec_of

from pyramidion.core import Axis, Box, Channel, DataError, ImageSpec, UsageError
from pyramidion.formats import OpenOptions, WriteOptions
from pyramidion.formats.hdf5 import FORMAT


def opened(path, **options):
    return FORMAT.open_image(path, OpenOptions(**options))


def whole(source):
    return source.read(Box.whole(source.spec.shape))


def volume(path, values, name="data", **storage):
    with h5py.File(path, "w") as file:
        file.create_dataset(name, data=values, **storage)
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "v.h5"


@pytest.mark.parametrize(
    "storage",
    [
        {},
        {"chunks": (3, 16, 20)},
        {"chunks": (3, 16, 20), "compression": "gzip", "shuffle": True},
        {"chunks": (1, 37, 53), "compression": "gzip", "fletcher32": True},
        {"chunks": (8, 64, 64), "maxshape": (None, None, None), "compression": "gzip"},
        {"chunks": (2, 10, 10), "compression": "lzf"},
    ],
    ids=str,
)
@pytest.mark.parametrize("dtype", ["u1", "<u2", ">u2", "<f4", ">f8"])
def test_every_way_of_storing(path, rng, storage, dtype):
    values = rng.integers(0, 200, (7, 37, 53)).astype(dtype)
    boxes = [Box((0, 0, z, y, 5), (1, 1, z + 2, y + 20, 50)) for z in range(5) for y in (0, 9, 17)]
    with opened(volume(path, values, **storage)) as source, ThreadPoolExecutor(4) as pool:
        assert source.spec.dtype == np.dtype(dtype).newbyteorder("<")
        np.testing.assert_array_equal(whole(source)[0, 0], values)
        for box, read in zip(boxes, pool.map(source.read, boxes), strict=True):
            np.testing.assert_array_equal(read[0, 0], values[box.slices[2:]])
        chunks = storage.get("chunks")
        if chunks:
            assert source.block == (1, 1, *map(min, chunks, values.shape))


@pytest.mark.parametrize("dtype", TYPES)
def test_every_type(path, rng, dtype):
    values = rng.integers(0, 100, (3, 20, 20)).astype(dtype)
    with opened(volume(path, values)) as source:
        assert whole(source).dtype == values.dtype
        np.testing.assert_array_equal(whole(source)[0, 0], values)


def test_what_was_never_written_reads_as_the_fill_value(path):
    with h5py.File(path, "w") as file:
        data = file.create_dataset("data", (4, 32, 32), "i2", chunks=(1, 16, 16), fillvalue=-7)
        data[2, 3, 4] = 9
    expected = np.full((4, 32, 32), -7)
    expected[2, 3, 4] = 9
    with opened(path) as source:
        np.testing.assert_array_equal(whole(source)[0, 0], expected)


# --- axes and sizes


def test_labels_name_the_axes(path):
    values = np.arange(2 * 3 * 4).reshape(2, 3, 4).astype("i2")
    with h5py.File(volume(path, values), "a") as file:
        for dimension, label in zip(file["data"].dims, ("X", "y", "t"), strict=True):
            dimension.label = label
    with opened(path) as source:
        assert source.spec.present == "tyx"
        np.testing.assert_array_equal(whole(source), values.transpose(2, 1, 0)[:, None, None])
    with opened(path, axes="zyx") as source:
        assert source.spec.present == "zyx"


def test_colours(path, rng):
    values = rng.integers(0, 255, (5, 20, 30, 3)).astype("u1")
    with opened(volume(path, values)) as source:
        assert source.spec.is_rgb
        assert source.spec.present == "czyx"
        np.testing.assert_array_equal(whole(source)[0], np.moveaxis(values, -1, 0))


@pytest.mark.parametrize(
    ("attributes", "voxel", "unit"),
    [
        ({}, (1, 1, 1), ""),
        ({"element_size_um": (2.0, 0.5, 0.25)}, (2, 0.5, 0.25), "um"),
        ({"element_size_um": np.float32(0.5)}, (0.5, 0.5, 0.5), "um"),
        ({"spacing": (3, 2, 1)}, (3, 2, 1), ""),
        ({"voxel_size": (3, 2, 1), "unit": "nm"}, (3, 2, 1), "nm"),
        ({"pixel_size": (2, 1), "units": "micron"}, (1, 2, 1), "um"),
        ({"spacing": "narrow"}, (1, 1, 1), ""),
    ],
)
def test_size_of_a_voxel(path, attributes, voxel, unit):
    with h5py.File(volume(path, np.zeros((3, 20, 20))), "a") as file:
        file["data"].attrs.update(attributes)
    with opened(path) as source:
        assert tuple(axis.scale for axis in source.spec.axes[2:]) == voxel
        assert {axis.unit for axis in source.spec.axes[2:]} == {unit}
    with opened(path, voxel=(9.0, 8.0, 7.0), voxel_unit="mm") as source:
        assert source.spec.axes[2] == Axis("z", 3, "mm", 9.0)


@pytest.mark.parametrize(
    ("size", "id_", "words"),
    [
        ((1, 2, 3, 4), "PYR-H5-18", "element_size_um has 4 values, 3 expected (z, y, x)"),
        ((1, 0, 1), "PYR-H5-19", "element_size_um: must be above 0 (0.0): use --voxel"),
        ((1, np.nan, 1), "PYR-H5-19", "element_size_um: must be above 0 (nan): use --voxel"),
    ],
)
def test_a_size_that_cannot_be(path, size, id_, words):
    with h5py.File(volume(path, np.zeros((3, 20, 20))), "a") as file:
        file["data"].attrs["element_size_um"] = size
    with pytest.raises(DataError) as caught:
        opened(path)
    assert caught.value.id == id_
    assert words in caught.value.line
    opened(path, voxel=(1.0, 1.0, 1.0)).close()


def test_other_attributes_are_kept_or_named(path):
    with h5py.File(volume(path, np.zeros((3, 20, 20))), "a") as file:
        file.attrs["sample"] = "brain"
        file["data"].attrs["exposure"] = 0.5
        file.attrs["where"] = file["data"].ref
    with opened(path) as source:
        assert source.spec.attributes == {"sample": "brain", "exposure": 0.5}
        assert source.spec.warnings == ("attributes not copied: where (object reference)",)


# --- which dataset


def test_the_one_volume_among_vectors(path):
    values = np.ones((4, 40, 50), "u2")
    with h5py.File(path, "w") as file:  # as NeXus has it
        group = file.create_group("entry/data")
        group["data"] = values
        group["x"], group["y"], group["rotation_angle"] = (np.arange(n) for n in (50, 40, 4))
    with opened(path) as source:
        assert source.spec.shape == (1, 1, 4, 40, 50)
        assert source.fields == ("data",)


def test_several_volumes(path):
    with h5py.File(path, "w") as file:
        file["raw"], file["labels"] = np.ones((4, 40, 50), "u2"), np.zeros((4, 40, 50), "u1")
        file["trace"] = np.zeros((3, 70_000))
    with pytest.raises(UsageError) as caught:
        opened(path)
    assert "v.h5: 2 datasets fit (/labels, /raw): choose with --dataset" in caught.value.line
    with opened(path, dataset="/raw") as source:
        assert whole(source).all()
    with opened(path, field="labels") as source:
        assert source.spec.name == "labels"


# --- writing


def write(path, voxels, specs, **options):
    sink = FORMAT.create_image(path, specs, WriteOptions(**options))
    run(sink, [Reads(v) for v in voxels], threads=3)


def test_h5py_reads_what_we_write(path, rng):
    voxels = random_voxels(rng, (1, 1, 20, 150, 140), "uint16")
    write(path, [voxels], [spec_of(voxels)])
    with h5py.File(path) as file:
        data = file["data"]
        np.testing.assert_array_equal(data[:], voxels[0, 0])
        assert data.compression == "gzip"
        assert data.shuffle
        assert [d.label for d in data.dims] == ["z", "y", "x"]
        assert data.attrs["element_size_um"].tolist() == [2.0, 0.5, 0.25]


@pytest.mark.parametrize("compression", ["none", "gzip:1", "gzip:9"])
def test_compression(path, rng, compression):
    voxels = random_voxels(rng, (1, 1, 5, 40, 48), "uint16")
    write(path, [voxels], [spec_of(voxels)], compression=compression)
    with h5py.File(path) as file:
        assert file["data"].compression_opts == (int(compression[5:]) if ":" in compression else None)  # fmt: skip
        np.testing.assert_array_equal(file["data"][:], voxels[0, 0])
    with pytest.raises(UsageError, match="not one for an"):
        FORMAT.create_image(path.with_name("w.h5"), [spec_of(voxels)], WriteOptions("lz4"))


def test_everything_that_a_spec_says_comes_back(path, rng):
    voxels = random_voxels(rng, (2, 2, 3, 20, 30), "int16")
    axes = (
        Axis("t", 2, "s", 0.5),
        Axis("c", 2),
        Axis("z", 3, "um", 2.0, 7.0),
        Axis("y", 20, "nm", 5.0, -1.0),
        Axis("x", 30, "um", 0.25, 0.5),
    )
    spec = ImageSpec(
        axes,
        voxels.dtype,
        name="dapi",
        present="tczyx",
        channels=(Channel("blue", "0000ff", (0.0, 9.5), (-3.0, 12.0)), Channel()),
        times=(4, 8),
        origin=(1, 2, 3),
        attributes={"sample": "brain", "nested": {"a": [1, None]}, "n": 3},
    )
    write(path, [voxels], [spec])
    with opened(path) as source:
        assert source.spec == spec
        assert source.fields == ("dapi",)
        np.testing.assert_array_equal(whole(source), voxels)


def test_an_axis_of_one_element_is_kept(path):
    voxels = np.zeros((1, 1, 1, 20, 30), "u1")
    for present in ("yx", "zyx", "tczyx", "cyx"):
        write(path, [voxels], [spec_of(voxels, present)], overwrite=True)
        with opened(path) as source:
            assert source.spec.present == present


def test_fields_become_datasets(path, rng):
    raw = random_voxels(rng, (1, 1, 3, 40, 50), "uint16")
    seen = random_voxels(rng, (1, 3, 3, 40, 50), "uint8")
    specs = [spec_of(raw, name="raw"), spec_of(seen, name="a/b", is_rgb=True)]
    write(path, [raw, seen], specs)
    with opened(path) as source:
        assert source.fields == ("raw", "a_b")
        np.testing.assert_array_equal(whole(source), raw)
    with opened(path, field="a_b") as source:
        assert source.spec.is_rgb
        np.testing.assert_array_equal(whole(source), seen)
    with pytest.raises(UsageError, match="two fields would have one name"):
        FORMAT.create_image(path, [specs[0], specs[0]], WriteOptions(overwrite=True))


def test_chunks_are_left_out_of_what_is_published(path, tmp_path, rng, monkeypatch):
    monkeypatch.setattr("pyramidion.formats._hdf5.image_sink.TASK_BYTES", 2**14)
    voxels = random_voxels(rng, (3, 1, 5, 40, 48), "uint16")
    sink = FORMAT.create_image(path, [spec_of(voxels)], WriteOptions())
    run(sink, [Reads(voxels)], commit=False)
    assert all(sink.is_done(task) for task in range(len(sink.tasks)))
    assert list(tmp_path.rglob("*.npy")) == []
    sink.commit()
    assert list(tmp_path.iterdir()) == [path]
