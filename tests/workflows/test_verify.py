"""verify finds what differs, and nothing else."""

import json
import shutil

import numpy as np
import pytest
from tests.helpers import ArraySource, random_codes, write_store

from pyramidion.formats import WriteOptions
from pyramidion.formats.hdf5 import FORMAT as HDF5
from pyramidion.workflows import ConvertOptions, convert, stream, verify


@pytest.fixture
def source(tmp_path, rng):
    codes = rng.integers(-100, 100, (2, 1, 2, 300_000)).astype(np.int16)
    np.save(tmp_path / "w.npy", codes)
    return tmp_path / "w.npy"


def cropped(source, name, box):
    store = source.with_name(name)
    convert(source, store, ConvertOptions(box=box))
    return store


def test_a_crop_of_a_crop_against_each_of_its_sources(source):
    first = cropped(source, "c1.zarr", "1000 200999")
    second = cropped(first, "c2.zarr", "500 100499")
    for store, origin in ((first, source), (second, first), (second, source)):
        assert verify(store, origin).faults == []
    assert verify(cropped(source, "other.zarr", "1001 201000"), first).faults != []


@pytest.mark.parametrize("value", ["abc", 7, [5, 6], [1.5, 2], [-1, 299_998], [True, False], None])
def test_somebody_elses_attribute_is_no_crop(tmp_path, rng, make_spec, value):
    codes = random_codes(rng, (1, 1, 1, 1000), "int16")
    spec = make_spec(codes, attributes={"source_samples": value})
    store = write_store(tmp_path / "w.zarr", codes, spec)
    np.save(tmp_path / "w.npy", codes)
    faults = verify(store, tmp_path / "w.npy").faults
    assert not [fault for fault in faults if "shape" in fault or "samples" in fault]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("unit", "mV"),
        ("start_time", "2026-01-01T00:00:00"),
        ("gains", np.full((1, 1), 3e-4)),
        ("offsets", np.full((1, 1), 0.1)),
        ("trigger_times", np.zeros((1, 1, 2))),
        ("clip_codes", np.array([[[-5.0, 5.0]]])),
    ],
)
def test_calibration_that_differs_is_named(tmp_path, rng, make_spec, field, value):
    codes = random_codes(rng, (1, 1, 2, 1000), "int16")
    store = write_store(tmp_path / "w.zarr", codes, make_spec(codes))
    other = make_spec(codes, **{field: value})
    source = ArraySource(codes, other)
    stream(source, HDF5.create(tmp_path / "w.h5", other, WriteOptions()))
    assert [f for f in verify(store, tmp_path / "w.h5").faults if f.startswith(field)]


def test_zeros_of_another_sign_differ(tmp_path, make_spec):
    codes = np.zeros((1, 1, 1, 100), np.float32)
    store = write_store(tmp_path / "w.zarr", codes, make_spec(codes))
    np.save(tmp_path / "w.npy", -codes)
    assert any("differ from the source" in f for f in verify(store, tmp_path / "w.npy").faults)


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_missing_level_is_named(source, zarr_format):
    store = source.with_name("w.zarr")
    convert(source, store, ConvertOptions(zarr_format=zarr_format))
    assert verify(store).checksums is (zarr_format == 3)
    shutil.rmtree(store / "overview/0")
    if zarr_format == 3:  # and nothing else says that it was ever there
        root = json.loads((store / "zarr.json").read_text())
        del root["consolidated_metadata"]["metadata"]["overview/0"]
        (store / "zarr.json").write_text(json.dumps(root))
    assert any("overview" in fault for fault in verify(store).faults)


def test_many_short_segments_take_few_tasks(tmp_path, rng):
    from pyramidion.formats import open_source
    from pyramidion.workflows._verify import _tasks

    np.save(tmp_path / "w.npy", rng.integers(0, 9, (1, 1, 200_000, 10), np.int16))
    with open_source(tmp_path / "w.npy") as opened:
        assert len(list(_tasks(opened, []))) <= 4
    report = verify(tmp_path / "w.npy")
    assert (report.samples, report.faults) == (2_000_000, [])
