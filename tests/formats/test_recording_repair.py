"""Recordings that were cut off are finished: nothing that is whole is lost, nothing is made up."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st
from tests.formats.recording_files import halved, numbered_frames, write_recording
from tests.helpers import tree_digest

from pyramidion.core import DataError, Lost, StorageError, UsageError
from pyramidion.formats._recording.frame_numbers import (
    fill_numbers,
    known_numbers,
    without_stored,
)
from pyramidion.formats._recording.repair import repair_recording
from pyramidion.storage import WriterLock
from pyramidion.workflows import describe, repair, verify

KINDS = {
    "raw": {},
    "lz4": {"codec": "blosc-lz4"},
    "strips": {"chunk": (1, 5, 16), "codec": "blosc-lz4"},
    "tiles": {"chunk": (1, 5, 7)},
    "deep": {"chunk": (3, 12, 16)},
    "deep lz4": {"chunk": (3, 5, 7), "codec": "blosc-lz4"},
    "levels": {"levels": 3},
    "deep levels": {"levels": 2, "chunk": (4, 12, 16), "codec": "blosc-lz4"},
}


@pytest.fixture(params=KINDS, ids=[kind.replace(" ", "-") for kind in KINDS])
def kind(request):
    return KINDS[request.param]


def check(path, frames, levels=1):
    """The store is sound, finished, and holds these frames for zarr-python."""
    group = zarr.open_group(str(path), mode="r")
    assert (group["0"][:] == frames).all()
    assert group["0"].shape[0] == len(frames)
    if levels > 1:
        assert (group["1"][:] == halved(frames)).all()
    for name in ("frame_number", "time_camera", "time_host"):
        assert group[name].shape == (len(frames),)
    assert group.attrs["pyramidion"]["state"] == "finished"
    report = verify(path)
    assert not report.faults
    before = tree_digest(path)
    assert repair(path).is_nothing_done
    assert tree_digest(path) == before


@pytest.mark.parametrize("shown", [0, 7, 11])
def test_every_frame_that_is_whole_is_back(tmp_path, kind, shown):
    frames = numbered_frames(11)
    path = write_recording(tmp_path / "a.zarr", frames, shown=shown, **kind)
    report = repair(path)
    assert (report.n_readable, report.n_repaired, report.n_lost) == (11, 11 - shown, 0)
    assert not report.damaged
    check(path, frames, kind.get("levels", 1))
    told = describe(path)["recording"]
    assert (told["state"], told["frames_stored"]) == ("finished", 11)


def test_one_that_is_finished_needs_nothing(tmp_path, kind):
    path = write_recording(tmp_path / "a.zarr", numbered_frames(11), finished=True, **kind)
    before = tree_digest(path)
    assert repair(path).is_nothing_done
    assert tree_digest(path) == before


def test_frames_behind_a_gap_are_not_taken(tmp_path):
    frames = numbered_frames(11)
    path = write_recording(tmp_path / "a.zarr", frames, shown=5, holes=[8])
    report = repair(path)
    assert (report.n_readable, report.n_repaired) == (8, 3)
    assert report.lost == {"disk": 3}
    check(path, frames[:8])


def test_frames_at_the_end_that_never_reached_the_disk_are_cut_off(tmp_path):
    frames = numbered_frames(11)
    path = write_recording(tmp_path / "a.zarr", frames, shown=11, holes=[9, 10])
    report = repair(path)
    assert (report.n_readable, report.n_repaired, report.lost) == (9, 0, {"disk": 2})
    assert report.faults == ("the last 2 frames that were there are gone",)
    check(path, frames[:9])


@pytest.mark.parametrize("how", ["hole", "zeros", "bits", "far"])
@pytest.mark.parametrize("codec", ["none", "blosc-lz4"])
def test_damage_in_the_middle_is_told_and_kept(tmp_path, how, codec):
    frames = numbered_frames(11)
    holes = [5] if how == "hole" else []
    path = write_recording(tmp_path / "a.zarr", frames, shown=11, holes=holes, codec=codec)
    file = path / "0/c/1/0/0"
    data = bytearray(file.read_bytes())
    if how == "zeros":
        data[16:32] = bytes(16)
    elif how == "far":
        data[16:32] = np.array([10**12, 400], "<u8").tobytes()
    elif how == "bits":
        data[int(np.frombuffer(data, "<u8", 1, 16)[0]) + 9] ^= 1
    file.write_bytes(data)
    report = repair(path)
    assert report.n_readable == 10
    assert report.damaged == ("frame 5: cannot be read",)
    array = zarr.open_group(str(path), mode="r")["0"]
    for t in range(11):
        if t == 5:
            with pytest.raises(Exception):  # noqa: B017 - whatever it is called, not zeros
                array[t]
        else:
            assert (array[t] == frames[t]).all()
    assert any("0/c/1/0/0 chunk 1" in fault for fault in verify(path).faults)
    assert repair(path).is_nothing_done


@pytest.mark.parametrize("levels", [2, 3])
@pytest.mark.parametrize("chunk", [(1, 12, 16), (3, 12, 16), (1, 5, 7)])
@pytest.mark.parametrize("left", [0, 4, 6])
def test_missing_coarse_levels_are_made_again(tmp_path, levels, chunk, left):
    frames = numbered_frames(11)
    path = write_recording(
        tmp_path / "a.zarr",
        frames,
        shown=min(left, 4),
        levels=levels,
        chunk=chunk,
        codec="blosc-lz4",
    )
    other = write_recording(
        tmp_path / "b.zarr", frames[: max(left, 1)], levels=levels, chunk=chunk, codec="blosc-lz4"
    )
    shutil.rmtree(path / "1/c")
    if left:
        shutil.copytree(other / "1/c", path / "1/c")
    assert repair(path).n_readable == 11
    check(path, frames, levels)


@pytest.mark.parametrize("content", ["empty", "zeros", "gone"])
@pytest.mark.parametrize(
    "key", ["", "0/", "1/", "frame_number/", "time_host/", "time_camera/", "lost/"]
)
@pytest.mark.parametrize("finished", [False, True])
def test_a_document_that_a_power_cut_emptied_is_made_again(tmp_path, content, key, finished):
    frames = numbered_frames(11)
    lost = [(11, 3, "ring")]
    path = write_recording(
        tmp_path / "a.zarr", frames, shown=11, levels=2, lost=lost, finished=finished
    )
    document = path / f"{key}zarr.json"
    if content == "gone":
        document.unlink()
    else:
        document.write_bytes(b"" if content == "empty" else bytes(document.stat().st_size))
    report = repair(path)
    assert report.n_readable == 11
    assert f"rebuilt {key}zarr.json" in report.notes
    assert report.lost == {"ring": 3}
    check(path, frames, 2)
    assert zarr.open_group(str(path), mode="r").attrs["pyramidion"]["stat"] == "mean"


def test_too_little_is_left(tmp_path):
    path = write_recording(tmp_path / "a.zarr", numbered_frames(3))
    (path / "zarr.json").write_bytes(b"")
    shutil.rmtree(path / "0")
    with pytest.raises(DataError, match="not a recording"):
        repair(path)


LOSSES = [(3, 2, "ring"), (9, 1, "camera")]
NUMBERS = [0, 1, 2, 5, 6, 7, 8, 10]


def cut_off(path, **options):
    """A killed recording of 8 frames of which 6 were seen."""
    frames = numbered_frames(8)
    return write_recording(path, frames, numbers=NUMBERS, lost=LOSSES, shown=6, **options)


def root_of(path):
    return zarr.open_group(str(path), mode="r").attrs["pyramidion"]


def tell_root(path, **own):
    root = json.loads((path / "zarr.json").read_text())
    root["attributes"]["pyramidion"] |= own
    (path / "zarr.json").write_text(json.dumps(root))


def lost_of(path):
    rows = zarr.open_group(str(path), mode="r")["lost"]
    return [(a, n, rows.attrs["reasons"][code]) for a, n, code in rows[:].tolist()]


def accounted(path):
    """Every number up to the last of the camera is stored once or lost once."""
    stored = zarr.open_group(str(path), mode="r")["frame_number"][:].tolist()
    lost = [i for a, n, _ in lost_of(path) for i in range(a, a + n)]
    return sorted(stored + lost) == list(range(root_of(path)["frames_camera"]))


@pytest.mark.parametrize("finished", [False, True])
@pytest.mark.parametrize("part", ["c", ""])
@pytest.mark.parametrize("name", ["frame_number", "time_camera", "time_host", "lost"])
def test_an_array_beside_the_pixels_that_is_gone(tmp_path, name, part, finished):
    path = tmp_path / "a.zarr"
    write_recording(
        path, numbered_frames(8), numbers=NUMBERS, lost=LOSSES, shown=8 if finished else 6,
        finished=finished,
    )  # fmt: skip
    shutil.rmtree(path / name / part)
    report = repair(path)
    group = zarr.open_group(str(path), mode="r")
    # Numbers that are gone are counted on, over those that are lost; all others are as they were.
    assert group["frame_number"][:].tolist() == NUMBERS
    assert (report.n_readable, report.n_gone) == (8, 0)
    assert report.lost == ({"unknown": 3} if name == "lost" else {"ring": 2, "camera": 1})
    assert (f"rebuilt {name}/zarr.json" in report.notes) == (not part)
    if name == "frame_number":
        assert report.guessed == (0, 7)
        assert report.faults == ("numbers of frames 0 to 7 are guessed, 8 of them now",)
        assert root_of(path)["frame_number_guessed"] == [0, 7]
    elif name.startswith("time"):
        assert report.faults == ("times of 8 frames are gone",)
        assert np.isnan(group[name][:]).all()
        assert "frame_number_guessed" not in root_of(path)
    else:
        assert not report.faults
    assert accounted(path)
    check(path, numbered_frames(8))


def test_a_page_of_numbers_that_never_reached_the_disk(tmp_path):
    path = cut_off(tmp_path / "a.zarr")
    file = path / "frame_number/c/0"
    data = bytearray(file.read_bytes())
    data[16:32] = bytes(16)
    file.write_bytes(data)
    report = repair(path)
    group = zarr.open_group(str(path), mode="r")
    assert group["frame_number"][:].tolist() == [0, 1, 2, 5, 6, 7, 8, 10]
    assert report.guessed == (2, 3)
    assert accounted(path)
    check(path, numbered_frames(8))


def test_a_number_that_is_out_of_line_is_not_believed(tmp_path):
    path = cut_off(tmp_path / "a.zarr")
    file = path / "frame_number/c/0"
    data = bytearray(file.read_bytes())
    data[16:24] = (2**40 + 2).to_bytes(8, "little")
    file.write_bytes(data)
    assert repair(path).guessed == (2, 2)
    assert zarr.open_group(str(path), mode="r")["frame_number"][:].tolist() == NUMBERS
    assert accounted(path)


def test_a_guess_stays_a_guess(tmp_path):
    """Also for a repair that comes after one that was killed when the numbers were written."""
    path = cut_off(tmp_path / "a.zarr")
    shutil.rmtree(path / "frame_number/c")
    repair(path)
    tell_root(path, state="recording")
    report = repair(path)
    assert report.faults == ("numbers of frames 0 to 7 are guessed, by an earlier repair",)
    assert root_of(path)["frame_number_guessed"] == [0, 7]


@pytest.mark.parametrize("sides", ["there", "gone"])
@pytest.mark.parametrize("left", ["nothing", "no folder", "a part", "one shard of two"])
def test_frames_that_readers_saw_are_lost_by_their_numbers(tmp_path, left, sides):
    frames = numbered_frames(8)
    path = write_recording(tmp_path / "a.zarr", frames, numbers=NUMBERS, lost=LOSSES)
    if left == "nothing":
        shutil.rmtree(path / "0/c")
    elif left == "no folder":
        shutil.rmtree(path / "0")
    elif left == "a part":
        shard = path / "0/c/0/0/0"
        os.truncate(shard, 64 + 2 * (12 * 16 * 2 + 4) + 10)
        shutil.rmtree(path / "0/c/1")
    else:
        shutil.rmtree(path / "0/c/1")
    n = {"a part": 2, "one shard of two": 4}.get(left, 0)
    if sides == "gone":
        shutil.rmtree(path / "frame_number/c")
    report = repair(path)
    assert (report.n_readable, report.n_gone) == (n, 8 - n)
    assert f"the last {8 - n} frames that were there are gone" in report.faults
    assert report.lost == {"ring": 2, "camera": 1, "disk": 8 - n}
    by_disk = [i for a, k, why in lost_of(path) if why == "disk" for i in range(a, a + k)]
    assert by_disk == NUMBERS[n:]
    assert root_of(path)["frames_camera"] == 11
    assert accounted(path)
    check(path, frames[:n])


def test_frames_that_no_list_has_are_noted(tmp_path):
    """A finished recording whose camera took more than is stored and lost is not settled."""
    frames = numbered_frames(8)
    path = tmp_path / "a.zarr"
    write_recording(path, frames, numbers=NUMBERS, lost=LOSSES, finished=True)
    tell_root(path, frames_camera=20)
    assert verify(path).faults
    report = repair(path)
    assert report.lost == {"ring": 2, "camera": 1, "unknown": 9}
    assert not report.faults
    assert report.notes == ("9 frames are in no list: noted as lost, unknown",)
    assert lost_of(path) == [*LOSSES, (11, 9, "unknown")]
    assert accounted(path)
    check(path, frames)


def test_a_run_of_lost_frames_that_are_stored_is_cut(tmp_path):
    path = tmp_path / "a.zarr"
    lost = [(1, 6, "ring"), (9, 1, "camera")]
    write_recording(path, numbered_frames(8), numbers=NUMBERS, lost=lost, finished=True)
    tell_root(path, frames_camera=11)
    assert verify(path).faults
    repair(path)
    assert lost_of(path) == LOSSES
    assert zarr.open_group(str(path), mode="r")["frame_number"][:].tolist() == NUMBERS
    check(path, numbered_frames(8))


@pytest.mark.parametrize("seed", range(12))
def test_whatever_stands_beside_the_pixels_is_made_right_once(tmp_path, seed):
    rng = np.random.default_rng(seed)
    path = tmp_path / "a.zarr"
    write_recording(
        path, numbered_frames(8), numbers=NUMBERS, lost=LOSSES, shown=8, finished=bool(seed % 2)
    )
    for name in ("frame_number/c/0", "time_host/c/0", "lost/c/0/0"):
        file = path / name
        data = bytearray(file.read_bytes())
        for at in rng.integers(0, 72, 3):
            data[at] = rng.integers(0, 256)
        file.write_bytes(data)
    repair(path)
    check(path, numbered_frames(8))


NUMBER, COUNT = st.integers(0, 25), st.integers(0, 4)


@given(st.lists(NUMBER, min_size=1, max_size=12), st.lists(st.tuples(NUMBER, COUNT), max_size=4))
def test_numbers_are_filled_up_one_above_the_other(values, runs):
    numbers = np.array(values, np.int64)
    lost = [Lost(first, n, "ring") for first, n in runs]
    is_known = known_numbers(numbers)
    filled = fill_numbers(numbers, is_known, lost)
    assert filled[0] >= 0
    assert (np.diff(filled) > 0).all()
    assert (filled[is_known] == numbers[is_known]).all()
    rest = {i for a, n, _ in without_stored(lost, filled) for i in range(a, a + n)}
    assert rest == {i for a, n, _ in lost for i in range(a, a + n)} - set(filled.tolist())


@given(st.integers(1, 12), st.lists(st.tuples(NUMBER, COUNT), max_size=4))
def test_numbers_are_counted_on_over_those_that_are_lost(n, runs):
    lost = [Lost(first, count, "ring") for first, count in runs]
    gone = {i for first, count in runs for i in range(first, first + count)}
    found = fill_numbers(np.zeros(n, np.int64), np.zeros(n, bool), lost)
    assert found.tolist() == [i for i in range(60) if i not in gone][:n]


def test_a_folder_of_something_else_is_no_recording(tmp_path):
    path = tmp_path / "a.zarr"
    (path / "frame_number").mkdir(parents=True)
    (path / "zarr.json").write_text('{"zarr_format": 3, "node_type": "group", "attributes": {}}')
    with pytest.raises(UsageError, match="not an IDX dataset"):
        repair(path)


def test_a_living_writer_is_left_alone(tmp_path):
    path = write_recording(tmp_path / "a.zarr", numbered_frames(3))
    before = tree_digest(path)
    lock = WriterLock(path)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pyramidion", "repair", str(path)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 1
        assert f"in use by process {os.getpid()}" in done.stderr
        assert len(done.stderr.splitlines()) == 1
    finally:
        lock.release()
    assert tree_digest(path) == before


def test_no_room_is_told_before_anything_is_changed(tmp_path, monkeypatch):
    path = write_recording(tmp_path / "a.zarr", numbered_frames(3), shown=1)
    before = tree_digest(path)
    monkeypatch.setattr("pyramidion.formats._recording.repair.free_bytes", lambda _: 1000)
    with pytest.raises(StorageError, match="disk full"):
        repair_recording(path)
    assert tree_digest(path) == before


def test_the_table(tmp_path):
    path = write_recording(
        tmp_path / "a.zarr", numbered_frames(11), shown=5, lost=[(11, 4, "ring"), (15, 1, "camera")]
    )
    words = [sys.executable, "-m", "pyramidion", "repair", str(path)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["frames", "readable", "11"] in rows
    assert ["repaired", "6"] in rows
    assert ["lost", "5", "(4", "ring,", "1", "camera)"] in rows
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout == f"{path}: nothing to do\n"
    done = subprocess.run([*words, "--json"], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["nothing_to_do"] is True


def test_the_table_of_what_is_not_as_it_was(tmp_path):
    path = cut_off(tmp_path / "a.zarr")
    shutil.rmtree(path / "0/c/1")
    shutil.rmtree(path / "frame_number/c")
    words = [sys.executable, "-m", "pyramidion", "repair", str(path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["gone", "2"] in [row[:2] for row in rows]
    assert ["numbers", "guessed", "frames", "0", "to", "3"] in rows
    assert done.stderr.splitlines() == [
        f"pyramidion repair: error: {path}: the last 2 frames that were there are gone",
        f"pyramidion repair: error: {path}: numbers of frames 0 to 3 are guessed, 4 of them now",
    ]
    assert subprocess.run(words, capture_output=True, check=False).returncode == 0


def test_one_of_another_writer_is_refused(tmp_path):
    path = write_recording(tmp_path / "a.zarr", numbered_frames(3))
    tell_root(path, writer="acquire-zarr")
    with pytest.raises(DataError, match="cannot be repaired"):
        repair(path)
