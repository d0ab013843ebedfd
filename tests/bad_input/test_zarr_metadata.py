"""Metadata documents with any part replaced or deleted, and what other writers may leave out."""

import copy
import json
import os
import shutil

import numpy as np
import pytest
import zarr
from tests.helpers import random_codes, write_store

from pyramidion.core import (
    Box,
    DamagedError,
    DataError,
    MissingError,
    PyramidionError,
    UsageError,
    WaveformSpec,
    waveform_axes,
)
from pyramidion.formats import WaveformStore, check_seal
from pyramidion.formats._waveform.attributes import check_writable, from_attributes, to_attributes
from pyramidion.formats._waveform.checks import samples_per_bin
from pyramidion.shards import ArrayLayout, Codec, ShardedArray, ShardWriter
from pyramidion.shards._layout import read_fill
from pyramidion.storage import Folder

REPLACEMENTS = [None, -1, 0, 1.5, "x", [], {}, [[]], True, 10**400]
DELETED = object()
SHAPE = (1, 1, 2, 1003)


def spec_of(shape=SHAPE, **fields):
    lead = shape[:2]
    fields = {"gains": np.ones(lead), "offsets": np.zeros(lead), **fields}
    return WaveformSpec(waveform_axes(shape, 1e-9), np.dtype("int16"), **fields)


@pytest.fixture(scope="module")
def codes():
    return random_codes(np.random.default_rng(5), SHAPE, "int16")


@pytest.fixture(scope="module", params=[3, 2])
def small(request, tmp_path_factory, codes):
    """A small store of either version, with every attribute that we write."""
    spec = spec_of(
        trigger_times=np.array([[[0.0, np.nan]]]),
        trigger_offsets=np.zeros((1, 1, 2)),
        clip_codes=np.array([[[-9.0, 9.0]]]),
        start_time="2026-01-02T03:04:05",
        instrument={"name": "X"},
        attributes={"operator": "Ada"},
    )
    path = tmp_path_factory.mktemp("small") / "w.zarr"
    return write_store(path, codes, spec, zarr_format=request.param)


@pytest.fixture
def store(tmp_path, codes):
    return write_store(tmp_path / "w.zarr", codes, spec_of())


def edit(path, change):
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def parts(value, path=()):
    """Where each part of a document lies, inner nodes and leaves."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, part in items:
        if isinstance(part, dict | list):
            yield from parts(part, (*path, key))
        else:
            yield (*path, key)


def changed(document, path, value):
    document = copy.deepcopy(document)
    at = document
    for key in path[:-1]:
        at = at[key]
    if value is DELETED:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return document


def read_everything(path):
    """Open a store and read all of it; return what is told instead when that does not work."""
    try:
        with WaveformStore(path) as store:
            store.read(Box.whole(store.spec.shape))
            for overview in store.overviews:
                overview.array.reader.read(Box.whole(overview.array.shape))
            check_seal(store)
            to_attributes(store.spec)
    except PyramidionError as error:
        return error.line
    return ""


@pytest.mark.filterwarnings("ignore")  # what zarr-python says about arrays that are not ours
def test_any_part_of_any_document_replaced_or_deleted(small):
    names = ["*/zarr.json", "zarr.json", ".zarray", ".zattrs", ".zgroup"]
    documents = {path for name in names for path in small.rglob(name)}
    assert len(documents) >= 4
    for file in sorted(documents):
        good = file.read_bytes()
        document = json.loads(good)
        for path in parts(document):
            if path[0] == "consolidated_metadata" and len(path) > 4:
                continue  # copies of the other documents, compared as a whole
            for value in [*REPLACEMENTS, DELETED]:
                file.write_text(json.dumps(changed(document, path, value)))
                try:
                    line = read_everything(small)
                except Exception as error:
                    raise AssertionError((file.name, path, value)) from error
                assert len(line.splitlines()) <= 1, (file.name, path, value)
                assert len(line) < 1000, (file.name, path, value)
        file.write_bytes(good)
    assert read_everything(small) == ""


@pytest.mark.parametrize("value", [0, "64", [64], 64.5, True, 10**400, 99])
def test_samples_per_bin_that_make_no_sense(store, value):
    edit(store / "overview/0/zarr.json", lambda d: d["attributes"].update(samples_per_bin=value))
    with pytest.raises(DataError, match="samples"):
        WaveformStore(store)


def test_levels_that_do_not_divide_each_other(tmp_path):
    """Another writer's levels of 3 and of 7 samples a bin, each right by itself."""
    group = zarr.open_group(tmp_path / "w.zarr", mode="w")
    group.create_array("raw", shape=(1, 1, 1, 2100), chunks=(1, 1, 1, 2100), dtype="i2")
    for level, factor in enumerate((7, 3)):
        shape = (1, 1, 1, 2, 2100 // factor)
        array = group.create_array(f"overview/{level}", shape=shape, chunks=shape, dtype="i2")
        array.attrs["samples_per_bin"] = factor
    with pytest.raises(DataError, match="divide each other"):
        WaveformStore(tmp_path / "w.zarr")


@pytest.mark.parametrize(
    ("n_samples", "n_bins", "factor"),
    [(30_001, 4285, 7), (30_001, 4286, 7), (30_001, 1000, 30), (30_001, 1001, 30), (999, 999, 1)],
)
def test_the_rule_of_the_old_tool(n_samples, n_bins, factor):
    found = samples_per_bin(None, n_samples, n_bins, "w")
    assert n_bins in (n_samples // found, -(-n_samples // found))
    assert found == pytest.approx(factor, abs=1)


@pytest.mark.parametrize("n_bins", [0, 20_000, 30_002])
def test_bins_that_no_rule_makes(n_bins):
    with pytest.raises(DataError, match="does not fit"):
        samples_per_bin(None, 30_001, n_bins, "w")


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("vertical_gains", [None], "finite"),
        ("vertical_gains", [True], "not numbers"),
        ("vertical_gains", [10**400], "not numbers"),
        ("vertical_offsets", float("inf"), "finite"),
        ("horiz_interval", 10**400, "not a number"),
        ("horiz_interval", float("nan"), "not a number"),
        ("horiz_offset", float("inf"), "not a number"),
        ("horiz_unit", 7, "not text"),
        ("vertical_unit", ["V"], "not text"),
        ("start_time", {}, "not text"),
        ("trigger_times", [[["0", "1"]]], "not numbers"),
        ("pyramidion", "1.0", "no layout number"),
        ("pyramidion", {"layout": "1"}, "no layout number"),
        ("pyramidion", {"layout": 10**400, "version": "9\n"}, "written by version"),
    ],
)
def test_attributes_of_another_kind(name, value, word):
    good = to_attributes(spec_of())
    with pytest.raises(DataError, match=word) as told:
        from_attributes(good | {name: value}, SHAPE, np.dtype("int16"), "w.zarr")
    assert len(told.value.line.splitlines()) == 1


def test_an_instrument_that_is_no_object_is_left_out_with_a_warning():
    given = to_attributes(spec_of()) | {"instrument": "LeCroy", "trigger_times": [[[None, 2]]]}
    spec = from_attributes(given, SHAPE, np.dtype("int16"), "w.zarr")
    assert spec.instrument == {}
    assert any("instrument" in warning for warning in spec.warnings)
    np.testing.assert_array_equal(spec.trigger_times, [[[np.nan, 2]]])


HOSTILE = {
    "nan": float("nan"),
    "deep": [{"inf": [1.0, -np.inf]}],
    "surrogate \ud800": "a\ud800b",
    "bytes": b"caf\xe9",
    "numpy": [np.float32(1.5), np.int64(7), np.bool_(True), np.array([1, 2]), np.datetime64("NaT")],
    "object": complex(1, 2),
    7: (1, {2}),
    "long": 10**5000,
    "brackets": "[" * 100,
}


@pytest.mark.parametrize("zarr_format", [3, 2])
def test_what_json_cannot_hold_is_written_as_what_it_can(tmp_path, codes, zarr_format):
    spec = spec_of(attributes=HOSTILE, instrument=HOSTILE)
    check_writable(spec)
    path = write_store(tmp_path / "w.zarr", codes, spec, zarr_format=zarr_format)
    with WaveformStore(path) as store:
        assert check_seal(store) == []
        found = store.spec.attributes
        assert found == store.spec.instrument
    assert found["nan"] is None
    assert found["deep"] == [{"inf": [1.0, None]}]
    assert found["surrogate \\ud800"] == "a\\ud800b"
    assert found["bytes"] == "caf\\xe9"
    assert found["numpy"][:4] == [1.5, 7, True, [1, 2]]
    assert (found["object"], found["7"]) == ("(1+2j)", [1, [2]])
    assert int(found["long"], 16) == 10**5000
    assert found["brackets"] == "[" * 100


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"gains": np.full((1, 1), np.nan)}, "finite"),
        ({"offsets": np.full((1, 1), np.inf)}, "finite"),
        ({"attributes": {"a": "x" * 2**24}}, "over the limit"),
    ],
)
def test_what_could_not_be_opened_again_is_not_written(fields, word):
    with pytest.raises(DataError, match=word):
        check_writable(spec_of(**fields))


def test_attributes_that_hold_themselves_are_not_written():
    nested = []
    nested.append(nested)
    with pytest.raises(DataError, match="levels"):
        check_writable(spec_of(attributes={"a": nested}))


@pytest.mark.parametrize(
    ("dtype", "fill"),
    [("int16", 0), ("int16", -7), ("uint8", 255), ("float32", np.nan), ("float64", -np.inf)],
)
def test_chunks_that_another_writer_left_out_are_the_fill_value(tmp_path, dtype, fill):
    path = tmp_path / "w.zarr"
    raw = zarr.open_group(path, mode="w").create_array(
        "raw", shape=(1, 1, 1, 1000), chunks=(1, 1, 1, 100), shards=(1, 1, 1, 300), dtype=dtype,
        fill_value=fill, compressors=zarr.codecs.ZstdCodec(level=1),
    )  # fmt: skip
    codes = np.full(raw.shape, fill, dtype)
    codes[..., 150:160] = (
        5  # shards 1, 2 and 3 and the first and last chunk of shard 0 are left out
    )
    raw[...] = codes
    assert len(list(path.rglob("c/0/0/0/*"))) == 1
    with WaveformStore(path) as store:
        assert isinstance(store.raw.reader, ShardedArray)
        np.testing.assert_array_equal(store.read(Box.whole(codes.shape)), codes)


def test_a_shard_that_is_absent_from_a_store_of_ours_is_a_loss(store):
    (store / "raw/c/0/0/0/0").unlink()
    with WaveformStore(store) as opened, pytest.raises(MissingError, match="missing"):
        opened.read(Box.whole(SHAPE))


@pytest.mark.timeout(20)
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_a_shard_that_is_not_a_file(store, make):
    shard = store / "raw/c/0/0/0/0"
    shard.unlink()
    make(shard)
    with WaveformStore(store) as opened, pytest.raises(DataError, match="not a regular file"):
        opened.read(Box.whole(SHAPE))


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    ("make", "word"),
    [(os.mkfifo, "not a regular file"), (os.mkdir, "not a regular file"), (None, "missing")],
)
def test_a_chunk_of_version_2_that_is_not_a_file(tmp_path, codes, make, word):
    path = write_store(tmp_path / "w.zarr", codes, spec_of(), zarr_format=2)
    chunk = path / "raw/0.0.1.0"
    chunk.unlink()
    if make is not None:
        make(chunk)
    with WaveformStore(path) as opened, pytest.raises(DataError, match=word):
        opened.read(Box.whole(SHAPE))


def test_a_fill_value_that_the_type_does_not_hold():
    assert read_fill(1e300, np.dtype("f4")) is None
    assert read_fill(10**400, np.dtype("f8")) is None
    assert read_fill(2**15, np.dtype("i2")) is None
    assert read_fill("Infinity", np.dtype("f2")) == np.inf


def test_folders_of_shards_that_are_a_file(store):
    shutil.rmtree(store / "raw/c")
    (store / "raw/c").write_bytes(b"x")
    with WaveformStore(store) as opened, pytest.raises(PyramidionError, match="cannot read"):
        opened.read(Box.whole(SHAPE))


def test_an_index_larger_than_its_shard_is_not_read(store):
    def cut(document):
        document["chunk_grid"]["configuration"]["chunk_shape"][-1] = 2**40
        document["codecs"][0]["configuration"]["chunk_shape"][-1] = 1

    edit(store / "raw/zarr.json", cut)
    with WaveformStore(store) as opened, pytest.raises(DamagedError, match="index damaged"):
        opened.read(Box((0, 0, 0, 0), (1, 1, 1, 2)))


@pytest.mark.parametrize("text", ["zstd:²", "zstd:--3", "zstd:-", "zstd:٣", f"zstd:{'9' * 5000}"])
def test_levels_of_compression_that_are_no_numbers(text):
    with pytest.raises(UsageError, match="level must be"):
        Codec.parse(text)


@pytest.mark.parametrize(
    ("shape", "chunk", "shard"),
    [((10,), (3,), (6,)), ((5, 7), (2, 3), (4, 6)), ((1, 3, 2), (1, 2, 2), (2, 2, 4))],
)
def test_chunks_of_a_shard_are_those_with_elements(tmp_path, shape, chunk, shard):
    layout = ArrayLayout(shape, np.dtype("i2"), chunk, shard)
    values = np.arange(np.prod(shape), dtype="i2").reshape(shape)
    for index in layout.shards():
        writer = ShardWriter(Folder(tmp_path), layout, index)
        listed = list(layout.chunks(index))
        for number, box in listed:
            place = np.unravel_index(number, layout.chunks_per_shard)
            corner = np.array(index) * shard + np.array(place) * chunk
            assert box.start == tuple(corner)
            assert box.stop == tuple(np.minimum(corner + chunk, shape))
            writer.put(number, values[box.slices])
        assert [number for number, _ in listed] == sorted({number for number, _ in listed})
        writer.commit()
    read = ShardedArray(Folder(tmp_path), layout)
    np.testing.assert_array_equal(read.read(Box.whole(shape)), values)
    read.close()
