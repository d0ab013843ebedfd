"""Every frame that the camera took is stored once or lost once; what may go on; the reserve."""

from __future__ import annotations

import shutil
import time
import warnings

import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st
from tests.formats.recording_writing import begin, put, some_frames

from pyramidion.core import LOST_REASONS, DamagedError, FrameSpec, Lost, Stamps, UsageError
from pyramidion.formats import RecordingOptions, check_resume
from pyramidion.formats._recording.repair import repair_recording
from pyramidion.formats._recording.verify import missing_runs
from pyramidion.workflows import verify

SHAPE = (37, 53)
WRITERS = ["pyramidion", "acquire-zarr"]


@pytest.fixture
def frames(rng):
    return some_frames(rng, 12, SHAPE, "<u2")


def write_numbered(writer, frames, numbers):
    """Write frames that the camera gave these numbers in this run."""
    numbers = np.asarray(numbers)
    t = writer.first
    writer.write(t, frames[: len(numbers)], Stamps(numbers, numbers / 50, 1.7e9 + numbers / 50))


def rows_of(path):
    return [(a, n, LOST_REASONS[code]) for a, n, code in zarr.open(path)["lost"][:].tolist()]


def own_of(path):
    return zarr.open(path).attrs["pyramidion"]


@pytest.mark.parametrize("name", WRITERS)
def test_what_is_in_no_list_is_noted(tmp_path, frames, name):
    if name == "acquire-zarr":
        pytest.importorskip("acquire_zarr")
    path = tmp_path / "a"
    writer = begin(path, frames, writer=name)
    write_numbered(writer, frames, [0, 1, 2, 5, 6, 9])
    writer.lose([Lost(3, 1, "ring"), Lost(7, 1, "camera")])
    expected = [Lost(4, 1, "unknown"), Lost(8, 1, "unknown"), Lost(10, 4, "unknown")]
    assert writer.account(14) == expected
    assert writer.account(14) == []
    writer.finish({"frames_camera": 14, "frames_stored": 6})
    assert rows_of(path)[2:] == [tuple(run) for run in expected]
    own = own_of(path)
    assert (own["frames"], own["frames_stored"], own["frames_camera"]) == (6, 6, 14)
    assert own["frames_lost"] == {"unknown": 6, "camera": 1, "ring": 1}
    assert not verify(path).faults


@pytest.mark.parametrize("n_camera", [0, 5])
def test_a_camera_whose_frames_never_came(tmp_path, frames, n_camera):
    path = tmp_path / "a"
    writer = begin(path, frames)
    expected = [Lost(0, 5, "unknown")] if n_camera else []
    assert writer.account(n_camera) == expected
    writer.finish({"frames_camera": n_camera})
    assert rows_of(path) == [tuple(run) for run in expected]


def test_the_next_run_counts_from_0_again_and_the_totals_are_of_both(tmp_path, frames):
    path = tmp_path / "a"
    writer = begin(path, frames)
    write_numbered(writer, frames, [0, 1, 3])
    assert writer.account(5) == [Lost(2, 1, "unknown"), Lost(4, 1, "unknown")]
    writer.finish({"frames_camera": 5})
    writer = begin(path, frames, resume=True)
    assert "frames_camera" not in own_of(path)
    write_numbered(writer, frames, [0, 2])
    writer.lose([Lost(3, 2, "disk")])
    assert writer.account(6) == [Lost(1, 1, "unknown"), Lost(5, 1, "unknown")]
    writer.finish({"frames_camera": 6})
    own = own_of(path)
    assert (own["frames_stored"], own["frames_camera"]) == (5, 11)
    assert own["frames_lost"] == {"unknown": 4, "disk": 2}
    assert (5, 0, "interrupted") in rows_of(path)
    assert not verify(path).faults
    root = zarr.open_group(path)
    root.attrs["pyramidion"] = {**own, "frames_camera": 10}
    assert "5 frames are stored and 6 lost, the camera took 10" in verify(path).faults[0]


def test_many_holes_are_found_at_once():
    numbers = np.arange(0, 600_000, 3)
    lost = [Lost(int(n) + 1, 1, "ring") for n in numbers[::2]]
    began = time.perf_counter()
    missing = missing_runs(numbers, lost)
    assert time.perf_counter() - began < 5
    # 3 k + 1 is missing behind every second one, 3 k + 2 behind each but the last.
    assert sum(n for _, n in missing) == (len(numbers) - 1) + len(numbers) // 2 - 1


@given(st.sets(st.integers(0, 60)), st.lists(st.tuples(st.integers(0, 70), st.integers(0, 5))))
def test_missing_runs_are_what_is_in_no_list(stored, runs):
    numbers = np.array(sorted(stored), np.int64)
    there = stored | {n for first, count in runs for n in range(first, first + count)}
    expected = set(range(max(stored, default=0))) - there
    found = missing_runs(numbers, [Lost(first, count, "ring") for first, count in runs])
    assert sorted(n for first, count in found for n in range(first, first + count)) == sorted(
        expected
    )


# -- what may go on ------------------------------------------------------------------------------


def state_of(folder):
    return {str(p): p.lstat().st_mtime_ns for p in folder.rglob("*")}


def refused(path, spec, **options):
    """Return the words of a refusal; nothing is touched."""
    before = state_of(path.parent)
    with pytest.raises(UsageError) as caught:
        check_resume(path, spec, RecordingOptions(resume=True, **options))
    assert state_of(path.parent) == before
    assert caught.value.mend
    return caught.value.line


def test_what_cannot_go_on_is_refused_before_a_camera_starts(tmp_path, frames):
    spec = FrameSpec(*SHAPE, np.dtype("<u2"))
    path = tmp_path / "a.zarr"
    begin(path, frames, levels="mean").finish({})
    check_resume(path, spec, RecordingOptions(resume=True, levels="mean"))
    check_resume(tmp_path / "new.zarr", spec, RecordingOptions(resume=True))
    check_resume(path, FrameSpec(1, 1, np.dtype("u1")), RecordingOptions())  # it does not go on
    assert "recorded with other cutting" in refused(path, spec)
    assert "recorded with other compression" in refused(
        path, spec, levels="mean", compression="raw"
    )
    assert "other frames" in refused(path, FrameSpec(1, 1, np.dtype("<u2")), levels="mean")
    assert "other pixels" in refused(path, FrameSpec(*SHAPE, np.dtype("<i2")), levels="mean")
    assert "recorded with other cutting" in refused(path, spec, levels="mean", names="frames")
    assert "exists" in refused(path, spec, writer="acquire-zarr")
    (path / "0/zarr.json").write_bytes(b"")
    with pytest.raises(DamagedError, match="run pyramidion repair first"):
        check_resume(path, spec, RecordingOptions(resume=True, levels="mean"))


@pytest.mark.parametrize("kind", ["folder", "file", "other store", "link to nothing"])
def test_what_is_no_recording_does_not_go_on(tmp_path, frames, kind):
    path = tmp_path / "a.zarr"
    if kind == "folder":
        path.mkdir()
        (path / "precious.txt").write_text("precious")
    elif kind == "file":
        path.write_text("precious")
    elif kind == "other store":
        zarr.create_group(path)
    else:
        path.symlink_to(tmp_path / "nothing")
    line = refused(path, FrameSpec(*SHAPE, np.dtype("<u2")))
    assert line.startswith(str(path))
    assert "not a recording" in line
    with pytest.raises(UsageError, match="not a recording"):
        begin(path, frames, resume=True)


# -- the reserve ---------------------------------------------------------------------------------


def test_the_reserve_is_beside_the_store(tmp_path, frames):
    path, reserve = tmp_path / "a.zarr", tmp_path / ".a.zarr.reserve"
    writer = begin(path, frames)
    put(writer, frames, 0, 12)
    writer.sync()
    assert reserve.stat().st_blocks * 512 >= 4 * 2**20
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert sorted(zarr.open_group(path).array_keys()) == ["0", "frame_number", "lost", "time_camera", "time_host"]  # fmt: skip
    left = tmp_path / "b.zarr"
    shutil.copytree(path, left)  # as a kill leaves it
    shutil.copyfile(reserve, tmp_path / ".b.zarr.reserve")
    writer.finish({})
    assert not reserve.exists()
    repair_recording(left)
    assert not (tmp_path / ".b.zarr.reserve").exists()
    (tmp_path / ".b.zarr.reserve").write_bytes(bytes(10))
    assert repair_recording(left).is_nothing_done
    assert not (tmp_path / ".b.zarr.reserve").exists()


def test_a_refused_start_leaves_no_reserve(tmp_path, frames):
    path = tmp_path / "a.zarr"
    begin(path, frames).finish({})
    with pytest.raises(UsageError):
        begin(path, frames, resume=True, compression="none")
    assert [p.name for p in tmp_path.iterdir() if "reserve" in p.name] == []
    begin(path, frames, resume=True).abandon()
    assert [p.name for p in tmp_path.iterdir() if "reserve" in p.name] == []


# -- the window ----------------------------------------------------------------------------------


@pytest.mark.parametrize("levels", ["", "mean"])
def test_a_growing_recording_is_not_black(tmp_path, frames, levels):
    path = tmp_path / "a"
    names = "frames" if levels else "levels"
    large = np.repeat(np.repeat(frames % 4096, 20, 1), 20, 2)
    writer = begin(path, large, levels=levels, names=names)
    group = path / "frames" if levels else path
    windows = []
    for t in range(3):
        windows.append(zarr.open(group).attrs["ome"]["omero"]["channels"][0]["window"])
        writer.write(t, large[t : t + 1], Stamps(*np.full((3, 1), t + 1)))
        writer.sync()
    assert windows[0]["end"] == 65535
    assert windows[1]["end"] < 4096
    assert windows[2] == windows[1]  # once is enough
    assert own_of(path)["state"] == "recording"
    writer.abandon()
