"""How recordings are cut."""

import json

import numpy as np
import pytest

from pyramidion.core import FrameSpec, UsageError
from pyramidion.formats import RecordingOptions, plan_recording

LARGE = FrameSpec(2304, 4096, np.dtype("<u2"), "C", 109.0)
SMALL = FrameSpec(512, 512, np.dtype("<u2"))


def plan(spec, **options):
    return plan_recording(spec, RecordingOptions(**options))


def test_strips_of_two_mebibytes():
    layout = plan(LARGE).levels[0]
    assert layout.chunk == (1, 256, 4096)
    assert layout.shard == (27, 2304, 4096)
    assert layout.codec.name == "blosc-lz4"
    assert layout.codec.checked


def test_small_frames_are_whole():
    layout = plan(SMALL, compression="raw").levels[0]
    assert layout.chunk == (1, 512, 512)
    assert layout.shard[0] == 976
    tiny = plan(FrameSpec(8, 8, np.dtype("u1"))).levels[0]
    assert tiny.shard[0] == 2**14


def test_levels_down_to_a_window():
    made = plan(LARGE, levels="mean")
    assert [layout.shape[1:] for layout in made.levels] == [
        (2304, 4096), (1152, 2048), (576, 1024), (288, 512)
    ]  # fmt: skip
    assert made.paths == ("0", "1", "2", "3")
    assert plan(LARGE, levels="max", names="frames").paths[1] == "frames/1"
    assert plan(LARGE, names="frames").paths == ("frames",)
    assert plan(LARGE, levels="mean", levels_when="end").n_recorded == 1


def test_what_the_readme_asks_for():
    layout = plan(LARGE, chunk=(128, None, 32)).levels[0]
    assert layout.chunk == (128, 2304, 32)
    assert not layout.codec.checked
    made = plan(LARGE, chunk=(64, None, None), shard=(1, 1, 1), compression="zstd:5")
    assert made.levels[0].chunk == (64, 128, 4096)
    assert made.levels[0].chunk_bytes <= 2**26
    assert made.levels[0].shard == (64, 2304, 4096)
    assert made.levels[0].codec.name == "blosc-zstd"
    assert made.notes == ("chunks of 64 whole frames would have 1.21 GB: cut to 128 x 4096 px",)


@pytest.mark.parametrize("t", [1, 2, 7, 64, 100, 999, 1000, 8192])
@pytest.mark.parametrize("other", [(None, None), (None, 32), (100, None)])
def test_no_chosen_chunk_is_too_large(t, other):
    chunk = plan(LARGE, chunk=(t, *other)).levels[0].chunk
    most = 2**21 if (t, other) == (1, (None, None)) else 2**26
    assert np.prod(chunk) * 2 <= most
    # Parts are equal as far as they can be: one more of them would be needless.
    for n, part, given in zip((2304, 4096), chunk[1:], other, strict=True):
        assert part in (given, n) or part == -(-n // -(-n // part))


def test_it_can_be_told():
    made = plan(LARGE, levels="mean", chunk=(1, 576, 1024))
    told = json.loads(json.dumps(made.describe(), allow_nan=False))
    assert told["levels"][0]["chunk"] == [1, 576, 1024]
    raw = sum(layout.shape[1] * layout.shape[2] * 2 for layout in made.levels)
    assert raw < told["frame_bytes_on_disk"] < 1.1 * raw


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"chunk": (1, 5000, None)}, "chunking.y: 5000 px exceeds the frame (2304 px)"),
        ({"chunk": (1, 1024, None), "shard": (1, 3, 1)}, "sharding.y: 3 x 1024 px exceeds the frame (2304 px)"),
        ({"shard": (1, 2, 1)}, "sharding.y: 2 x 2304 px exceeds the frame (2304 px)"),
        ({"chunk": (0, None, None)}, "chunking.t: at least 1 (0)"),
        ({"chunk": (10**6, 2304, 4096)}, "chunking.t: 1000000 frames make a chunk of 18.9 TB or more (at most 1.07 GB)"),
        ({"chunk": (10**4, None, None)}, "chunking.t: 10000 frames make a chunk of 81.9 MB or more (at most 67.1 MB)"),
        ({"chunk": (10**8, 1, None)}, "chunking.t: 100000000 frames make a chunk of 200 MB or more"),
        ({"chunk": (10**7, None, 8)}, "chunking.t: 10000000 frames make a chunk of 160 MB or more"),
        ({"chunk": (1, 1, 1), "shard": (10, None, None)}, "sharding: a shard of"),
    ],
)  # fmt: skip
def test_what_cannot_be(options, words):
    with pytest.raises(UsageError) as caught:
        plan(LARGE, **options)
    assert words in caught.value.line
    assert caught.value.id == "PYR-CFG-06"


@pytest.mark.parametrize("text", ["gzip", "lzma", "lz4:99", "zstd:-1", "blosc-zlib"])
def test_codecs_that_are_not_written(text):
    with pytest.raises(UsageError, match="--compression"):
        plan(LARGE, compression=text)
