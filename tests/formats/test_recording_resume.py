"""Recordings that go on, after their end or after a kill."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import zarr
from tests.formats.recording_writing import begin, publish, put, read, some_frames

from pyramidion.core import LOST_REASONS, DamagedError, PyramidionError, UsageError

NONE = (None, None, None)
SHAPE = (530, 21)
CUTS = {
    "frames": {"shard": (4, None, None)},
    "tiles": {"chunk": (1, 200, 16), "shard": (3, 1, 1)},
    "deep": {"chunk": (4, None, None), "shard": (2, None, None)},
    "deep tiles": {"chunk": (4, 200, 16), "shard": (2, 1, 1)},
}
INTERRUPTED = LOST_REASONS.index("interrupted")


@pytest.fixture
def frames(rng):
    return some_frames(rng, 40, SHAPE, "<u2")


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
@pytest.mark.parametrize("codec", ["none", "lz4"])
@pytest.mark.parametrize("levels", [("", "recording"), ("max", "recording"), ("max", "end")])
def test_it_goes_on_after_its_end(tmp_path, frames, cut, codec, levels):
    options = {**cut, "compression": codec, "levels": levels[0], "levels_when": levels[1]}
    path, n = tmp_path / "a", 0
    for last in (9, 9, 10, 24, 40):
        writer = begin(path, frames, resume=True, **options)
        assert writer.first == n
        assert np.array_equal(read(path), frames[:n])
        writer.write(n, frames[n:last], *[_stamps(last - n)])
        writer.finish({})
        n = last
        assert np.array_equal(read(path), frames[:n])
    root = zarr.open(path)
    assert root["frame_number"][:].tolist() == list(range(40))
    assert root["lost"][:].tolist() == [[m, 0, INTERRUPTED] for m in (9, 10, 24)]


def _stamps(n):
    from tests.formats.recording_writing import stamps

    return stamps(0, n)  # the camera counts from 0 again


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
@pytest.mark.parametrize("codec", ["none", "lz4"])
def test_it_goes_on_after_a_kill(tmp_path, frames, cut, codec):
    path = tmp_path / "a"
    writer = begin(path, frames, compression=codec, **cut)
    put(writer, frames, 0, 11)
    put(writer, frames, 13, 17)  # a gap before them
    assert publish(writer) == 11
    put(writer, frames, 11, 12)
    writer.abandon()
    writer = begin(path, frames, resume=True, compression=codec, **cut)
    n = writer.first
    # Frame 11 is whole and nobody has seen it; in chunks of several frames nothing proves that.
    assert n == (11 if "deep" in str(cut) or cut.get("chunk", (1,))[0] == 4 else 12)
    assert np.array_equal(read(path), frames[:n])
    writer.abandon()
    # What lay behind the gap is forgotten, also if it is cut off once more just here.
    writer = begin(path, frames, resume=True, compression=codec, **cut)
    assert writer.first == n
    writer.write(n, frames[20:21], _stamps(1))
    writer.abandon()
    writer = begin(path, frames, resume=True, compression=codec, **cut)
    assert writer.first in (n, n + 1)
    writer.write(writer.first, frames[n + 1 : 30], _stamps(29 - n))
    n_all = writer.first + 29 - n
    writer.finish({})
    found = read(path)
    assert len(found) == n_all
    assert np.array_equal(found[:n], frames[:n])
    assert np.array_equal(found[-(29 - n) :], frames[n + 1 : 30])
    numbers = zarr.open(path)["frame_number"][:]
    assert (np.diff(numbers) > 0).all()


def test_a_kill_at_every_file_of_the_end(tmp_path, frames):
    """Documents of a finished recording, replaced one after the other: each state goes on."""
    options = {"levels": "max", "shard": (4, None, None)}
    done = tmp_path / "done"
    writer = begin(done, frames, **options)
    put(writer, frames, 0, 10)
    writer.sync()
    begun = tmp_path / "begun"
    shutil.copytree(done, begun)
    writer.finish({})
    changed = [
        p.relative_to(done)
        for p in sorted(done.rglob("*"))
        if p.is_file() and (begun / p.relative_to(done)).read_bytes() != p.read_bytes()
    ]
    shards = [p for p in changed if p.name != "zarr.json"]
    order = shards + [p for p in changed if p.name == "zarr.json" and p.parent.name]
    order += [p for p in changed if p not in order]
    for k in range(len(order) + 1):
        path = tmp_path / f"k{k}"
        shutil.copytree(begun, path)
        for key in order[:k]:
            shutil.copyfile(done / key, path / key)
        assert np.array_equal(read(path), frames[:10])
        writer = begin(path, frames, resume=True, **options)
        assert writer.first == 10
        writer.write(10, frames[10:13], _stamps(3))
        writer.finish({})
        assert np.array_equal(read(path), frames[:13])


def test_only_the_same_recording_goes_on(tmp_path, frames):
    path = tmp_path / "a"
    begin(path, frames, levels="mean", resume=True).finish({})
    for other in (
        {"levels": ""},
        {"chunk": (1, 8, 8)},
        {"compression": "none"},
        {"names": "frames"},
    ):
        with pytest.raises(UsageError, match="recorded with other"):
            begin(path, frames, resume=True, **{"levels": "mean", **other})
    with pytest.raises(UsageError, match="other frames"):
        begin(path, frames[:, :20], resume=True, levels="mean")
    with pytest.raises(UsageError, match="other pixels"):
        begin(path, frames.astype("<i2"), resume=True, levels="mean")
    begin(path, frames, resume=True, levels="mean").finish({})
    (tmp_path / "b").mkdir()
    with pytest.raises(PyramidionError):
        begin(tmp_path / "b", frames, resume=True)


def test_frames_that_readers_saw_and_are_gone(tmp_path, frames):
    path = tmp_path / "a"
    writer = begin(path, frames, shard=(4, None, None), compression="none")
    put(writer, frames, 0, 10)
    publish(writer)
    writer.abandon()
    shard = path / "0/c/1/0/0"
    data = bytearray(shard.read_bytes())
    data[-2000] ^= 1
    shard.write_bytes(data)
    with pytest.raises(DamagedError, match="run pyramidion repair first"):
        begin(path, frames, shard=(4, None, None), compression="none", resume=True)
