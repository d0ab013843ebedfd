"""A recording whose disk fills up, or whose power is cut: small file systems of its own.

A power cut is a copy of the image of a file system, taken while the recording runs: what is not in
the copy had not reached the disk. What was acknowledged is told on a pipe, outside of the image.

``PYRAMIDION_CUTS`` sets the number of power cuts per kind (2).
"""

import contextlib
import os
import shutil
import signal
import subprocess
import time

import numpy as np
import pytest
from tests.fault.recording_checks import Driver, check_shown, wait_until_stopped

from pyramidion.core import StorageError
from pyramidion.formats._recording.repair import repair_recording
from pyramidion.formats._recording.verify import verify_recording

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(
        not hasattr(os, "geteuid") or os.geteuid() != 0 or shutil.which("mount") is None,
        reason="only root mounts file systems",
    ),
]

N_CUTS = int(os.environ.get("PYRAMIDION_CUTS", "2"))
KINDS = {
    "raw": {},
    "lz4 levels": {"compression": "lz4", "levels": "mean"},
    "deep lz4": {"chunk": [3, None, None], "compression": "lz4"},
}
FRAME_BYTES = 128 * 520 * 2


@pytest.fixture
def driver():
    driver = Driver()
    yield driver
    driver.close()


@contextlib.contextmanager
def mounted(folder, *how):
    """Mount something for the time of the block; skip where that is not allowed."""
    folder.mkdir()
    done = subprocess.run(["mount", *how, str(folder)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"cannot mount: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        if subprocess.run(["umount", str(folder)], capture_output=True, check=False).returncode:
            subprocess.run(["umount", "--lazy", str(folder)], check=False)


def one_by_one(work, tasks):
    return ((task, work(task)) for task in tasks)


@pytest.mark.parametrize("megabytes", [8, 13, 24])
@pytest.mark.parametrize("kind", KINDS, ids=[kind.replace(" ", "-") for kind in KINDS])
def test_a_disk_that_fills_up(tmp_path, driver, kind, megabytes):
    job = KINDS[kind] | {"n_frames": 1000, "height": 128}
    with mounted(tmp_path / "disk", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs") as disk:
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(1_500_000))
        path = disk / "a.zarr"
        began = time.monotonic()
        told = driver.run(path, job)
        assert time.monotonic() - began < 20
        assert told.status == 1, told.lines[-3:]
        assert "disk full after" in told.error
        assert " frames (" in told.error
        assert str(path) in told.error
        n = check_shown(path, told.last("p"))
        before = snapshot(path)
        if shutil.disk_usage(disk).free < 2**19:
            with pytest.raises(StorageError, match="disk full"):
                repair_recording(path)
            assert check_shown(path) == n
            assert snapshot(path) == before
        ballast.unlink()
        done = repair_recording(path)
        assert done.is_nothing_done or done.n_readable >= told.last("w")
        assert check_shown(path) >= told.last("w")
        assert not verify_recording(path, one_by_one).faults
        assert repair_recording(path).is_nothing_done


def snapshot(path):
    files = sorted(p for p in path.rglob("*") if p.is_file())
    return {str(p): p.read_bytes() for p in files}


@pytest.mark.parametrize("system", ["ext4", "xfs"])
@pytest.mark.parametrize("kind", KINDS, ids=[kind.replace(" ", "-") for kind in KINDS])
def test_the_power_is_cut(tmp_path, driver, kind, system):
    make = shutil.which(f"mkfs.{system}")
    if make is None:
        pytest.skip(f"mkfs.{system} is missing")
    rng = np.random.default_rng(len(kind) + len(system))
    image = tmp_path / "image"
    megabytes = 320 if system == "xfs" else 96
    with image.open("wb") as file:
        file.truncate(megabytes * 2**20)
    subprocess.run([make, "-q", str(image)], check=True, capture_output=True)
    job = KINDS[kind] | {"n_frames": 10**6, "sync_every": 40, "pause_s": 0.004, "lose_every": 9}
    with mounted(tmp_path / "disk", "-o", "loop", str(image)) as disk:
        for turn in range(N_CUTS):
            path = disk / f"{turn}.zarr"
            number = driver.begin(path, job)
            while driver.so_far().last("o") is None:
                time.sleep(0.01)
            time.sleep(rng.uniform(0.1, 2.5))
            os.kill(number, signal.SIGSTOP)
            wait_until_stopped(number)  # a call under way would go on while the image is copied
            told = driver.so_far()
            acknowledged = told.last("a") or 0
            copy = tmp_path / "copy"
            subprocess.run(["cp", "--sparse=always", str(image), str(copy)], check=True)
            os.kill(number, signal.SIGKILL)
            driver.end()
            with mounted(tmp_path / f"copy-{turn}", "-o", how_to_mount(system), str(copy)) as seen:
                check_survived(seen / path.name, acknowledged)
            copy.unlink()
            shutil.rmtree(path)


def how_to_mount(system):
    return "loop,nouuid" if system == "xfs" else "loop"


def check_survived(path, acknowledged):
    """The store opens; acknowledged frames are right; repair makes the rest right."""
    import zarr
    from tests.fault.recording_checks import expected_frames

    group = zarr.open_group(str(path), mode="r")
    array = group["0"]
    assert array.shape[0] >= acknowledged
    if acknowledged:
        numbers = group["frame_number"][:acknowledged]
        assert (array[:acknowledged] == expected_frames(numbers, array.shape[1:])).all()
    done = repair_recording(path)
    assert done.n_readable >= acknowledged
    if not done.damaged:
        if done.guessed is None:
            assert check_shown(path) >= acknowledged
        assert not verify_recording(path, one_by_one).faults
    assert repair_recording(path).is_nothing_done
