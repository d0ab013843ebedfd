"""The shard engine against other readers, odd shapes, all types, all codecs, and damage."""

import json

import numpy as np
import pytest
import tensorstore
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.helpers import DTYPES, random_codes

from pyramidion.core import Box, DamagedError, MissingError, UsageError
from pyramidion.shards import (
    ArrayLayout,
    ChunkedArray,
    ChunkedLayout,
    Codec,
    ShardedArray,
    ShardWriter,
    decode_index,
    encode_index,
)
from pyramidion.storage import Folder

CODECS = ["none", "zstd", "gzip", "blosc-lz4", "blosc-zstd"]


def write(root, values, chunk, shard, codec="blosc-lz4"):
    layout = ArrayLayout(values.shape, values.dtype, chunk, shard, Codec.parse(codec))
    folder = Folder(root)
    for index in layout.shards():
        writer = ShardWriter(folder, layout, index)
        for number, box in layout.chunks(index):
            writer.put(number, values[box.slices])
        writer.commit()
    folder.write("zarr.json", json.dumps(layout.metadata()).encode())
    return ShardedArray(folder, layout)


def read_tensorstore(root):
    spec = {"driver": "zarr3", "kvstore": {"driver": "file", "path": str(root)}}
    return tensorstore.open(spec).result().read().result()


def read_zarrs(root):
    with zarr.config.set({"codec_pipeline.path": "zarrs.ZarrsCodecPipeline"}):
        return zarr.open_array(root, mode="r")[...]


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_reader_reads_the_same_bits(tmp_path, rng, codec, dtype):
    values = random_codes(rng, (3, 2, 1003), dtype)
    ours = write(tmp_path, values, (1, 2, 100), (2, 2, 300), codec)
    bits = values.tobytes()
    assert ours.read(Box.whole(values.shape)).tobytes() == bits
    assert zarr.open_array(tmp_path, mode="r")[...].tobytes() == bits
    assert np.ascontiguousarray(read_tensorstore(tmp_path)).tobytes() == bits
    assert np.ascontiguousarray(read_zarrs(tmp_path)).tobytes() == bits


@pytest.mark.parametrize("codec", CODECS)
def test_metadata_is_what_zarr_python_writes(tmp_path, codec):
    layout = ArrayLayout((3, 7), np.dtype("<i2"), (1, 2), (2, 4), Codec.parse(codec), ("a", "b"))
    Folder(tmp_path).write("zarr.json", json.dumps(layout.metadata()).encode())
    theirs = zarr.open_array(tmp_path, mode="r").metadata.to_dict()
    written = json.loads(json.dumps(theirs, default=list))
    for key in ("shape", "data_type", "chunk_grid", "fill_value", "codecs"):
        assert written[key] == layout.metadata()[key], key
    assert list(written["dimension_names"]) == ["a", "b"]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_box_of_any_cut_is_numpy(tmp_path_factory, data):
    rank = data.draw(st.integers(1, 3))
    sides = st.integers(1, 40)
    shape = tuple(data.draw(sides) for _ in range(rank))
    chunk = tuple(data.draw(st.integers(1, 15)) for _ in range(rank))
    shard = tuple(c * data.draw(st.integers(1, 4)) for c in chunk)
    values = random_codes(np.random.default_rng(sum(shape)), shape, "int16")
    array = write(tmp_path_factory.mktemp("a"), values, chunk, shard)
    start = tuple(data.draw(st.integers(0, n - 1)) for n in shape)
    stop = tuple(data.draw(st.integers(a + 1, n)) for a, n in zip(start, shape, strict=True))
    box = Box(start, stop)
    np.testing.assert_array_equal(array.read(box), values[box.slices])
    array.close()


@pytest.mark.parametrize("codec", CODECS)
def test_every_flipped_bit_is_found(tmp_path, rng, codec):
    values = rng.integers(-2000, 2000, 300).astype(np.int16)
    write(tmp_path, values, (100,), (300,), codec).close()
    shard = tmp_path / "c/0"
    good = shard.read_bytes()
    for bit in range(0, 8 * len(good), 7):
        bad = bytearray(good)
        bad[bit // 8] ^= 1 << bit % 8
        shard.write_bytes(bad)
        array = ShardedArray(
            Folder(tmp_path),
            ArrayLayout.from_metadata(json.loads((tmp_path / "zarr.json").read_text())),
        )
        with pytest.raises(DamagedError):
            array.read(Box((0,), (300,)))
        array.close()


def test_truncated_and_missing_shards_are_told(tmp_path, rng):
    values = rng.integers(-2000, 2000, 600).astype(np.int16)
    array = write(tmp_path, values, (100,), (300,))
    shard = tmp_path / "c/1"
    good = shard.read_bytes()
    for length in (0, 1, 51, len(good) // 2, len(good) - 1):
        shard.write_bytes(good[:length])
        with pytest.raises(DamagedError, match="index damaged"):
            array.read(Box((300,), (301,)))
    shard.unlink()
    with pytest.raises(MissingError, match="missing"):
        array.read(Box((599,), (600,)))
    assert array.read(Box((0,), (300,))).tolist() == values[:300].tolist()
    array.close()


@pytest.mark.parametrize("entry", [(2**63, 10), (0, 2**64 - 2), (90, 20), (2**64 - 2, 8)])
def test_index_that_points_outside_is_refused(entry):
    index = np.array([entry, (0, 10)], np.uint64)
    with pytest.raises(DamagedError, match="outside"):
        decode_index(encode_index(index), 2, 100 + 36, "shard")


@pytest.mark.parametrize("codec", ["zstd", "gzip", "blosc-lz4", "blosc-zstd", "none"])
def test_a_chunk_of_another_size_is_refused_before_it_is_decoded(codec):
    codec = Codec.parse(codec)
    data = codec.encode(np.zeros(2**22, np.int16))
    with pytest.raises(DamagedError, match="more than 20 B"):
        codec.decode(data, np.dtype("<i2"), 10, "chunk")
    short = codec.encode(np.zeros(5, np.int16))
    with pytest.raises(DamagedError, match="less than 20 B"):
        codec.decode(short, np.dtype("<i2"), 10, "chunk")


def test_more_shards_than_may_be_open(tmp_path, rng):
    values = rng.integers(-99, 99, 200).astype(np.int8)
    array = write(tmp_path, values, (1,), (2,))
    for _ in range(2):
        np.testing.assert_array_equal(array.read(Box((0,), (200,))), values)
    assert len(array._open) <= 32
    array.close()


@pytest.mark.parametrize("text", ["zipp", "zstd:99", "blosc-lz4:x", "gzip:0"])
def test_unknown_codec(text):
    with pytest.raises(UsageError, match="--compression"):
        Codec.parse(text)


@pytest.mark.parametrize("dtype", ["<i2", ">i2", "<f8", "|u1", ">f4"])
@pytest.mark.parametrize("compressor", ["blosc", "zlib", "gzip", "zstd", None])
def test_version_2_arrays(tmp_path, rng, dtype, compressor):
    import numcodecs

    codecs = {
        "blosc": numcodecs.Blosc("zstd", 5, numcodecs.Blosc.BITSHUFFLE),
        "zlib": numcodecs.Zlib(4),
        "gzip": numcodecs.GZip(4),
        "zstd": numcodecs.Zstd(3),
        None: None,
    }
    values = rng.integers(0, 100, (2, 1003)).astype(dtype)
    array = zarr.create_array(
        tmp_path / "a",
        shape=values.shape,
        chunks=(1, 100),
        dtype=dtype,
        zarr_format=2,
        compressors=codecs[compressor],
        fill_value=7,
    )
    array[...] = values
    array[1, 100:200] = 7  # a chunk of nothing but the fill value is not stored
    values[1, 100:200] = 7
    layout = ChunkedLayout.from_metadata(json.loads((tmp_path / "a/.zarray").read_text()))
    read = ChunkedArray(Folder(tmp_path / "a"), layout).read(Box((0, 5), (2, 1003)))
    np.testing.assert_array_equal(read, values[:, 5:])


@pytest.mark.parametrize("encoding", ["default", "v2"])
@pytest.mark.parametrize("separator", ["/", "."])
@pytest.mark.parametrize("codec", ["none", "zstd", "gzip", "blosc"])
def test_arrays_of_version_3_without_shards(tmp_path, rng, codec, separator, encoding):
    from zarr.codecs import BloscCodec, Crc32cCodec, GzipCodec, ZstdCodec

    compressors = {
        "none": None,
        "zstd": (ZstdCodec(), Crc32cCodec()),
        "gzip": GzipCodec(),
        "blosc": BloscCodec(cname="zstd", typesize=2),
    }[codec]
    codes = random_codes(rng, (3, 50, 70), "int16")
    codes[:, :20] = -7  # whole chunks of the fill value are not stored
    array = zarr.create_array(
        tmp_path / "a", shape=codes.shape, chunks=(2, 20, 30), dtype="int16", fill_value=-7,
        compressors=compressors, chunk_key_encoding={"name": encoding, "separator": separator},
    )  # fmt: skip
    array[...] = codes
    layout = ChunkedLayout.from_metadata_v3(json.loads((tmp_path / "a/zarr.json").read_text()))
    assert layout is not None
    stored = ChunkedArray(Folder(tmp_path / "a"), layout)
    np.testing.assert_array_equal(stored.read(Box.whole(codes.shape)), codes)
    part = Box((1, 13, 29), (3, 41, 70))
    np.testing.assert_array_equal(stored.read(part), codes[part.slices])


@pytest.mark.parametrize("codec", CODECS)
def test_the_same_chunk_is_always_the_same_bytes(rng, codec):
    """On the main thread too, where blosc would use threads of its own."""
    chunk = rng.integers(0, 4096, 2**18).astype(np.uint16)
    n_times = 100 if codec.startswith("blosc") else 3
    assert len({Codec.parse(codec).encode(chunk) for _ in range(n_times)}) == 1
