"""Cameras of Micro-Manager, on its demo camera."""

import subprocess
import sys
import time

import numpy as np
import pytest

from pyramidion.core import CameraError, MissingError, UsageError
from pyramidion.instruments import camera_kinds, open_camera, set_properties

KIND = {kind.name: kind for kind in camera_kinds()}["mm"]
pytestmark = pytest.mark.skipif(bool(KIND.why_not()), reason=KIND.why_not() or "there")


@pytest.fixture
def camera():
    """The demo camera, fast: its images are made once."""
    opened = open_camera("mm:FastImage=1,exposure=0.001")
    yield opened
    opened.close()


def named(camera):
    return {p.name: p for p in camera.properties()}


def test_the_demo_camera_is_found_and_described(camera):
    assert [rest for rest, _ in KIND.found()][:1] == [""]
    spec = camera.spec()
    assert spec.shape == (512, 512)
    assert spec.dtype == np.dtype("<u2")
    assert "DCam" in spec.camera
    assert spec.pixel_um == (1.0, 1.0)


def test_properties_have_their_own_names_and_ours(camera):
    listed = named(camera)
    assert listed["exposure"].value == "0.001"
    assert (listed["exposure"].unit, listed["exposure"].allowed) == ("s", "0 to 10")
    assert listed["binning"].allowed == "1, 2, 4, 8"
    assert listed["pixel_type"].value == "uint16"
    assert listed["Gain"].allowed == "-5 to 8"
    camera.set("exposure", "0.25")
    assert float(named(camera)["Exposure"].value) == 250
    camera.set("Gain", "3")
    assert named(camera)["Gain"].value == "3"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("exposure", "20", "exposure: 0 to 10 s (20)"),
        ("binning", "3", "binning: one of 1, 2, 4, 8 (3)"),
        ("pixel_type", "float32", "pixel_type: one of "),
        ("Gain", "9", "Gain: -5 to 8 (9)"),
        ("CameraID", "x", "CameraID: cannot be set (read only)"),
        ("Gian", "1", "Gian: not a property of this camera: did you mean Gain?"),
        ("roi", "0,0,600,8", "roi.width: 1 to 512 (600)"),
        ("OnCameraCCDXSize", "many", "OnCameraCCDXSize: not taken by the camera (many)"),
    ],
)
def test_what_is_refused_is_said_in_one_line(camera, name, value, said):
    before = camera.spec()
    with pytest.raises(UsageError) as caught:
        camera.set(name, value)
    assert caught.value.line.startswith(said)
    assert camera.spec() == before


def test_regions_are_in_pixels_of_the_sensor(camera):
    set_properties(camera, [("roi", "64,128,256,200"), ("binning", "2"), ("pixel_type", "uint8")])
    spec = camera.spec()
    assert spec.shape == (100, 128)
    assert spec.origin == (64, 32)
    assert spec.dtype == np.dtype("u1")
    assert spec.properties["roi"] == "64,128,256,200"
    with pytest.raises(UsageError, match="multiple of 2") as caught:
        camera.set("roi", "64,128,255,200")
    assert caught.value.line == "roi.width: multiple of 2 (255): 254 or 256"
    assert camera.spec() == spec
    camera.start(16)
    out = np.empty((2, 100, 128), "u1")
    assert len(camera.grab(out, 5).number) >= 1


def test_times_are_the_cameras(camera):
    camera.start(64)
    out = np.empty((64, 512, 512), "u2")
    numbers, times = [], []
    while len(numbers) < 100:
        grabbed = camera.grab(out, 5)
        numbers += grabbed.number.tolist()
        times += grabbed.time_camera.tolist()
    interval = np.diff(times) / np.diff(numbers)
    assert (np.diff(times) > 0).all()
    assert 0.0005 < np.median(interval) < 0.05


def test_an_overrun_ring_is_counted(camera):
    camera.set("pixel_type", "uint16")
    camera.start(8)  # the core's smallest ring holds 32 of these
    out = np.empty((64, 512, 512), "u2")
    seen, told, reasons = [], [], set()
    for nap in (0.0, 0.2, 0.0, 0.3, 0.0, 0.0):
        time.sleep(nap)
        grabbed = camera.grab(out, 2)
        seen += grabbed.number.tolist()
        told += [n for first, count, _ in grabbed.lost for n in range(first, first + count)]
        reasons |= {lost.reason for lost in grabbed.lost}
    assert reasons == {"driver"}
    assert sorted(seen + told) == list(range(len(seen) + len(told)))
    assert len(told) > 50


def test_a_sequence_that_ended_is_started_again(camera):
    camera.start(64)
    out = np.empty((4, 512, 512), "u2")
    seen, told = [], []
    for turn in range(60):
        grabbed = camera.grab(out, 5)
        seen += grabbed.number.tolist()
        told += [n for first, count, _ in grabbed.lost for n in range(first, first + count)]
        if turn == 20:
            camera._core.stopSequenceAcquisition()  # as the core does by itself when it must
    assert len(seen) >= 60
    assert told
    assert sorted(seen + told) == list(range(len(seen) + len(told)))


def test_colours_are_refused(camera):
    camera.set("PixelType", "32bitRGB")
    with pytest.raises(UsageError, match="one colour"):
        camera.start(4)


def test_wrong_addresses(tmp_path):
    with pytest.raises(MissingError, match="no such file"):
        open_camera(f"mm:{tmp_path}/absent.cfg")
    (tmp_path / "empty.cfg").touch()
    with pytest.raises(CameraError, match="not there"):
        open_camera(f"mm:{tmp_path}/empty.cfg")
    (tmp_path / "wrong.cfg").write_text("Device,Camera,NoSuchAdapter,DCam\n")
    with pytest.raises(CameraError, match="configuration not loaded") as caught:
        open_camera(f"mm:{tmp_path}/wrong.cfg")
    assert "\n" not in caught.value.line
    with pytest.raises(CameraError, match=r"camera Cam not there \(1 found: Camera\)"):
        open_camera("mm:device=Cam")
    open_camera("mm:device=Camera,Gain=2").close()


def test_a_process_ends_cleanly_with_a_camera_that_runs():
    code = (
        "from pyramidion.instruments import open_camera\n"
        "c = open_camera('mm:exposure=0.001'); c.start(8); import time; time.sleep(0.1)"
    )
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")
