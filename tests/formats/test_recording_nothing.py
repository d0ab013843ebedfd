"""Chunks that are not there: refused by every reader, and never taken for another one.

Their entries point to the first byte of the shard. In recordings of an earlier version they pointed to
where the first chunk begins; blosc looks for a length behind what it is given, and found that chunk.
"""

import errno
import json
import os

import numpy as np
import pytest
import zarr
from tests.formats.recording_writing import begin, put, read, some_frames, stamps

from pyramidion.core import Box, DamagedError, StorageError
from pyramidion.formats import open_image
from pyramidion.formats._recording.damage import check_run, runs
from pyramidion.formats._recording.level import Level
from pyramidion.formats._recording.mend_levels import mend_levels
from pyramidion.formats._recording.recover import plan_of, read_documents
from pyramidion.formats._recording.repair import repair_recording
from pyramidion.formats._recording.stored import StoredRecording
from pyramidion.formats._recording.survey import survey
from pyramidion.workflows import verify

CODECS = ["none", "lz4", "zstd"]
DEPTHS = [1, 3]
PER_SHARD = 4
SHAPE = (12, 20)
TALL = (514, 8)
"""Frames that have a coarser level."""
ABSENT = (2**64 - 1, 2**64 - 1)
NOTHING, UNREADABLE = (0, 1), (0, 2)
REFUSED = ValueError, RuntimeError

shallow_and_deep = pytest.mark.parametrize("depth", DEPTHS)
every_codec = pytest.mark.parametrize("codec", CODECS)


def options_of(codec, depth):
    return {
        "compression": codec,
        "chunk": (depth, None, None),
        "shard": (PER_SHARD, None, None),
    }


def entries_of(path, shard=0, at="start", n=PER_SHARD, level="0"):
    data = (path / f"{level}/c/{shard}/0/0").read_bytes()
    index = data[: 16 * n] if at == "start" else data[-16 * n - 4 : -4]
    return [tuple(pair) for pair in np.frombuffer(index, "<u8").reshape(-1, 2).tolist()]


def set_entry(path, number, entry, level="0"):
    file = path / f"{level}/c/0/0/0"
    data = bytearray(file.read_bytes())
    data[16 * number : 16 * number + 16] = np.array(entry, "<u8").tobytes()
    file.write_bytes(data)


def show(path, n_frames):
    """Have the document of level 0 tell of more frames than it should."""
    document = json.loads((path / "0/zarr.json").read_text())
    document["shape"][0] = n_frames
    (path / "0/zarr.json").write_text(json.dumps(document))


def age(path):
    """Make entries what they were in recordings of an earlier version."""
    for file in path.glob("[0-9]*/c/*/*/*"):
        folder = file.parents[3]
        document = json.loads((folder / "zarr.json").read_text())
        shard = document["chunk_grid"]["configuration"]["chunk_shape"]
        chunk = document["codecs"][0]["configuration"]["chunk_shape"]
        n = int(np.prod([s // c for s, c in zip(shard, chunk, strict=True)]))
        data = bytearray(file.read_bytes())
        entries = np.frombuffer(data, "<u8", 2 * n).reshape(n, 2)
        entries[entries[:, 0] == 0, 0] = 16 * n
        file.write_bytes(data)


def refuse(path, frames, number, depth):
    """Every reader refuses one chunk of the first shard and reads all others."""
    here = slice(number * depth, number * depth + depth)
    first, whole = here.start, slice(0, PER_SHARD * depth)
    good = [t for t in range(PER_SHARD * depth) if not here.start <= t < here.stop]
    for array in opened_by_others(path):
        for part in (whole, slice(first, first + 1)):
            with pytest.raises(REFUSED):
                np.asarray(array[part])
        for t in good:
            assert np.array_equal(np.asarray(array[t]), frames[t])
    with open_image(path) as image:
        _, *spatial = image.spec.shape
        for a, b in ((0, whole.stop), (first, first + 1)):
            with pytest.raises(DamagedError):
                image.read(Box((a, 0, 0, 0, 0), (b, *spatial)))
        for t in good:
            found = image.read(Box((t, 0, 0, 0, 0), (t + 1, *spatial)))
            assert np.array_equal(found[0, 0, 0], frames[t])


def opened_by_others(path):
    yield zarr.open_array(str(path / "0"), mode="r")
    try:
        import tensorstore
    except ImportError:
        return
    store = {"driver": "file", "path": f"{path / '0'}/"}
    yield tensorstore.open({"driver": "zarr3", "kvstore": store}).result()


# --- chunks to come


@every_codec
@shallow_and_deep
def test_a_chunk_to_come_is_refused(tmp_path, rng, codec, depth):
    path, n, number = tmp_path / "a", PER_SHARD * depth, 1
    frames = some_frames(rng, n, SHAPE, "<u2")
    writer = begin(path, frames, **options_of(codec, depth))
    for k in range(PER_SHARD):
        if k != number:
            put(writer, frames, k * depth, (k + 1) * depth)
    writer.abandon()
    show(path, n)
    assert [k for k, entry in enumerate(entries_of(path)) if entry == NOTHING] == [number]
    refuse(path, frames, number, depth)
    with StoredRecording(path) as stored:
        faults = [fault for run in runs(stored.levels[0]) for fault in check_run(run)]
    assert [(fault.frames, fault.line) for fault in faults] == [
        (
            (number * depth, number * depth + depth),
            f"0/c/0/0/0 chunk {number} missing (not yet written)",
        )
    ]


# --- chunks that are lost

DAMAGES = [
    *((codec, depth, "entry") for codec in CODECS for depth in DEPTHS),
    *(("lz4", depth, how) for depth in DEPTHS for how in ("cut", "pixels")),
]


@pytest.mark.parametrize(("codec", "depth", "how"), DAMAGES)
def test_a_chunk_that_is_lost_is_refused(tmp_path, rng, codec, depth, how):
    path, n = tmp_path / "a", (PER_SHARD + 2) * depth
    frames = some_frames(rng, n, SHAPE, "<u2") >> 9
    number = 3 if how == "cut" else 1
    recorded(path, frames, codec, depth, is_ended=how == "pixels")
    destroy(path, number, how)
    report = repair_recording(path)
    assert report.damaged == [
        f"frame {t}: cannot be read" for t in range(number * depth, (number + 1) * depth)
    ]
    entry = entries_of(path)[number]
    assert entries_of(path, at="end")[number] == entry
    assert (entry == UNREADABLE) == (how != "pixels")  # an entry that can be stays as it is
    refuse(path, frames, number, depth)
    assert [fault.partition(" damaged")[0] for fault in verify(path).faults] == [
        f"{path}/0/c/0/0/0 chunk {number}"
    ]
    assert repair_recording(path).is_nothing_done


def recorded(path, frames, codec, depth, *, is_ended=False):
    """Record frames, and stop without an end, or at the end of it: all shards are then encoded."""
    writer = begin(path, frames, **options_of(codec, depth))
    put(writer, frames, 0, len(frames))
    assert writer.sync() == len(frames)
    if is_ended:
        writer.finish({})
        tell_state(path, "recording")
    else:
        writer.abandon()


def tell_state(path, state):
    root = json.loads((path / "zarr.json").read_text())
    root["attributes"]["pyramidion"]["state"] = state
    (path / "zarr.json").write_text(json.dumps(root))


def destroy(path, number, how):
    if how == "entry":
        set_entry(path, number, (10**12, 400))
        return
    offset, length = entries_of(path)[number]
    file = path / "0/c/0/0/0"
    data = bytearray(file.read_bytes())
    if how == "pixels":
        data[offset : offset + 16] = b"\xa5" * 16
    else:
        del data[offset + length // 2 :]
    file.write_bytes(data)


# --- recordings of an earlier version

CUTS = {
    "tiles": {"chunk": (1, 6, 7), "shard": (4, 2, 2)},
    "deep tiles": {"chunk": (3, 6, 7), "shard": (4, 2, 2)},
}


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
@pytest.mark.parametrize("then", ["repaired", "resumed", "ended and resumed"])
def test_an_old_recording_goes_on(tmp_path, rng, cut, then):
    path = tmp_path / "a"
    frames = some_frames(rng, 17, SHAPE, "<u2")
    options = {"compression": "lz4", **cut}
    writer = begin(path, frames, **options)
    put(writer, frames, 0, 14)
    assert writer.sync() == 14
    if then == "ended and resumed":
        writer.finish({})
    else:
        writer.abandon()
    age(path)
    n = 14
    if then == "repaired":
        assert not repair_recording(path).damaged
    else:
        writer = begin(path, frames, resume=True, **options)
        assert writer.first == n
        writer.write(n, frames[n:], stamps(0, 17 - n))
        writer.finish({})
        n = 17
    assert np.array_equal(read(path), frames[:n])
    assert not verify(path).faults
    assert_absent_beyond(path, cut, n)


def assert_absent_beyond(path, cut, n_frames):
    """In the index at the end, entries of chunks that are not there are absent."""
    depth = cut["chunk"][0]
    n_y, n_x = cut["shard"][1:]
    per_shard = cut["shard"][0] * n_y * n_x
    last = (n_frames - 1) // (cut["shard"][0] * depth)
    n_there = -(-(n_frames - last * cut["shard"][0] * depth) // depth)
    files = sorted((path / f"0/c/{last}").glob("*/*"))
    n_stored = 0
    for file in files:
        index = file.read_bytes()[-16 * per_shard - 4 : -4]
        entries = [tuple(pair) for pair in np.frombuffer(index, "<u8").reshape(-1, 2).tolist()]
        assert set(entries[n_there * n_y * n_x :]) <= {ABSENT}
        n_stored += sum(entry != ABSENT for entry in entries)
        assert all(offset >= 16 * per_shard for offset, _ in entries)
    # Of 12 x 20 pixels in chunks of 6 x 7 there are 2 x 3.
    assert n_stored == n_there * 6


@shallow_and_deep
def test_an_old_recording_with_a_lost_chunk_is_repaired(tmp_path, rng, depth):
    path, n = tmp_path / "a", (PER_SHARD + 2) * depth
    frames = some_frames(rng, n, SHAPE, "<u2")
    recorded(path, frames, "lz4", depth)
    set_entry(path, 1, (16 * PER_SHARD, 2))
    age(path)
    assert repair_recording(path).damaged
    assert entries_of(path)[1] == entries_of(path, at="end")[1] == UNREADABLE
    assert entries_of(path, 1, at="end")[2:] == [ABSENT, ABSENT]
    refuse(path, frames, 1, depth)


# --- coarser levels made again


def lacking(path, rng, depth):
    """A recording of 22 frames whose level 1 lacks the last of the first shard."""
    frames = some_frames(rng, 22, TALL, "<u2")
    writer = begin(path, frames, levels="mean", **options_of("lz4", depth))
    put(writer, frames, 0, 22)
    writer.finish({})
    set_entry(path, 3, NOTHING, level="1")
    return frames


def mend(path):
    documents = read_documents(path)
    plan = plan_of(documents.own)
    found = survey(path, documents, plan, lambda work, tasks: ((t, work(t)) for t in tasks))
    assert not found.whole[1].all()
    mend_levels(path, plan, found)


def files_of(path):
    return {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}


class _FullError(OSError):
    """The disk is full."""


@pytest.fixture
def failing(monkeypatch):
    """Have a call of the system fail, from the k-th on; tells how often it was called."""

    def fail(name, k):
        true, calls = getattr(os, name), []

        def counted(*args):
            calls.append(args)
            if len(calls) > k:
                raise _FullError
            return true(*args)

        monkeypatch.setattr(os, name, counted)
        return calls

    return fail


@pytest.mark.skipif(not hasattr(os, "pwritev"), reason="the system has no positioned writes")
@shallow_and_deep
@pytest.mark.parametrize(
    ("name", "k"), [("pwrite", 0), ("pwritev", 1), ("fdatasync", 0), ("replace", 0), ("replace", 1)]
)
def test_coarser_levels_stay_as_they_are_until_new_ones_are_whole(
    tmp_path, rng, failing, depth, name, k
):
    path = tmp_path / "a"
    lacking(path, rng, depth)
    before = files_of(path)
    calls = failing(name, k)
    with pytest.raises(_FullError):
        mend(path)
    assert len(calls) == k + 1
    after = files_of(path)
    assert set(after) == set(before)  # none is left under another name
    changed = [file for file in before if after[file] != before[file]]
    # What has its name already is whole; everything else is as it was.
    assert changed == [path / "1/c/0/0/0"][: k if name == "replace" else 0]


@shallow_and_deep
def test_what_readers_have_open_stays_as_it_was(tmp_path, rng, depth):
    path = tmp_path / "a"
    lacking(path, rng, depth)
    held = {file: file.open("rb") for file in path.glob("1/c/*/0/0")}
    try:
        before = {file: file.read_bytes() for file in held}
        mend(path)
        assert {file: one.read() for file, one in held.items()} == before
        assert all(os.fstat(one.fileno()).st_ino != f.stat().st_ino for f, one in held.items())
    finally:
        for one in held.values():
            one.close()
    assert not list(path.rglob("*.part"))


@shallow_and_deep
def test_a_repair_that_finds_the_disk_full_is_done_again(tmp_path, rng, monkeypatch, depth):
    path = tmp_path / "a"
    frames = lacking(path, rng, depth)
    coarse = read(path, "1")
    tell_state(path, "recording")
    before = {file: file.read_bytes() for file in path.glob("1/c/*/0/0")}
    true = Level.enter

    def full(self, puts):
        true(self, puts)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Level, "enter", full)
    with pytest.raises(StorageError):
        repair_recording(path)
    monkeypatch.setattr(Level, "enter", true)
    assert {file: file.read_bytes() for file in path.glob("1/c/*/0/*")} == before
    assert not repair_recording(path).damaged
    assert np.array_equal(read(path), frames)
    assert np.array_equal(read(path, "1"), coarse)
    assert not verify(path).faults


# --- what is lost of some levels alone


@shallow_and_deep
def test_coarser_levels_of_frames_that_are_lost_are_no_zeros(tmp_path, rng, depth):
    path = tmp_path / "a"
    lacking(path, rng, depth)
    coarse = read(path, "1")
    set_entry(path, 1, (10**12, 400))
    tell_state(path, "recording")
    assert len(repair_recording(path).damaged) == depth
    array = zarr.open_array(str(path / "1"), mode="r")
    if depth == 1:  # they have a checksum, and stay
        assert np.array_equal(array[:], coarse)
    else:
        assert entries_of(path, at="end", level="1")[1] == UNREADABLE
        with pytest.raises(REFUSED):
            array[depth]
    assert all(fault.startswith(f"{path}/") for fault in verify(path).faults)


def test_a_coarser_shard_of_frames_that_are_lost_is_not_needed(tmp_path, rng):
    path = tmp_path / "a"
    frames = lacking(path, rng, 1)
    for number in range(PER_SHARD):
        set_entry(path, number, (10**12, 400))
    (path / "1/c/0/0/0").unlink()
    tell_state(path, "recording")
    assert len(repair_recording(path).damaged) == PER_SHARD
    assert np.array_equal(
        zarr.open_array(str(path / "0"), mode="r")[PER_SHARD:], frames[PER_SHARD:]
    )
    for level in "01":
        with pytest.raises(REFUSED):
            zarr.open_array(str(path / level), mode="r")[0]


@shallow_and_deep
def test_a_recording_with_a_lost_chunk_goes_on(tmp_path, rng, depth):
    path, n = tmp_path / "a", 3 * depth
    frames = some_frames(rng, n + 2, SHAPE, "<u2") >> 9
    recorded(path, frames[:n], "lz4", depth)
    set_entry(path, 1, (10**12, 400))
    assert repair_recording(path).damaged
    writer = begin(path, frames, resume=True, **options_of("lz4", depth))
    writer.write(n, frames[n:], stamps(0, 2))
    writer.finish({})
    assert entries_of(path, at="end")[1] == UNREADABLE
    array = zarr.open_array(str(path / "0"), mode="r")
    assert np.array_equal(array[2 * depth :], frames[2 * depth :])
    with pytest.raises(REFUSED):
        array[depth]
