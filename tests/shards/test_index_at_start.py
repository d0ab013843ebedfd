"""Shards whose index stands at the start, with a checksum and without."""

import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st
from tests.formats.recording_files import numbered_frames, write_level

from pyramidion.core import Box, DamagedError
from pyramidion.shards import ArrayLayout, Codec, ShardedArray
from pyramidion.shards._index import lie_within
from pyramidion.storage import Folder

SHAPE = (5, 12, 16)


def opened(folder):
    import json

    meta = json.loads((folder / "zarr.json").read_text())
    return ShardedArray(Folder(folder), ArrayLayout.from_metadata(meta))


@pytest.fixture
def level(tmp_path):
    """Five frames of one chunk each in shards of four; returns the folder and the frames."""
    frames = numbered_frames(5)
    folder = tmp_path / "0"
    write_level(folder, frames, 5, (1, 12, 16), 4, "none", False)
    return folder, frames


def set_entry(folder, number, offset, length, shard=0):
    file = folder / "c" / str(shard) / "0" / "0"
    data = bytearray(file.read_bytes())
    data[16 * number : 16 * number + 16] = np.array([offset, length], "<u8").tobytes()
    file.write_bytes(data)


def test_reads_what_was_written(level):
    folder, frames = level
    array = opened(folder)
    assert (array.read(Box((0, 0, 0), SHAPE)) == frames).all()
    array.close()


@pytest.mark.parametrize("location", ["start", "end"])
@pytest.mark.parametrize("checked", [True, False])
def test_every_place_of_the_index_as_zarr_python_writes_it(tmp_path, location, checked):
    values = np.random.default_rng(0).integers(0, 1000, (7, 10, 9), dtype="uint16")
    codecs = [zarr.codecs.BytesCodec()] + ([zarr.codecs.Crc32cCodec()] if checked else [])
    sharding = zarr.codecs.ShardingCodec(
        chunk_shape=(1, 5, 9),
        codecs=[zarr.codecs.BytesCodec(), zarr.codecs.ZstdCodec(level=1)],
        index_codecs=codecs,
        index_location=location,
    )
    array = zarr.create_array(
        str(tmp_path / "a"), shape=values.shape, dtype="uint16", chunks=(4, 10, 9),
        serializer=sharding, compressors=None, filters=None, fill_value=0,
    )  # fmt: skip
    array[:] = values
    mine = opened(tmp_path / "a")
    assert (mine.layout.index_at, mine.layout.index_checked) == (location, checked)
    assert (mine.read(Box((0, 0, 0), values.shape)) == values).all()
    mine.close()


@pytest.mark.parametrize(
    ("offset", "length", "words"),
    [
        (0, 1, "not yet written"),
        (64, 1, "not yet written"),
        (2**64 - 1, 2**64 - 1, "missing"),
        (0, 0, "outside"),
        (0, 64, "outside"),
        (64, 0, "outside"),
        (10**9, 388, "outside"),
        (2**63, 2**63, "outside"),
        (64, 2**62, "outside"),
        (68, 388, "damaged"),
    ],
)
def test_an_entry_that_cannot_be_is_refused_and_others_are_read(level, offset, length, words):
    folder, frames = level
    set_entry(folder, 2, offset, length)
    array = opened(folder)
    with pytest.raises(DamagedError, match=words):
        array.read(Box((2, 0, 0), (3, 12, 16)))
    for t in (0, 1, 3, 4):
        assert (array.read(Box((t, 0, 0), (t + 1, 12, 16)))[0] == frames[t]).all()
    array.close()


def test_a_shard_that_grows_behind_its_index_is_read(level):
    """The index is read before the file has grown to what it says."""
    folder, frames = level
    file = folder / "c/1/0/0"
    data = file.read_bytes()
    file.write_bytes(data[:64])
    array = opened(folder)
    array.check_shard((1, 0, 0))
    file.write_bytes(data)
    assert (array.read(Box((4, 0, 0), (5, 12, 16)))[0] == frames[4]).all()
    array.close()


def test_a_shard_shorter_than_its_index_is_damaged(level):
    folder, _ = level
    (folder / "c/1/0/0").write_bytes(b"\0" * 63)
    array = opened(folder)
    with pytest.raises(DamagedError, match="index damaged"):
        array.read(Box((4, 0, 0), (5, 12, 16)))
    array.close()


@pytest.mark.parametrize("codec", ["none", "blosc-lz4"])
@pytest.mark.parametrize("chunk", [(3, 12, 16), (3, 5, 7)])
def test_deep_chunks_lie_raw_and_are_read(tmp_path, codec, chunk):
    frames = numbered_frames(8)
    write_level(tmp_path / "0", frames, 8, chunk, 2, codec, False)
    array = opened(tmp_path / "0")
    assert array.layout.codec == Codec(codec, int(codec != "none"), 2, checked=False)
    assert (array.read(Box((0, 0, 0), frames.shape)) == frames).all()
    assert (zarr.open_array(str(tmp_path / "0"), mode="r")[:] == frames).all()
    array.close()


@given(
    st.lists(st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1)), max_size=20),
    st.integers(0, 2**62),
    st.integers(0, 2**62),
)
def test_lie_within_is_exact(entries, start, stop):
    table = np.array(entries, np.uint64).reshape(-1, 2)
    expected = [start <= a and a + n <= max(start, stop) for a, n in entries]
    assert lie_within(table, start, stop).tolist() == expected
