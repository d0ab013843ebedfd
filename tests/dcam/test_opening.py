"""Finding the library and the cameras, and every way in which that fails."""

import ctypes.util
import os
import subprocess
import sys

import pytest
from tests.dcam import LIBRARY

from pyramidion.core import CameraError, UsageError
from pyramidion.instruments import camera_kinds, open_camera
from pyramidion.instruments._dcam.library import load_library
from pyramidion.instruments.dcam import CAMERA, DcamCamera


def refused(address="dcam:0", kind=CameraError):
    with pytest.raises(kind) as caught:
        open_camera(address)
    return caught.value


def log_of(path):
    return path.read_text().split() if path.exists() else []


def test_it_is_one_of_the_kinds():
    assert CAMERA in camera_kinds()


# --- the library


def test_no_library(monkeypatch, tmp_path):
    monkeypatch.setenv(LIBRARY, str(tmp_path / "libdcamapi.so"))
    error = refused()
    assert error.id == "PYR-CAM-01"
    assert "DCAM library not found (looked for " in error.line
    assert "PYRAMIDION_DCAM_LIBRARY" in error.line
    assert "libdcamapi.so" in CAMERA.why_not()
    assert list(CAMERA.found()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="the usual names of Linux")
def test_the_usual_names_are_tried(monkeypatch):
    monkeypatch.delenv(LIBRARY, raising=False)
    if ctypes.util.find_library("dcamapi"):
        pytest.skip("the real library is installed")
    assert "looked for libdcamapi.so, libdcamapi.so.4)" in refused().line


def test_there_is_none_for_macos(monkeypatch):
    monkeypatch.delenv(LIBRARY, raising=False)
    monkeypatch.setattr(sys, "platform", "darwin")
    assert "DCAM library not found (there is none for macOS)" in refused().line


def test_a_file_that_is_no_library(monkeypatch, tmp_path):
    path = tmp_path / "libdcamapi.so"
    path.write_text("not a library")
    monkeypatch.setenv(LIBRARY, str(path))
    error = refused()
    assert error.line.startswith("dcam: DCAM library not found (looked for ")
    assert "\n" not in error.line


def test_another_library(monkeypatch):
    monkeypatch.setenv(LIBRARY, ctypes.util.find_library("m") or "libm.so.6")
    assert "DCAM library not found" in refused().what
    assert "dcamapi_init" in str(refused().value)


@pytest.mark.usefixtures("plug")
def test_it_works_after_it_failed(monkeypatch, tmp_path):
    with monkeypatch.context() as other:
        other.setenv(LIBRARY, str(tmp_path / "none.so"))
        assert CAMERA.why_not()
    assert CAMERA.why_not() == ""
    open_camera("dcam:0").close()


# --- the cameras


def test_cameras_are_listed(plug):
    plug(cameras=3)
    assert list(CAMERA.found()) == [(str(k), f"C15550-20UP {500123 + k}") for k in range(3)]


def test_cameras_are_listed_by_opening_where_their_index_is_no_handle(plug):
    plug(cameras=2, strings=0)
    assert list(CAMERA.found()) == [(str(k), f"C15550-20UP {500123 + k}") for k in range(2)]
    with_one_open = DcamCamera(1)
    assert [said for _, said in CAMERA.found()] == ["C15550-20UP 500123", "in use by another program"]  # fmt: skip
    with_one_open.close()


def test_no_camera_is_no_fault_of_the_list(plug, tmp_path):
    plug(cameras=0, log=tmp_path / "log")
    assert list(CAMERA.found()) == []
    assert log_of(tmp_path / "log") == ["dcamapi_init", "dcamapi_uninit"]
    error = refused()
    assert (error.id, error.where, error.value) == ("PYR-CAM-02", "camera 0", "0 found")
    assert load_library().n_cameras == 0


def test_a_camera_that_is_not_there(plug):
    plug(cameras=2, model="C13440-20CU")
    error = refused("dcam:7")
    assert error.id == "PYR-CAM-02"
    assert error.line.startswith(
        "camera 7: not there (2 found: 0 C13440-20CU 500123, 1 C13440-20CU 500124)"
    )


def test_a_bare_number_is_a_dcam_camera(plug):
    plug(cameras=2)
    camera = open_camera("1")
    assert camera.spec().camera == "C15550-20UP 500124"
    camera.close()


@pytest.mark.parametrize("rest", ["x", "-1", "1.5", "0,1", "999999999"])
@pytest.mark.usefixtures("plug")
def test_not_a_number(rest):
    error = refused(f"dcam:{rest}", UsageError)
    assert (error.id, error.status) == ("PYR-CAM-02", 2)


def test_a_camera_in_use(plug):
    plug(cameras=2)
    camera = open_camera("dcam:1")
    error = refused("dcam:1")
    assert (error.where, error.what, error.id) == ("camera 1", "in use by another program", "PYR-CAM-03")  # fmt: skip
    open_camera("dcam:0").close()
    camera.close()
    open_camera("dcam:1").close()


def test_a_camera_in_use_by_another_process(plug, tmp_path):
    plug(lock=tmp_path / "lock")
    program = "import sys; from pyramidion.instruments import open_camera; c = open_camera('0'); print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        other.stdout.readline()
        assert refused().what == "in use by another program"
        other.stdin.close()
        other.wait(10)
    open_camera("dcam:0").close()


@pytest.mark.parametrize(
    ("failure", "line", "id_"),
    [
        ("dcamapi_init:80000207", "camera 0: frame grabber not found", "PYR-CAM-04"),
        ("dcamapi_init:80000205", "camera 0: driver not found", "PYR-CAM-04"),
        ("dcamapi_init:80000204", "camera 0: driver module not found", "PYR-CAM-04"),
        ("dcamapi_init:b0000001", "camera 0: still starting", "PYR-CAM-04"),
        ("dcamdev_open:80000110", "camera 0: in use by another program", "PYR-CAM-03"),
        ("dcamdev_open:82001001", "camera 0: dcamdev_open failed (FAILOPENCAMERA)", "PYR-CAM-00"),
        ("dcamdev_open:80001234", "camera 0: dcamdev_open failed (error 0x80001234)", "PYR-CAM-00"),
        ("dcamprop_getnextid:83001002", "camera 0: dcamprop_getnextid failed (Reading from the camera failed)", "PYR-CAM-00"),
        ("dcamprop_getname:83001002", "camera 0: dcamprop_getname failed", "PYR-CAM-00"),
        ("dcamprop_getvalue:80000f07", "camera 0: not connected", "PYR-ACQ-04"),
    ],
)  # fmt: skip
def test_failures_while_opening(plug, tmp_path, failure, line, id_):
    plug(fail=failure, log=tmp_path / "log")
    error = refused()
    assert error.line.startswith(line)
    assert error.id == id_
    names = log_of(tmp_path / "log")
    assert names.count("dcamapi_init") == names.count("dcamapi_uninit") == 1
    assert ("dcamdev_close" in names) == (not failure.startswith(("dcamapi", "dcamdev_open")))
    os.environ.pop("DCAM_STUB_FAIL")
    open_camera("dcam:0").close()


def test_a_missing_driver_is_told_when_cameras_are_listed(plug):
    plug(fail="dcamapi_init:80000207")
    with pytest.raises(CameraError, match="frame grabber not found"):
        list(CAMERA.found())


def test_a_camera_without_texts_or_capability_works(open_dcam):
    camera = open_dcam(fail="dcamdev_getstring:80000f03,dcamdev_getcapability:80000f03")
    assert camera.spec().camera == "DCAM camera"
    assert camera.spec().properties["stamps"] == "none"
    assert "model" not in camera.spec().properties


def test_the_library_is_initialised_once_for_all(plug, tmp_path):
    plug(cameras=2, log=tmp_path / "log")
    first, second = DcamCamera(0), DcamCamera(1)
    assert len(list(CAMERA.found())) == 2
    first.close()
    second.close()
    second.close()
    assert log_of(tmp_path / "log") == [
        "dcamapi_init", "dcamdev_open", "dcamdev_open", "dcamdev_close", "dcamdev_close", "dcamapi_uninit",
    ]  # fmt: skip


# --- starting and stopping

RUN = ["dcamwait_open", "dcambuf_alloc", "dcamcap_start", "dcamcap_stop", "dcambuf_release", "dcamwait_close"]  # fmt: skip
OPEN, CLOSE = ["dcamapi_init", "dcamdev_open"], ["dcamdev_close", "dcamapi_uninit"]


def test_everything_is_undone_in_order(open_dcam, tmp_path):
    camera = open_dcam(log=tmp_path / "log")
    camera.start(8)
    camera.close()
    assert log_of(tmp_path / "log") == [*OPEN, *RUN, *CLOSE]


@pytest.mark.parametrize("failing", [*RUN[3:], *CLOSE])
def test_every_step_is_undone_even_if_one_fails(open_dcam, tmp_path, failing):
    camera = open_dcam(log=tmp_path / "log", fail=f"{failing}:83001003")
    camera.start(8)
    camera.close()
    assert log_of(tmp_path / "log") == [*OPEN, *RUN, *CLOSE]


@pytest.mark.parametrize(
    ("failing", "undone"),
    [
        ("dcamwait_open", ["dcamwait_open"]),
        ("dcambuf_alloc", ["dcamwait_open", "dcambuf_alloc", "dcamwait_close"]),
        ("dcamcap_start", ["dcamwait_open", "dcambuf_alloc", "dcamcap_start", "dcambuf_release", "dcamwait_close"]),
    ],
)  # fmt: skip
def test_a_start_that_fails_leaves_the_camera_idle(open_dcam, tmp_path, failing, undone):
    camera = open_dcam(log=tmp_path / "log", fail=f"{failing}@1:80000101")
    with pytest.raises(CameraError) as caught:
        camera.start(8)
    assert caught.value.line == f"camera 0: {failing} failed (The camera is busy)"
    assert log_of(tmp_path / "log") == [*OPEN, *undone]
    camera.start(8)


def test_not_enough_memory_for_buffers(open_dcam):
    camera = open_dcam(width=4096, height=2304, memory=1 << 30)
    with pytest.raises(CameraError) as caught:
        camera.start(512)
    assert caught.value.line == "camera 0: refused 512 buffers (9.66 GB): lower --buffers"
    assert caught.value.id == "PYR-CAM-07"


def test_more_buffers_than_the_library_can_count(open_dcam):
    with pytest.raises(CameraError, match="refused 5000000000 buffers"):
        open_dcam().start(5_000_000_000)


def test_it_is_started_once(open_dcam):
    camera = open_dcam()
    camera.start(8)
    with pytest.raises(UsageError):
        camera.start(8)
