"""Frames from the ring: all of them or counted, none torn, whatever the camera does.

Every row of a frame of the stand-in holds the camera's number of the frame, so a frame that is torn,
lost or given a wrong number shows.
"""

import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from tests.dcam import numbers_in, stub_environment

from pyramidion.core import CameraError, Lost, UsageError
from pyramidion.instruments.dcam import DcamCamera


class Seen:
    """What was grabbed; every frame is looked at.

    `hidden` frames were lost by the camera before the first that was fetched: no stamp tells.
    """

    def __init__(self, camera, at_a_time=16, may_hide=False):
        spec = camera.spec()
        self.camera, self.out = camera, np.empty((at_a_time, *spec.shape), spec.dtype)
        self.numbers, self.times, self.lost = [], [], []
        self.hidden = None if may_hide else 0

    def grab(self, timeout_s=1.0):
        grabbed = self.camera.grab(self.out, timeout_s)
        for frame, number in zip(self.out, grabbed.number, strict=False):
            if self.hidden is None:
                self.hidden = int(numbers_in(frame)[0] - number)
            narrow = frame.shape[1] * frame.itemsize < 8
            expected = number % 256 if narrow else number + self.hidden
            np.testing.assert_array_equal(numbers_in(frame), expected)
        self.numbers += grabbed.number.tolist()
        self.times += grabbed.time_camera.tolist()
        self.lost += grabbed.lost
        return len(grabbed.number)

    def until(self, n_frames, patience_s=20.0):
        give_up = time.monotonic() + patience_s
        while len(self.numbers) < n_frames and time.monotonic() < give_up:
            self.grab()
        assert len(self.numbers) >= n_frames
        return self

    def grab_for_ever(self):
        while True:
            self.grab()

    def check_all_counted(self):
        """Frames and losses together are every number up to the last, once."""
        told = [n for lost in self.lost for n in range(lost.first, lost.first + lost.n_frames)]
        assert sorted(self.numbers + told) == list(range(len(self.numbers) + len(told)))
        assert self.numbers == sorted(self.numbers)

    def n_lost(self, reason):
        return sum(lost.n_frames for lost in self.lost if lost.reason == reason)


def started(camera, n_buffers=2048, **options):
    seen = Seen(camera, **options)
    camera.start(n_buffers)
    return seen


# --- what arrives


@pytest.mark.parametrize("pixel_type", [1, 2])
@pytest.mark.parametrize("width", [4, 64, 100])
@pytest.mark.parametrize("padding", [0, 24])
def test_frames_arrive_as_they_are(open_dcam, pixel_type, width, padding):
    camera = open_dcam(width=width, height=12, pixeltype=pixel_type, padding=padding, fps=2000)
    seen = started(camera).until(50)
    assert seen.numbers[:50] == list(range(50))
    assert seen.lost == []
    expected = 1000 + (np.arange(len(seen.times)) + 1) / 2000
    np.testing.assert_allclose(seen.times, expected, atol=2e-6)


def test_pixels_behind_the_number_are_the_camera_s(open_dcam):
    """A row ends where the next begins, although the ring has padding."""
    camera = open_dcam(padding=24)
    seen = started(camera).until(2)
    pixels = seen.out[0][:, 4:]
    assert pixels.min() >= 100
    assert pixels.max() < 100 + 64 + 30
    assert (np.diff(pixels.astype(int), axis=1) != 0).mean() > 0.5


def test_a_region_arrives(open_dcam):
    camera = open_dcam()
    camera.set("roi", "8,4,32,40")
    assert started(camera).until(5).out.shape[1:] == (40, 32)


@pytest.mark.parametrize(
    "behaviour",
    [{"newest": "count"}, {"event": "edge"}, {"burst": 7}, {"burst": 7, "event": "edge"}],
    ids=str,
)
def test_however_the_library_tells(open_dcam, behaviour):
    seen = started(open_dcam(fps=2000, **behaviour)).until(300)
    assert seen.lost == []
    seen.check_all_counted()


def test_it_starts_again_from_zero(open_dcam):
    camera = open_dcam()
    for _ in range(3):
        assert started(camera).until(3).numbers[0] == 0
        camera.stop()
        camera.stop()


def test_two_cameras_at_once(plug):
    plug(cameras=2, width=64, height=48, fps=1000)
    cameras = [DcamCamera(0), DcamCamera(1)]
    seen = [started(c) for c in cameras]
    for _ in range(20):
        for one in seen:
            one.grab()
    for one, camera in zip(seen, cameras, strict=True):
        one.check_all_counted()
        camera.close()


# --- losses


def test_a_slow_reader_loses_what_the_ring_does_not_hold(open_dcam, rng):
    seen = started(open_dcam(fps=2000), n_buffers=8)
    for _ in range(60):
        time.sleep(rng.uniform(0, 0.012))
        seen.grab()
    seen.check_all_counted()
    assert seen.n_lost("driver") > 0
    assert seen.n_lost("camera") == 0


def test_whoever_copies_slower_than_the_camera_gets_no_torn_frame(open_dcam):
    """Six gigabytes a second into four buffers: most are overwritten while they are copied."""
    seen = started(open_dcam(width=1024, height=1024, fps=3000), n_buffers=4, at_a_time=2)
    end = time.monotonic() + 1.0
    late = end + 20  # on a busy machine the camera itself may be too slow at first
    while time.monotonic() < (end if seen.n_lost("driver") else late):
        seen.grab(0.2)
    seen.check_all_counted()
    assert seen.n_lost("driver") > 0
    assert seen.numbers


def test_a_slow_reader_of_a_camera_that_loses_frames_too(open_dcam, rng):
    seen = started(open_dcam(fps=2000, skip_every=10), n_buffers=8, may_hide=True)
    for _ in range(60):
        time.sleep(rng.uniform(0, 0.012))
        seen.grab()
    seen.check_all_counted()
    assert seen.n_lost("camera") > 0
    assert seen.n_lost("driver") > 0


def test_a_jump_of_the_frame_stamp_is_a_loss(open_dcam):
    seen = started(open_dcam(skip="10:3,20:1")).until(40)
    assert seen.lost == [Lost(10, 3, "camera"), Lost(20, 1, "camera")]
    seen.check_all_counted()


@pytest.mark.parametrize("start", [2**32 - 20, 2**32 - 1, 2**31 - 5])
def test_frame_stamps_wrap(open_dcam, start):
    seen = started(open_dcam(stamp_from=start, skip="30:2", fps=2000)).until(60)
    assert seen.lost == [Lost(30, 2, "camera")]
    seen.check_all_counted()


def test_unknown_frame_stamps(open_dcam):
    seen = started(open_dcam(stamp_unknown=3, skip="30:2", fps=2000)).until(60)
    seen.check_all_counted()
    assert seen.n_lost("camera") == 2


@pytest.mark.parametrize("report", ["lostframe", "missingframe"])
def test_a_reported_loss_that_the_stamps_show_counts_once(open_dcam, report):
    seen = started(open_dcam(skip="20:1", **{report: 20})).until(60)
    assert seen.lost == [Lost(20, 1, "camera")]


@pytest.mark.parametrize("report", ["lostframe", "missingframe"])
@pytest.mark.parametrize("stamps", [{"stamp_hides": 1}, {"capability": 2}], ids=str)
def test_a_reported_loss_that_the_stamps_hide_counts(open_dcam, report, stamps):
    """Where exactly is not known to the frame, so the pixels are not asked."""
    camera = open_dcam(skip="20:1", **{report: 20}, **stamps)
    out = np.empty((16, 48, 64), np.uint16)
    camera.start(2048)
    numbers, lost = [], []
    while len(numbers) < 60 or not lost:
        grabbed = camera.grab(out, 1.0)
        numbers += grabbed.number.tolist()
        lost += grabbed.lost
    assert [(n, reason) for _, n, reason in lost] == [(1, "camera")]
    assert lost[0].first >= 20
    assert numbers[-1] == numbers_in(out[len(grabbed.number) - 1])[0]
    assert sorted([*numbers, lost[0].first]) == list(range(len(numbers) + 1))


def test_a_loss_behind_the_last_frame(open_dcam):
    seen = started(open_dcam(lostframe=20, stall=20)).until(20)
    while not seen.lost:
        seen.grab(0.05)
    assert seen.lost == [Lost(20, 1, "camera")]


def test_without_stamps_overruns_are_counted(open_dcam):
    camera = open_dcam(capability=0, fps=2000)
    seen = started(camera, n_buffers=8)
    for _ in range(20):
        time.sleep(0.008)
        seen.grab()
    seen.check_all_counted()
    assert seen.n_lost("driver") > 0
    assert np.isnan(seen.times).all()


def test_a_buffer_that_the_library_takes_back_is_lost(open_dcam):
    seen = started(open_dcam(fail="dcambuf_copyframe@5:80000833"), at_a_time=1).until(40)
    seen.check_all_counted()
    assert seen.n_lost("driver") >= 1


# --- waiting


@pytest.mark.parametrize("timeout_s", [0, 0.05, 0.35])
def test_it_comes_back_in_time(open_dcam, timeout_s):
    camera = open_dcam()
    camera.set("trigger", "external")
    seen = started(camera)
    began = time.monotonic()
    assert seen.grab(timeout_s) == 0
    assert timeout_s <= time.monotonic() - began < timeout_s + 0.3


def test_long_exposures_are_waited_for(open_dcam):
    camera = open_dcam(fps=0.8)
    camera.set("exposure", "1.2")
    seen = started(camera)
    assert seen.grab(0.1) == 0
    assert seen.grab(3.0) == 1


def test_external_triggers(open_dcam):
    camera = open_dcam(external_fps=200)
    camera.set("trigger", "external")
    assert started(camera).until(20).lost == []


def test_each_software_trigger_is_a_frame(open_dcam):
    camera = open_dcam()
    camera.set("trigger", "software")
    assert ("fire_trigger", "1") in [(p.name, p.allowed) for p in camera.properties()]
    with pytest.raises(UsageError, match="does not run"):
        camera.set("fire_trigger", "1")
    seen = started(camera)
    assert seen.grab(0.05) == 0
    for n in range(1, 4):
        camera.set("fire_trigger", "1")
        assert seen.until(n).grab(0.02) == 0
    camera.fire_trigger()
    assert seen.until(4).numbers == [0, 1, 2, 3]


@pytest.mark.parametrize("event", ["level", "edge"])
def test_another_thread_ends_the_wait(open_dcam, event):
    camera = open_dcam(event=event)
    camera.abort()
    camera.set("trigger", "external")
    seen = started(camera)
    threading.Timer(0.1, camera.abort).start()
    began = time.monotonic()
    assert seen.grab(10) == 0
    assert time.monotonic() - began < 2
    assert seen.grab(10) == 0, "and all later ones"


# --- a camera that fails


@pytest.mark.parametrize("k", [1, 15, 16, 17, 100])
@pytest.mark.parametrize("pause_s", [0, 0.3])
def test_unplugged_after_some_frames(open_dcam, k, pause_s):
    """All frames that fit into the ring are had first."""
    camera = open_dcam(unplug=k, fps=1000)
    seen = started(camera, n_buffers=128)
    time.sleep(pause_s)
    began = time.monotonic()
    with pytest.raises(CameraError) as caught:
        seen.grab_for_ever()
    assert time.monotonic() - began < 2
    assert seen.numbers == list(range(k))
    assert caught.value.line.startswith(f"camera 0: camera lost after frame {k}:")
    assert caught.value.id == "PYR-ACQ-04"
    with pytest.raises(CameraError):
        seen.grab()
    camera.stop()
    camera.close()


def test_unplugged_so_that_nothing_works(open_dcam):
    camera = open_dcam(unplug=30, unplug_hard=1)
    seen = started(camera)
    with pytest.raises(CameraError) as caught:
        seen.grab_for_ever()
    n_frames = len(seen.numbers)
    assert seen.numbers == list(range(n_frames))
    said = f"after frame {n_frames}" if n_frames else "before a frame"
    assert caught.value.what == f"camera lost {said}"
    camera.close()


def test_unplugged_before_the_first_frame(open_dcam):
    seen = started(open_dcam(unplug=0))
    with pytest.raises(CameraError, match="camera lost before a frame"):
        seen.grab()


def test_a_loss_reported_before_it_was_unplugged(open_dcam):
    seen = started(open_dcam(unplug=20, lostframe=20))
    with pytest.raises(CameraError, match="camera lost after frame 21"):
        seen.grab_for_ever()
    assert seen.lost == [Lost(20, 1, "camera")]


@pytest.mark.parametrize("failing", ["dcamwait_start", "dcamcap_transferinfo", "dcambuf_copyframe"])
def test_a_driver_that_fails(open_dcam, failing):
    camera = open_dcam(fail=f"{failing}@8:83001002")
    seen = started(camera, at_a_time=4)
    with pytest.raises(CameraError) as caught:
        seen.until(400)
    seen.check_all_counted()
    assert caught.value.line == f"camera 0: {failing} failed (Reading from the camera failed)"
    camera.stop()
    assert started(camera).until(3).numbers[0] == 0


def test_a_camera_that_announces_nothing(open_dcam):
    camera = open_dcam(fail="dcamwait_open:80000f03")
    with pytest.raises(CameraError, match=r"dcamwait_open failed \(NOTSUPPORT\)"):
        camera.start(8)


def test_grab_needs_a_start_and_frames_that_fit(open_dcam):
    camera = open_dcam()
    with pytest.raises(UsageError, match="not started"):
        camera.grab(np.empty((1, 48, 64), np.uint16), 0)
    camera.start(8)
    for wrong in (np.empty((1, 48, 60), np.uint16), np.empty((1, 48, 64), np.int16)):
        with pytest.raises(ValueError, match="do not fit"):
            camera.grab(wrong, 0)
    with pytest.raises(ValueError, match="rows"):
        camera.grab(np.empty((1, 48, 128), np.uint16)[:, :, ::2], 0)


@pytest.mark.slow
def test_a_driver_that_hangs_can_be_killed(stub):
    """Nothing inside the process can end it: the one who watches must be another process."""
    program = """
import numpy as np
from pyramidion.instruments import open_camera
camera = open_camera("dcam:0")
camera.start(16)
out = np.empty((1, *camera.spec().shape), np.uint16)
for _ in range(5):
    print(len(camera.grab(out, 20).number), flush=True)
while True:
    print(len(camera.grab(out, 0.2).number), flush=True)
"""
    environment = stub_environment(stub, width=64, height=48, hang=5)
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, env=environment
    ) as child:
        assert [child.stdout.readline() for _ in range(5)] == [b"1\n"] * 5
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(1.5)
        child.kill()
        assert child.stdout.read() == b""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "fps", "n_buffers"), [((64, 64), 10_000, 4096), ((2304, 4096), 100, 32)]
)
def test_it_keeps_up(open_dcam, size, fps, n_buffers):
    height, width = size
    camera = open_dcam(width=width, height=height, fps=fps)
    spec = camera.spec()
    out = np.zeros((8 if height > 64 else 256, *spec.shape), spec.dtype)
    camera.start(n_buffers)
    n_frames, lost, end = 0, [], time.monotonic() + 3
    while time.monotonic() < end:
        grabbed = camera.grab(out, 1.0)
        for frame, number in zip(out[:1], grabbed.number, strict=False):
            assert (numbers_in(frame) == number).all()
        n_frames += len(grabbed.number)
        lost += grabbed.lost
    told = sum(one.n_frames for one in lost)
    assert int(grabbed.number[-1]) + 1 == n_frames + told
    assert n_frames > 0.5 * 3 * fps, "all of them on a machine that does nothing else"
