"""A recording that is killed: at random moments, and at every call that changes the disk.

Each time the store opens at its root in plain zarr-python, holds every frame that was published, has
no silent zeros, and every frame that was written is back after repair.

``PYRAMIDION_KILLS`` sets the number of random kills (20), ``PYRAMIDION_CALLS`` at how many calls to
fail (12), ``PYRAMIDION_EVERY_CALL=1`` fails at every single one.
"""

import collections
import os
import re
import shutil
import signal
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
import zarr
from tests.fault.recording_checks import Driver, check_shown, expected_frames

from pyramidion.core import Box, StorageError
from pyramidion.formats import open_image
from pyramidion.formats._recording.repair import repair_recording
from pyramidion.formats._recording.stored import StoredRecording
from pyramidion.formats._recording.verify import verify_recording

N_KILLS = int(os.environ.get("PYRAMIDION_KILLS", "20"))
EVERY_CALL = bool(os.environ.get("PYRAMIDION_EVERY_CALL"))
pytestmark = [pytest.mark.slow, pytest.mark.timeout(6000 if EVERY_CALL else 600)]
CALLS_IN_CI = int(os.environ.get("PYRAMIDION_CALLS", "12"))
CALLS = ["pwrite64", "pwritev2", "pwritev", "write", "rename", "fsync", "fdatasync", "ftruncate", "fallocate", "unlink", "mkdir"]  # fmt: skip
KINDS = {
    "raw": {},
    "lz4": {"compression": "lz4"},
    "raw levels": {"levels": "mean"},
    "lz4 levels": {"compression": "lz4", "levels": "mean"},
    "deep": {"chunk": [3, None, None]},
    "deep lz4 levels": {"chunk": [3, None, None], "compression": "lz4", "levels": "mean"},
}
SWEPT = ["raw", "lz4 levels", "deep lz4 levels"]

needs_strace = pytest.mark.skipif(
    shutil.which("strace") is None or not hasattr(os, "geteuid") or os.geteuid() != 0,
    reason="strace and root are needed to fail a system call of another process",
)


@pytest.fixture
def folder():
    """A folder in memory where there is one: these tests prove the order of calls, not the disk."""
    in_memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="recording-", dir=in_memory) as name:
        yield Path(name)


@pytest.fixture(scope="module")
def driver():
    if not hasattr(os, "fork"):
        pytest.skip("processes are forked")
    driver = Driver()
    yield driver
    driver.close()


def one_by_one(work, tasks):
    return ((task, work(task)) for task in tasks)


def check_left(path, told):
    """What a killed run left is right, can be repaired, and needs no second repair."""
    if told.last("o") is None and not path.exists():
        return  # it had not begun
    check_shown(path, told.last("p") or 0)
    done = repair_recording(path)
    written = told.last("w") or 0
    if not done.is_nothing_done:
        assert done.n_readable >= written, f"{written} frames were written"
        assert not done.damaged
    assert check_shown(path, written) >= written
    checked = verify_recording(path, one_by_one)
    assert not checked.faults
    assert not checked.notes or checked.notes == ["pixels have no checksum"]
    assert repair_recording(path).is_nothing_done


def check_resumed(path, driver, job, before):
    """The run goes on: frames from before are there, further ones follow, numbered on."""
    told = driver.run(path, job | {"resume": True, "n_frames": 9})
    assert told.status == 0, told.lines
    first = told.last("o")
    assert first >= (before.last("p") or 0)
    group = zarr.open_group(str(path), mode="r")
    numbers, frames = group["frame_number"][:], group["0"][:]
    assert len(frames) == len(numbers) == first + 9
    written = numbers.copy()
    written[first:] -= numbers[first]  # the camera counts from 0 again
    assert (frames == expected_frames(written, frames.shape[1:])).all()
    assert not verify_recording(path, one_by_one).faults
    assert not first or "interrupted" in [run.reason for run in lost_of(path)]


def lost_of(path):
    with StoredRecording(path) as stored:
        return stored.lost()


@pytest.mark.parametrize("kind", KINDS, ids=[kind.replace(" ", "-") for kind in KINDS])
def test_killed_at_random_moments(folder, driver, kind):
    rng = np.random.default_rng(len(kind))
    job = KINDS[kind] | {"n_frames": 5000, "batch": 2, "pause_s": 0.0005, "lose_every": 7}
    for turn in range(max(1, N_KILLS // 3)):
        path = folder / f"{turn}.zarr"
        number = driver.begin(path, job)
        time.sleep(rng.uniform(0.002, 0.35))
        os.kill(number, signal.SIGKILL)
        told = driver.end()
        if told.last("o") is not None:
            other = folder / f"{turn}-resumed.zarr"
            shutil.copytree(path, other)
            check_resumed(other, driver, job, told)
            shutil.rmtree(other)
        check_left(path, told)
        shutil.rmtree(path, ignore_errors=True)


@pytest.mark.parametrize("kind", KINDS, ids=[kind.replace(" ", "-") for kind in KINDS])
def test_read_while_it_is_recorded(folder, driver, kind):
    """Whoever opens it sees right pixels, verifies it, and cannot repair it."""
    path = folder / "a.zarr"
    number = driver.begin(path, KINDS[kind] | {"n_frames": 10**6, "pause_s": 0.002})
    try:
        while driver.so_far().last("o") is None:
            time.sleep(0.01)
        began, seen = time.monotonic(), []
        while (took := time.monotonic() - began) < 1.5 or (len(set(seen)) < 3 and took < 20):
            with open_image(path) as image:
                last = image.spec.shape[0]
                if last:
                    box = Box((last - 1, 0, 0, 0, 0), image.spec.shape)
                    pixels = image.read(box)[:, 0, 0]
                    assert (pixels == expected_frames([last - 1], pixels.shape[1:])).all()
            seen.append(check_shown(path, last))
        assert len(set(seen)) > 2
        assert seen == sorted(seen)
        checked = verify_recording(path, one_by_one)
        assert not checked.faults
        assert f"still recording: the first {checked.n_frames} frames were checked" in checked.notes
        with pytest.raises(StorageError, match=f"in use by process {number}"):
            repair_recording(path)
    finally:
        os.kill(number, signal.SIGKILL)
        driver.end()
    check_left(path, driver.told)


def calls_of(driver, path, job, log):
    """Run without faults; return how often each call is made, per thread at most."""
    told = driver.run(path, job, [f"trace={','.join(CALLS)}"], log)
    assert told.is_done, told.lines
    counts = collections.Counter(re.findall(r"^(\d+) +(\w+)\(", log.read_text(), re.MULTILINE))
    most = collections.Counter()
    for (_, call), n in counts.items():
        most[call] = max(most[call], n)
    return most


def points(most, n_points):
    """Which call to fail, and at which of its turns: all, or some of each, the first and the last."""
    every = [(call, n) for call, times in sorted(most.items()) for n in range(1, times + 1)]
    if EVERY_CALL or len(every) <= n_points:
        return every
    return [every[i] for i in np.unique(np.linspace(0, len(every) - 1, n_points).astype(int))]


@needs_strace
@pytest.mark.parametrize("kind", SWEPT, ids=[kind.replace(" ", "-") for kind in SWEPT])
def test_killed_at_every_call(folder, driver, kind):
    job = KINDS[kind] | {"n_frames": 14, "sync_every": 2, "lose_every": 3}
    path = folder / "a.zarr"
    most = calls_of(driver, path, job, folder / "log")
    assert {"pwrite64", "rename", "fsync"} <= set(most)
    for call, n in points(most, CALLS_IN_CI):
        shutil.rmtree(path, ignore_errors=True)
        told = driver.run(path, job, [f"inject={call}:signal=KILL:when={n}"])
        try:
            assert told.status in (0, -signal.SIGKILL), told.lines
            check_left(path, told)
        except Exception as error:
            raise AssertionError(f"killed at {call} number {n}: {error}") from error
        for left in folder.glob(".a.zarr*"):
            shutil.rmtree(left) if left.is_dir() else left.unlink()


@needs_strace
@pytest.mark.parametrize("reason", ["EIO", "ENOSPC"])
@pytest.mark.parametrize("kind", SWEPT, ids=[kind.replace(" ", "-") for kind in SWEPT])
def test_every_call_fails_once(folder, driver, kind, reason):
    job = KINDS[kind] | {"n_frames": 14, "sync_every": 2}
    path = folder / "a.zarr"
    most = calls_of(driver, path, job, folder / "log")
    for call, n in points(most, CALLS_IN_CI // 2):
        shutil.rmtree(path, ignore_errors=True)
        told = driver.run(path, job, [f"inject={call}:error={reason}:when={n}"])
        try:
            assert told.status in (0, 1), told.lines
            words = {"EIO": "input/output error", "ENOSPC": "disk full"}[reason]
            assert told.status == 0 or words in told.error, told.lines
            check_left(path, told)
        except Exception as error:
            raise AssertionError(f"{reason} at {call} number {n}: {error}") from error


@needs_strace
def test_nothing_is_acknowledged_that_failed_to_reach_the_disk(folder, driver):
    """A second sync after one that failed succeeds, and says nothing of what the first has lost.

    Documents are another matter: they are written again as a whole.
    """
    call = "fdatasync"
    job = {"n_frames": 14, "sync_every": 2}
    path, log = folder / "a.zarr", folder / "log"
    for n in range(1, calls_of(driver, path, job, log)[call] + 1):
        shutil.rmtree(path, ignore_errors=True)
        rules = [f"trace={call},writev", f"inject={call}:error=EIO:when={n}"]
        driver.run(path, job, rules, log)
        _, _, after = log.read_text().partition("(INJECTED)")
        told = re.findall(r'iov_base="(\w)', after)
        assert "a" not in told, f"{call} number {n} failed, then {told}"


@needs_strace
@pytest.mark.parametrize("pause_s", [0, 0.15], ids=["", "slowly"])
@pytest.mark.parametrize("kind", SWEPT, ids=[kind.replace(" ", "-") for kind in SWEPT])
@pytest.mark.parametrize("fault", ["signal=KILL", "error=ENOSPC", "error=EIO"])
def test_repair_that_fails_at_every_call_can_be_run_again(folder, driver, kind, fault, pause_s):
    """Of a slow recording, frames are shown that are not known to be on the disk."""
    job = KINDS[kind] | {"n_frames": 14, "finish": False, "lose_every": 3, "pause_s": pause_s}
    original, path = folder / "original.zarr", folder / "a.zarr"
    told = driver.run(original, job)
    shutil.copytree(original, path)
    most = calls_of(driver, path, {"repair": True}, folder / "log")
    for call, n in points(most, CALLS_IN_CI // 2):
        shutil.rmtree(path)
        shutil.copytree(original, path)
        broken = driver.run(path, {"repair": True}, [f"inject={call}:{fault}:when={n}"])
        try:
            assert broken.status in (0, 1, -signal.SIGKILL), broken.lines
            check_shown(path, told.last("p"))
            check_left(path, told)
        except Exception as error:
            raise AssertionError(f"{fault} at {call} number {n}: {error}") from error
