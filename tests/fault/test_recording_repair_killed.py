"""A repair that cannot bring everything back is killed at its calls: the next one still tells.

What is guessed stays marked as a guess, and every number is stored once or lost once.
"""

import os
import shutil
import signal
import tempfile
from pathlib import Path

import numpy as np
import pytest
import zarr
from tests.fault.recording_checks import Driver
from tests.fault.test_recording_killed import (
    CALLS_IN_CI,
    calls_of,
    needs_strace,
    one_by_one,
    points,
)

from pyramidion.formats._recording.repair import repair_recording
from pyramidion.formats._recording.verify import verify_recording

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), needs_strace]
GONE = ["frame_number/c", "frame_number", "0/c/3", "time_host/c"]


def check_told(path, gone, numbers, lost):
    """Repaired, with all that was lost in its lists."""
    repair_recording(path)
    group = zarr.open_group(str(path), mode="r")
    found, rows = group["frame_number"][:].tolist(), group["lost"][:]
    assert found == numbers[: len(found)]
    own = group.attrs["pyramidion"]
    assert own["state"] == "finished"
    assert own.get("frame_number_guessed") == ([0, 13] if gone.startswith("frame") else None)
    cut = numbers[len(found) :]
    assert sorted(i for a, n, _ in rows for i in range(a, a + n)) == sorted(lost + cut)
    assert len(cut) == (2 if gone.startswith("0") else 0)
    assert not verify_recording(path, one_by_one).faults
    assert repair_recording(path).is_nothing_done


@pytest.mark.parametrize("gone", GONE)
def test_what_is_gone_is_told_after_a_kill(gone):
    in_memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    driver = Driver()
    try:
        with tempfile.TemporaryDirectory(prefix="recording-", dir=in_memory) as name:
            _sweep(driver, Path(name), gone)
    finally:
        driver.close()


def _sweep(driver, folder, gone):
    original, path = folder / "original.zarr", folder / "a.zarr"
    driver.run(original, {"n_frames": 14, "finish": False, "lose_every": 3})
    group = zarr.open_group(str(original), mode="r")
    numbers, rows = group["frame_number"][:].tolist(), group["lost"][:].tolist()
    lost = [i for a, n, _ in rows for i in range(a, a + n)]
    assert len(numbers) == 14
    assert np.diff(numbers).max() == 2
    shutil.rmtree(original / gone)
    shutil.copytree(original, path)
    most = calls_of(driver, path, {"repair": True}, folder / "log")
    check_told(path, gone, numbers, lost)
    for call, n in points(most, CALLS_IN_CI):
        shutil.rmtree(path)
        shutil.copytree(original, path)
        broken = driver.run(path, {"repair": True}, [f"inject={call}:signal=KILL:when={n}"])
        try:
            assert broken.status in (0, -signal.SIGKILL), broken.lines
            check_told(path, gone, numbers, lost)
        except Exception as error:
            raise AssertionError(f"killed at {call} number {n}: {error}") from error
