"""Waveform stores over odd shapes and all types, against plain numpy and other readers."""

import json

import numpy as np
import pytest
import xarray
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.helpers import DTYPES, ArraySource, expected_overview, random_codes, write_store

from pyramidion.core import Box, UsageError
from pyramidion.formats import WaveformStore, WriteOptions
from pyramidion.formats._waveform import geometry
from pyramidion.formats.zarr import FORMAT as ZARR
from pyramidion.workflows import stream, verify

SHAPES = [
    (1, 1, 1, 1),
    (2, 1, 3, 1003),
    (1, 2, 5, 63),
    (2, 3, 4, 65),
    (1, 1, 1, 65_537),
    (1, 1, 2, 300_001),
    (1, 70, 3, 999),
]


def check(path, codes, zarr_format=3):
    """Everything a store promises, read by zarr-python and by us."""
    group = zarr.open_group(path, mode="r")
    np.testing.assert_array_equal(group["raw"][...], codes)
    with WaveformStore(path) as store:
        np.testing.assert_array_equal(store.read(Box.whole(codes.shape)), codes)
        assert store.zarr_format == zarr_format
        assert store.overviews
        for overview in store.overviews:
            stored = group[overview.array.key][...]
            np.testing.assert_array_equal(stored, expected_overview(codes, overview.factor))
            assert group[overview.array.key].attrs["samples_per_bin"] == overview.factor
    report = verify(path)
    assert report.faults == []
    assert report.samples == codes.size


@pytest.mark.parametrize("zarr_format", [3, 2])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_shapes(tmp_path, rng, make_spec, shape, zarr_format):
    codes = random_codes(rng, shape, "int16")
    path = write_store(tmp_path / "w.zarr", codes, make_spec(codes), zarr_format=zarr_format)
    check(path, codes, zarr_format)


@pytest.mark.parametrize("zarr_format", [3, 2])
@pytest.mark.parametrize("dtype", DTYPES)
def test_types(tmp_path, rng, make_spec, dtype, zarr_format):
    codes = random_codes(rng, (2, 1, 2, 1003), dtype)
    codes[0, 0, 0, :64] = 0 if codes.dtype.kind != "f" else np.nan
    path = write_store(tmp_path / "w.zarr", codes, make_spec(codes), zarr_format=zarr_format)
    check(path, codes, zarr_format)


@pytest.mark.parametrize("compression", ["none", "zstd:1", "gzip", "blosc-lz4:9", "blosc-zstd"])
def test_codecs(tmp_path, rng, make_spec, compression):
    codes = random_codes(rng, (1, 1, 2, 70_001), "int16")
    path = write_store(tmp_path / "w.zarr", codes, make_spec(codes), compression=compression)
    check(path, codes)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_tasks_that_share_shards_levels_and_deep_levels(tmp_path_factory, data):
    """With tiny shards and levels, bins of every kind of level meet every kind of task border."""
    n = data.draw(st.integers(1, 5000))
    shape = (data.draw(st.integers(1, 2)), 1, data.draw(st.integers(1, 3)), n)
    codes = random_codes(np.random.default_rng(n), shape, "int16")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(geometry, "CHUNK_SAMPLES", 64)
        patch.setattr(geometry, "CHUNK_BINS", 8)
        patch.setattr(geometry, "SHARD_BYTES", 512)
        patch.setattr(geometry, "OVERVIEW_SHARD_BYTES", 256)
        patch.setattr(geometry.PyramidPlan, "for_record", classmethod(_small_plan))
        path = write_store(tmp_path_factory.mktemp("s") / "w.zarr", codes, _spec(codes))
        check(path, codes)


def _spec(codes):
    from pyramidion.core import WaveformSpec, waveform_axes

    lead = codes.shape[:2]
    return WaveformSpec(
        waveform_axes(codes.shape, 1e-9), codes.dtype, np.ones(lead), np.zeros(lead)
    )


def _small_plan(cls, n_samples):
    from pyramidion.pyramid import Level

    factors, bins = [8], -(-n_samples // 8)
    levels = [Level(8, bins)]
    while -(-n_samples // (factors[-1] * 4)) >= 2:
        factors.append(factors[-1] * 4)
        levels.append(Level(factors[-1], -(-n_samples // factors[-1])))
    return cls(n_samples, tuple(levels))


def test_attributes_come_back(tmp_path, rng, make_spec):
    codes = random_codes(rng, (2, 1, 3, 100), "int16")
    spec = make_spec(
        codes,
        unit="A",
        gains=np.array([[1e-4], [2e-4]]),
        trigger_times=np.array([[[0, 1.5, np.nan]], [[0, 1.5, 2]]]),
        trigger_offsets=np.full((2, 1, 3), -1e-6),
        clip_codes=np.array([[[-100.0, 100.0]], [[-5.0, 5.0]]]),
        start_time="2026-01-02T03:04:05.5",
        instrument={"name": "LECROYWR", "bits": 8},
        attributes={"operator": "Ada", "lot": [1, 2]},
    )
    with WaveformStore(write_store(tmp_path / "w.zarr", codes, spec)) as store:
        for name in ("gains", "offsets", "trigger_times", "trigger_offsets", "clip_codes"):
            np.testing.assert_array_equal(getattr(store.spec, name), getattr(spec, name))
        for name in (
            "unit",
            "start_time",
            "instrument",
            "attributes",
            "interval",
            "offset",
            "axes",
        ):
            assert getattr(store.spec, name) == getattr(spec, name)


def test_layout_of_a_long_record_is_bounded():
    """Shards of 32 MiB, and one overview shard a level: two requests a view however long."""
    from pyramidion.core import WaveformSpec, waveform_axes
    from pyramidion.formats._waveform.geometry import wave_geometry
    from pyramidion.shards import Codec

    spec = WaveformSpec(waveform_axes((1, 1, 1, 10**9), 1e-9), np.dtype("<i2"))
    cut = wave_geometry(spec, Codec())
    assert cut.raw.chunk == (1, 1, 1, 65_536)
    assert cut.raw.shard == (1, 1, 1, 2**24)
    assert [layout.grid for layout in cut.overviews] == [(1, 1, 1, 1, 1)] * len(cut.overviews)
    assert all(layout.chunk[-1] <= 16_384 for layout in cut.overviews)


def test_old_viewers_layout(tmp_path, rng, make_spec):
    codes = random_codes(rng, (2, 1, 3, 250_123), "int16")
    path = write_store(tmp_path / "w.zarr", codes, make_spec(codes), zarr_format=2)
    raw = json.loads((path / "raw/.zarray").read_text())
    overview = json.loads((path / "overview/0/.zarray").read_text())
    attributes = json.loads((path / ".zattrs").read_text())
    blosc = {"id": "blosc", "cname": "zstd", "clevel": 5, "shuffle": 2, "blocksize": 0}
    assert raw["chunks"] == [1, 1, 1, 100_000]
    assert raw["compressor"] == overview["compressor"] == blosc
    assert (path / "raw/1.0.2.2").is_file()
    factor = 250_123 // 4000
    assert overview["shape"] == [2, 1, 3, 2, -(-250_123 // factor)]
    assert overview["chunks"] == [1, 1, 1, 2, overview["shape"][-1]]
    assert attributes["horiz_interval"] == 2e-9
    assert np.shape(attributes["vertical_gains"]) == (2, 1)
    assert np.shape(attributes["vertical_offsets"]) == (2, 1)
    check(path, codes, 2)


def test_a_store_of_the_old_tools_opens(tmp_path, rng):
    """As ZoomingOnline's converter left it: 1-D gains, no factor, the tail in no bin."""
    codes = rng.integers(-2000, 2000, (2, 1, 1, 10_003)).astype(np.int16)
    group = zarr.create_group(tmp_path / "old.zarr", zarr_format=2)
    group.create_array("raw", data=codes, chunks=(1, 1, 1, 5000))
    factor = 10_003 // 4000
    whole = codes[..., : 10_003 // factor * factor].reshape(2, 1, 1, -1, factor)
    pairs = np.stack([whole.min(-1), whole.max(-1)], axis=-2)
    group.create_group("overview").create_array(
        "0", data=pairs, chunks=(1, 1, 1, 2, pairs.shape[-1])
    )
    group.attrs.update({"vertical_gains": [1e-4, 2e-4], "vertical_offsets": [0.0, 0.1]})
    with WaveformStore(tmp_path / "old.zarr") as store:
        np.testing.assert_array_equal(store.read(Box.whole(codes.shape)), codes)
        assert store.spec.gains.tolist() == [[1e-4], [2e-4]]
        assert store.spec.interval == 1e-9
        assert "horiz_interval" in store.spec.warnings[0]
        assert not store.overviews[0].whole
    faults = verify(tmp_path / "old.zarr").faults
    assert len(faults) == 2
    assert all("in no bin" in fault for fault in faults)


def test_xarray_opens_it(tmp_path, rng, make_spec):
    codes = random_codes(rng, (2, 1, 3, 1003), "int16")
    path = write_store(tmp_path / "w.zarr", codes, make_spec(codes))
    dataset = xarray.open_zarr(path, consolidated=True)
    assert dataset["raw"].dims == ("channel", "trc", "segment", "sample")
    np.testing.assert_array_equal(dataset["raw"].values, codes)
    level = xarray.open_zarr(path, group="overview", consolidated=False)["0"]
    assert level.dims == ("channel", "trc", "segment", "stat", "bin")


def test_one_pass_reads_every_sample_once(tmp_path, rng, make_spec):
    codes = random_codes(rng, (2, 1, 2, 200_003), "int16")
    source = ArraySource(codes, make_spec(codes))
    stream(source, ZARR.create(tmp_path / "w.zarr", source.spec, WriteOptions()))
    assert source.n_read == codes.size


def test_unknown_codec_for_old_viewers(tmp_path, rng, make_spec):
    codes = random_codes(rng, (1, 1, 1, 10), "int16")
    with pytest.raises(UsageError, match="old viewer"):
        write_store(tmp_path / "w.zarr", codes, make_spec(codes), zarr_format=2, compression="gzip")
    assert not list(tmp_path.iterdir())
