"""The simulated camera: pixels that prove themselves, and every fault that can be asked for."""

import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyramidion.core import CameraError, Lost, UsageError
from pyramidion.instruments import open_camera, set_properties
from pyramidion.instruments.sim import numbers_in

TYPES = ["uint8", "uint16", "uint32", "int8", "int16", "int32", "float32", "float64"]


def sim(rest, n_buffers=32):
    camera = open_camera(f"sim:{rest}")
    camera.start(n_buffers)
    return camera


def played(camera, at_a_time=16, n=10**9, timeout_s=1.0):
    """Return every number that comes, the losses told, and check each row of each frame."""
    spec = camera.spec()
    out = np.empty((at_a_time, *spec.shape), spec.dtype)
    numbers, lost = [], []
    while len(numbers) < n:
        try:
            grabbed = camera.grab(out[: n - len(numbers)], timeout_s)
        except EOFError:
            break
        for number, frame in zip(grabbed.number.tolist(), out, strict=False):
            assert (numbers_in(frame) == number).all()
        numbers += grabbed.number.tolist()
        lost += grabbed.lost
    return numbers, lost


@pytest.mark.parametrize("content", ["structured", "noise", "counter"])
@pytest.mark.parametrize("dtype", TYPES)
def test_every_row_of_every_frame_has_its_number(dtype, content):
    camera = sim(f"width=30,height=21,dtype={dtype},rate=0,content={content},frames=600")
    assert camera.spec().dtype == np.dtype(dtype).newbyteorder("<")
    numbers, lost = played(camera)
    assert numbers == list(range(600))
    assert lost == []


@settings(max_examples=30, deadline=None)
@given(
    width=st.integers(1, 9),
    height=st.integers(1, 5),
    dtype=st.sampled_from(TYPES),
    at_a_time=st.integers(1, 40),
)
def test_narrow_frames_have_the_number_mod_256(width, height, dtype, at_a_time):
    camera = sim(f"width={width},height={height},dtype={dtype},rate=0,content=counter,frames=300")
    item = np.dtype(dtype).itemsize
    out = np.empty((at_a_time, height, width), dtype)
    seen = 0
    while seen < 300:
        for number, frame in zip(camera.grab(out, 1).number, out, strict=False):
            assert number == seen
            whole = seen if width * item >= 8 else seen % 256
            assert numbers_in(frame).tolist() == [whole] * height
            seen += 1
    camera.close()


def test_a_torn_frame_is_seen():
    camera = sim("width=64,height=48,rate=0")
    out = np.empty((2, 48, 64), "u2")
    camera.grab(out, 1)
    out[0, 20:] = out[1, 20:]
    assert numbers_in(out[0]).tolist() == [0] * 20 + [1] * 28


def test_the_number_is_the_first_8_bytes_of_a_row():
    camera = sim("width=64,height=4,rate=0,frames=300")
    out = np.empty((300, 4, 64), "<u2")
    assert len(camera.grab(out, 1).number) == 300
    for number in (0, 1, 255, 256, 299):
        for row in out[number]:
            assert row.tobytes()[:8] == number.to_bytes(8, "little")


def test_structured_frames_look_like_those_of_a_camera():
    camera = sim("width=256,height=192,rate=0")
    out = np.empty((16, 192, 256), "u2")
    camera.grab(out, 1)
    pixels = out[:, :, 4:].astype(float)
    assert pixels.max() <= 4095
    assert 200 < np.median(pixels) < 500  # offset 100, and light
    assert pixels.max() > 1000  # spots
    # Shot noise: the difference of two frames of the same scene has twice the variance of one.
    quiet = (pixels[1] - pixels[0])[:40, :40]
    level = pixels[0, :40, :40].mean() - 100
    assert 0.7 * level < quiet.var() / 2 < 1.5 * level
    assert not np.array_equal(pixels[0], pixels[8])


def test_a_seed_makes_the_same_pixels_again():
    frames = []
    for seed in (3, 3, 4):
        out = np.empty((4, 32, 32), "u2")
        sim(f"width=32,height=32,rate=0,seed={seed}").grab(out, 1)
        frames.append(out)
    assert np.array_equal(frames[0], frames[1])
    assert not np.array_equal(frames[0], frames[2])


def test_exposure_makes_it_brighter():
    levels = []
    for exposure in (0.005, 0.01, 0.02):
        out = np.empty((1, 64, 64), "u2")
        sim(f"width=64,height=64,rate=0,exposure={exposure}").grab(out, 1)
        levels.append(np.median(out[0, :, 4:]) - 100)
    assert levels[1] == pytest.approx(2 * levels[0], rel=0.15)
    assert levels[2] == pytest.approx(2 * levels[1], rel=0.15)


def test_keeps_its_rate_and_stamps_it():
    before = time.monotonic()
    camera = sim("width=16,height=16,rate=400")
    began = time.monotonic()
    out = np.empty((64, 16, 16), "u2")
    numbers, times = [], []
    while (asked := time.monotonic()) - began < 0.5:
        grabbed = camera.grab(out, 1)
        numbers += grabbed.number.tolist()
        times += grabbed.time_camera.tolist()
        last_asked = asked
    # It began between `before` and `began`; the last frames were taken after `last_asked`.
    assert last_asked - began - 0.3 < (numbers[-1] + 1) / 400 < time.monotonic() - before + 0.01
    np.testing.assert_allclose(times, np.array(numbers) / 400)


def test_waits_for_nobody_and_its_driver_loses_the_oldest():
    camera = sim("width=16,height=16,rate=1000", n_buffers=8)
    out = np.empty((64, 16, 16), "u2")
    time.sleep(0.1)
    grabbed = camera.grab(out, 1)
    assert len(grabbed.number) == 8
    first = int(grabbed.number[0])
    assert grabbed.lost == (Lost(0, first, "driver"),)
    assert first >= 90
    assert grabbed.number.tolist() == list(range(first, first + 8))


def test_as_fast_as_asked_loses_nothing():
    camera = sim("width=16,height=16,rate=0,frames=5000", n_buffers=1)
    numbers, lost = played(camera, at_a_time=7)
    assert numbers == list(range(5000))
    assert lost == []


@pytest.mark.parametrize(("lose", "every", "count"), [("10", 10, 1), ("7x3", 7, 3), ("1x1", 1, 1)])
def test_the_camera_loses_frames_on_request(lose, every, count):
    camera = sim(f"width=16,height=4,rate=0,frames=1000,lose={lose}")
    numbers, lost = played(camera)
    missing = {n for n in range(1000) if n % (every + count) >= every}
    assert numbers == sorted(set(range(1000)) - missing)
    # Gaps between frames speak for themselves; what is lost at the very end is told.
    tail = [n for n in missing if n > max(numbers)]
    assert lost == ([Lost(min(tail), len(tail), "camera")] if tail else [])


@pytest.mark.parametrize("at_a_time", [1, 16])
def test_frames_lost_at_random_do_not_depend_on_how_they_are_fetched(at_a_time):
    numbers, lost = played(sim("width=16,height=4,rate=0,frames=3000,lose_random=0.2"), at_a_time)
    again, _ = played(sim("width=16,height=4,rate=0,frames=3000,lose_random=0.2"), 5)
    assert numbers == again
    assert 2250 < len(numbers) < 2550
    assert sum(n for _, n, _ in lost) == 2999 - numbers[-1]


def test_all_lost_ends_all_the_same():
    numbers, lost = played(sim("width=16,height=4,rate=0,frames=50,lose_random=1"))
    assert numbers == []
    assert lost == [Lost(0, 50, "camera")]


def test_stalls_and_loses_nothing_by_it():
    began = time.monotonic()
    camera = sim("width=16,height=4,rate=500,frames=40,stall_at=20:0.3", n_buffers=40)
    numbers, lost = played(camera, timeout_s=0.05)
    assert time.monotonic() - began > 0.37
    assert numbers == list(range(40))
    assert lost == []


def test_stamps_are_late_on_request():
    camera = sim("width=16,height=4,rate=0,late=0.5")
    out = np.empty((100, 4, 16), "u2")
    times = camera.grab(out, 1).time_camera
    assert 0.3 < np.ptp(times) <= 0.5
    camera.stop()
    camera.set("rate", "1000")
    camera.start(100)
    time.sleep(0.05)
    grabbed = camera.grab(out, 1)
    late = grabbed.time_camera - grabbed.number / 1000
    assert late.min() >= 0
    assert late.max() <= 0.5


def test_is_unplugged_on_request():
    camera = sim("width=16,height=4,rate=0,unplug_at=12")
    with pytest.raises(CameraError, match="camera lost after frame 12") as caught:
        played(camera)
    assert caught.value.id == "PYR-ACQ-04"
    with pytest.raises(CameraError):
        camera.grab(np.empty((1, 4, 16), "u2"), 0)
    camera.stop()
    camera.close()
    camera = sim("width=16,height=4,rate=0,unplug_at=12")
    assert played(camera, n=12)[0] == list(range(12))


def test_its_driver_hangs_on_request():
    camera = sim("width=16,height=4,rate=0,hang_at=3")
    seen = []
    thread = threading.Thread(target=lambda: seen.append(played(camera, n=4)), daemon=True)
    thread.start()
    thread.join(0.3)
    assert thread.is_alive()
    assert seen == []


def test_an_external_trigger_never_comes():
    camera = sim("width=16,height=4,trigger=external")
    began = time.monotonic()
    assert len(camera.grab(np.empty((1, 4, 16), "u2"), 0.1).number) == 0
    assert 0.1 <= time.monotonic() - began < 1
    assert camera.spec().rate_hz == 0


def test_region_and_binning():
    camera = open_camera("sim:width=640,height=480,binning=2,roi=64,32,320,240")
    spec = camera.spec()
    assert spec.shape == (120, 160)
    assert spec.origin == (16, 32)
    assert spec.pixel_um == (9.2, 9.2)
    camera.set("width", "100")
    assert {p.name: p.value for p in camera.properties()}["roi"] == "0,0,100,480"


def test_a_region_shows_that_part_of_the_scene():
    whole, part = np.empty((1, 128, 128), "u2"), np.empty((1, 64, 64), "u2")
    sim("width=128,height=128,rate=0,seed=5").grab(whole, 1)
    sim("width=128,height=128,rate=0,seed=5,roi=32,64,64,64").grab(part, 1)
    np.testing.assert_allclose(
        part[0, :, 4:].astype(float).mean(), whole[0, 64:, 36:96].astype(float).mean(), rtol=0.03
    )


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("exposure", "20", "exposure: 0.001 to 10 s (20)"),
        ("exposure", "fast", "exposure: 0.001 to 10 s (fast)"),
        ("rate", "-1", "rate: 0 to 1000000 Hz (-1)"),
        ("width", "0", "width: 1 to 65536 (0)"),
        ("width", "1.5", "width: whole number, 1 to 65536 (1.5)"),
        ("binning", "3", "binning: one of 1, 2, 4 (3)"),
        ("trigger", "foo", "trigger: one of internal, external (foo)"),
        ("roi", "0,0,1001,1000", "roi.width: multiple of 4 (1001): 1000 or 1004"),
        ("roi", "0,0,1000,1002", "roi.height: multiple of 4 (1002): 1000 or 1004"),
        ("roi", "2,0,1000,1000", "roi.x: multiple of 4 (2): 0 or 4"),
        ("roi", "0,0,4100,1000", "roi.width: 1 to 4096 (4100)"),
        ("roi", "4,0,4096,1000", "roi.width: 1 to 4092 (4096)"),
        ("roi", "0,0", "roi: 4 numbers needed (0,0): write x,y,width,height"),
        ("exposre", "1", "exposre: not a property of this camera: did you mean exposure?"),
        ("bit_depth", "8", "bit_depth: cannot be set (read only)"),
    ],
)
def test_what_is_refused_is_said_in_one_line(name, value, line):
    camera = open_camera("sim:")
    before = camera.properties()
    with pytest.raises(UsageError) as caught:
        camera.set(name, value)
    assert caught.value.line == line
    assert caught.value.id == ("PYR-CAM-06" if name == "roi" else "PYR-CAM-05")
    assert camera.properties() == before


@pytest.mark.parametrize(
    "rest",
    ["x", "width", "width=", "width=0", "dtype=u3", "roi=1", "lose=x", "lose=3x0", "stall_at=a:b"],
)
def test_wrong_addresses(rest):
    with pytest.raises(UsageError):
        open_camera(f"sim:{rest}")


def test_a_frame_is_at_most_1_gib():
    camera = open_camera("sim:width=65536,height=4096")
    with pytest.raises(UsageError, match="1 GiB"):
        set_properties(camera, [("pixel_type", "f8")])
    assert camera.spec().frame_bytes == 1 << 29
