"""Recording under faults: whatever happens, each frame is stored or listed, and the store is sound."""

import os
import random
import signal
import time
from pathlib import Path

import pytest
from tests.fault.acquire_program import (
    check_accounted,
    check_frames,
    children_of,
    frames_in,
    lost_in,
    report_of,
    resident_mb,
    start,
    stop_group,
    stop_until_frames_are_lost,
    text_of,
    wait_for,
)

pytestmark = pytest.mark.slow

PROGRAM_MB = 120
"""What the program with its libraries needs before it has seen a frame."""

SMALL = "sim:width=64,height=48,rate=400"


@pytest.fixture
def recording(tmp_path):
    """Start recordings; whatever is left of them is ended."""
    begun = []
    store = tmp_path / "r.zarr"

    def begin(camera, *options):
        process = start(camera, "-o", store, "--no-live", "--json", *options)
        begun.append(process)
        return process, store

    yield begin
    for process in begun:
        stop_group(process)


def test_by_count(recording):
    process, store = recording(SMALL, "--frames", 300)
    status, report, _ = report_of(process)
    assert (status, report["frames_stored"], report["frames_lost"]) == (0, 300, 0)
    assert check_frames(store) == list(range(300))


def test_by_time(recording):
    process, store = recording(SMALL, "--duration", "0.5")
    status, report, _ = report_of(process)
    assert status == 0
    assert report["frames_stored"] == len(check_frames(store)) > 50


@pytest.mark.parametrize(("number", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_by_signal(recording, number, expected):
    process, store = recording(SMALL)
    wait_for(lambda: frames_in(store) > 20)
    os.kill(process.pid, number)
    status, report, lines = report_of(process)
    assert status == expected
    assert f"stopped: stored 0..{report['frames_stored'] - 1}" in lines[-1]
    check_accounted(store, report["frames_camera"])


def test_frames_that_the_camera_loses(recording):
    process, store = recording(f"{SMALL},lose=10x3", "--frames", 200)
    status, report, lines = report_of(process)
    assert status == 1
    assert report["lost_by_reason"] == {"camera": report["frames_lost"]}
    assert "frames lost" in "\n".join(lines)
    check_accounted(store, report["frames_camera"])


def test_lost_frames_that_are_allowed(recording):
    process, _ = recording(f"{SMALL},lose=10", "--frames", 50, "--allow-drops")
    assert report_of(process)[0] == 0


def test_a_camera_that_is_unplugged(recording):
    process, store = recording(f"{SMALL},unplug_at=77")
    status, report, lines = report_of(process)
    assert (status, report["frames_stored"]) == (1, 77)
    assert "camera lost after frame" in "\n".join(lines)
    assert check_frames(store) == list(range(77))


def test_a_driver_that_hangs(recording):
    process, store = recording(f"{SMALL},hang_at=30")
    began = time.monotonic()
    status, report, lines = report_of(process)
    assert status == 1
    assert time.monotonic() - began < 25
    assert "does not answer for 10 s" in "\n".join(lines)
    assert check_frames(store) == list(range(report["frames_stored"])) == list(range(30))


def test_a_camera_that_sends_nothing(recording, tmp_path):
    process, store = recording("sim:width=16,height=8,trigger=external", "--timeout", "0.5")
    status, _, lines = report_of(process)
    assert status == 1
    assert "no frame for 0.5 s (trigger: external)" in "\n".join(lines)
    assert not store.exists()
    assert not list(tmp_path.glob(".*"))


def test_a_recorder_that_stands_still(recording):
    """The disk side is stopped for a while: the camera goes on, what is lost is listed."""
    process, store = recording(
        "sim:width=256,height=256,rate=1500", "--frames", 4000, "--ring", "16MiB"
    )
    wait_for(lambda: frames_in(store) > 100)
    stop_until_frames_are_lost(process)
    os.kill(process.pid, signal.SIGCONT)
    status, report, _ = report_of(process)
    assert (status, report["frames_stored"]) == (1, 4000)
    assert lost_in(store)["ring"]
    check_accounted(store, report["frames_camera"])


def test_every_frame_is_accounted_for(recording):
    """A camera that loses frames, a recorder that is stopped again and again."""
    n_frames = int(os.environ.get("PYRAMIDION_FRAMES", "30_000"))
    camera = "sim:width=64,height=64,rate=10000,lose_random=0.001"
    process, store = recording(camera, "--frames", n_frames, "--ring", "16MiB", "--buffers", 4096)
    rng = random.Random(9)
    wait_for(lambda: frames_in(store) > 100)
    memory = []
    while process.poll() is None:
        time.sleep(rng.uniform(0.2, 1.0))
        memory.append(resident_mb(process.pid))
        if len(memory) % 3 == 0 and process.poll() is None:
            os.kill(process.pid, signal.SIGSTOP)
            time.sleep(rng.uniform(0.1, 0.6))
            os.kill(process.pid, signal.SIGCONT)
    status, report, _ = report_of(process)
    assert (status, report["frames_stored"]) == (1, n_frames)
    assert {"camera", "ring"} & set(report["lost_by_reason"])
    check_accounted(store, report["frames_camera"])
    assert max(memory) < 16 + 64 + PROGRAM_MB


def test_stop_at_the_first_loss(recording):
    process, store = recording(
        "sim:width=256,height=256,rate=1500", "--ring", "16MiB", "--when-full", "stop"
    )
    wait_for(lambda: frames_in(store) > 100)
    stop_until_frames_are_lost(process)
    os.kill(process.pid, signal.SIGCONT)
    status, report, lines = report_of(process)
    assert status == 1
    assert "slower than the camera" in "\n".join(lines)
    check_accounted(store, report["frames_camera"])


def test_a_camera_process_that_is_killed(recording):
    process, store = recording(SMALL)
    wait_for(lambda: frames_in(store) > 20)
    os.kill(_camera_of(process.pid), signal.SIGKILL)
    status, report, lines = report_of(process)
    assert status == 1
    assert "process of the camera died" in "\n".join(lines)
    assert check_frames(store) == list(range(report["frames_stored"]))


def test_a_camera_process_that_is_killed_while_the_ring_is_full(recording):
    """What it had counted and could not tell any more is listed, for an unknown reason."""
    process, store = recording("sim:width=256,height=256,rate=2000", "--ring", "16MiB")
    wait_for(lambda: frames_in(store) > 100)
    camera = _camera_of(process.pid)
    stop_until_frames_are_lost(process)
    os.kill(camera, signal.SIGKILL)
    os.kill(process.pid, signal.SIGCONT)
    status, report, _ = report_of(process)
    assert status == 1
    assert report["lost_by_reason"]["unknown"]
    check_accounted(store, report["frames_camera"])


def test_more_losses_than_the_ring_can_tell(recording):
    camera = "sim:width=16,height=8,rate=30000,lose=3"
    process, store = recording(camera, "--frames", 60_000, "--ring", "64MiB", "--buffers", 4096)
    wait_for(lambda: frames_in(store) > 100)
    os.kill(process.pid, signal.SIGSTOP)
    time.sleep(2.0)
    os.kill(process.pid, signal.SIGCONT)
    status, report, _ = report_of(process)
    assert status == 1
    check_accounted(store, report["frames_camera"])


def test_a_closed_terminal_ends_it_cleanly(recording):
    process, store = recording(SMALL)
    wait_for(lambda: frames_in(store) > 20)
    os.kill(process.pid, signal.SIGHUP)
    status, report, _ = report_of(process)
    assert status == 129
    check_accounted(store, report["frames_camera"])


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_live_server_that_dies_or_hangs_is_started_again(tmp_path, how):
    process = start(SMALL, "-o", tmp_path / "r.zarr", "--port", "0", "--json", stdin=None)
    try:
        wait_for(lambda: frames_in(tmp_path / "r.zarr") > 20)
        first = _server_of(process.pid)
        os.kill(first, how)
        wait_for(lambda: _server_of(process.pid) not in (first, None), 60)
        os.kill(process.pid, signal.SIGINT)
        status, report, lines = report_of(process)
        assert status == 130, lines
        check_accounted(tmp_path / "r.zarr", report["frames_camera"])
    finally:
        stop_group(process)


def test_memory_of_a_run_that_was_killed_with_all_its_helpers_is_taken_back(tmp_path):
    process = start(SMALL, "-o", tmp_path / "r.zarr", "--no-live")
    wait_for(lambda: frames_in(tmp_path / "r.zarr") > 0)
    left = list(Path("/dev/shm").glob(f"pyramidion-{process.pid}-*"))
    assert left
    stop_group(process)  # the one that would clean up is in the group
    again = start(SMALL, "-o", tmp_path / "s.zarr", "--no-live", "--frames", "5")
    assert again.wait(30) == 0
    stop_group(again)
    assert not any(path.exists() for path in left)


def test_what_is_played_is_not_replaced(tmp_path):
    process = start(SMALL, "-o", tmp_path / "r.zarr", "--no-live", "--frames", "20")
    assert process.wait(30) == 0
    stop_group(process)
    again = start(f"file:{tmp_path}/r.zarr", "-o", tmp_path / "r.zarr", "--overwrite", "--no-live")
    _, lines = again.communicate(timeout=30)
    assert (again.returncode, len(check_frames(tmp_path / "r.zarr"))) == (2, 20)
    assert "output lies inside the input" in lines
    inside = start(SMALL, "-o", tmp_path / "r.zarr" / "i.zarr", "--no-live", "--frames", "5")
    _, lines = inside.communicate(timeout=30)
    assert "lies inside another store" in lines


@pytest.mark.parametrize("options", [(), ("--levels", "mean"), ("--chunk-t", "16")])
def test_killed_at_random_moments(tmp_path, options):
    """Each time: no process and no shared memory stays, the store is right, repair and resume work."""
    rng = random.Random(4)
    for n in range(int(os.environ.get("PYRAMIDION_KILLS", "4"))):
        store = tmp_path / f"{n}.zarr"
        process = start(SMALL, "-o", store, "--no-live", "--json", *options)
        try:
            wait_for(lambda store=store: frames_in(store) > 0)
            time.sleep(rng.uniform(0, 0.8))
            family = [process.pid, *children_of(process.pid)]
            before = frames_in(store)
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            assert before <= len(check_frames(store))
            wait_for(lambda family=family: not any(map(_is_alive, family)), 10)
        finally:
            stop_group(process)
        again = start(
            SMALL, "-o", store, "--no-live", "--json", "--resume", "--frames", 50, *options
        )
        status, report, lines = report_of(again)
        assert status == 0, lines
        assert report["frames_total"] >= before + 50
        assert frames_in(store) == report["frames_total"]


def _camera_of(pid):
    """Return the process of the camera: the one that has the ring and is no resource tracker."""
    for child in children_of(pid):
        if "spawn_main" in text_of(Path(f"/proc/{child}/cmdline")):
            return child
    raise AssertionError("no camera")


def _server_of(pid):
    """Return the process that listens: the last child that was started."""
    children = [
        child for child in children_of(pid)
        if "spawn_main" in text_of(Path(f"/proc/{child}/cmdline")) and _is_alive(child)
    ]  # fmt: skip
    return max(children[1:], default=None)


def _is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
