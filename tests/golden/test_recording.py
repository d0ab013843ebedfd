"""The bytes of a recording: yesterday's must still be read, and be what is written today."""

import struct

import numpy as np
import pytest
from tests.formats.recording_files import crc32c
from tests.formats.recording_writing import begin, publish, put

from pyramidion.core import Box
from pyramidion.formats import open_image

FRAMES = np.arange(24, dtype="<u2").reshape(3, 2, 4) + 0x4100


def framed(frame):
    data = frame.tobytes()
    return data + struct.pack("<I", crc32c(data))


def entries(*pairs):
    return b"".join(struct.pack("<QQ", *pair) for pair in pairs)


def end_index(*pairs):
    body = entries(*pairs)
    return body + struct.pack("<I", crc32c(body))


ABSENT = (2**64 - 1, 2**64 - 1)


def test_a_shard_of_raw_frames(tmp_path):
    writer = begin(tmp_path / "a", FRAMES, compression="none", shard=(2, None, None))
    put(writer, FRAMES, 0, 1)
    publish(writer)
    first = tmp_path / "a/0/c/0/0/0"
    assert first.read_bytes() == entries((32, 20), (0, 1)) + framed(FRAMES[0])
    put(writer, FRAMES, 1, 3)
    writer.finish({})
    full = entries((32, 20), (52, 20))
    assert first.read_bytes() == (
        full + framed(FRAMES[0]) + framed(FRAMES[1]) + end_index((32, 20), (52, 20))
    )
    assert (tmp_path / "a/0/c/1/0/0").read_bytes() == (
        entries((32, 20), (0, 1)) + framed(FRAMES[2]) + end_index((32, 20), ABSENT)
    )


def test_a_raw_shard_of_deep_chunks(tmp_path):
    writer = begin(tmp_path / "a", FRAMES, chunk=(2, None, None), shard=(2, None, None))
    put(writer, FRAMES, 0, 3)
    publish(writer)
    header = bytes.fromhex("02010202 20000000 20000000 30000000")
    assert (tmp_path / "a/0/c/0/0/0").read_bytes() == (
        entries((32, 48), (80, 48))
        + header + FRAMES[:2].tobytes()
        + header + FRAMES[2].tobytes() + bytes(16)
    )  # fmt: skip
    writer.abandon()


@pytest.mark.parametrize(("codec", "chunk"), [("none", 1), ("lz4", 1), ("lz4", 2)])
def test_it_reads_back(tmp_path, codec, chunk):
    writer = begin(tmp_path / "a", FRAMES, compression=codec, chunk=(chunk, None, None))
    put(writer, FRAMES, 0, 3)
    writer.finish({})
    with open_image(tmp_path / "a") as image:
        assert np.array_equal(image.read(Box.whole(image.spec.shape)).reshape(3, 2, 4), FRAMES)
