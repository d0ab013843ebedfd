"""Command lines of dcam2zarr, as its own text writes them, with the stand-in for the DCAM library."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request

import numpy as np
import pytest
import zarr
from tests.bad_input.test_acquire_config import README
from tests.cli_runner import CLI, fail, run, succeed
from tests.dcam import build_stub, numbers_in, stub_environment, why_no_stub

from pyramidion.cli.compat.dcam2zarr import rewritten

WIDTH, HEIGHT = 128, 96


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    if reason := why_no_stub():
        pytest.skip(reason)
    return build_stub(tmp_path_factory.mktemp("dcam"))


@pytest.fixture
def plugged(library):
    """Return a function that gives the environment with a camera in it."""
    return lambda **settings: stub_environment(
        library, **{"width": WIDTH, "height": HEIGHT, "fps": 1000} | settings
    )


@pytest.fixture
def environment(plugged):
    return plugged()


def frames_of(store, n_frames):
    """Return the array ``frames`` after a look at every frame of it."""
    frames = zarr.open_group(store, mode="r")["frames"]
    assert frames.shape == (n_frames, HEIGHT, WIDTH)
    assert frames.dtype == np.uint16
    pixels = frames[:]
    for n, frame in enumerate(pixels):
        np.testing.assert_array_equal(numbers_in(frame), n)
    return frames


def test_with_arguments(tmp_path, environment):
    """`dcam2zarr 0 --output test.zarr --frames 1000 --chunk-t 128 --chunk-x 32`."""
    told = succeed(
        "dcam2zarr", "0", "--output", "test.zarr", "--frames", "1000", "--chunk-t", "128",
        "--chunk-x", "32", cwd=tmp_path, env=environment,
    )  # fmt: skip
    frames = frames_of(tmp_path / "test.zarr", 1000)
    assert frames.chunks == (128, HEIGHT, 32)
    for figure in ("Frames: 1000", "Lost: 0", "Bytes: ", "Bytes on disk: ", "Compression ratio: ", "Time: ", "Throughput: "):  # fmt: skip
        assert re.search(rf"^{figure}", told, re.MULTILINE)
    assert "Live at" not in told


def test_with_its_configuration(tmp_path, environment):
    """`dcam2zarr --config config.json --frames 500 --output test.zarr`, shorter."""
    (tmp_path / "config.json").write_text(README.replace("8080", "0"))
    told = succeed(
        "dcam2zarr", "--config", "config.json", "--frames", "70", "--output", "test.zarr",
        cwd=tmp_path, env=environment,
    )  # fmt: skip
    frames = frames_of(tmp_path / "test.zarr", 70)
    assert frames.chunks == (64, HEIGHT, WIDTH)
    assert frames.shards == (64, HEIGHT, WIDTH)
    assert frames.compressors == () or "zstd" in repr(frames.compressors)
    assert "config.json: max_frames (null): --frames 70 wins" in told
    assert "config.json: output_path (data.zarr): --output test.zarr wins" in told
    assert "for those who have its token. On this machine it needs none." in told


def test_with_its_configuration_alone(tmp_path, environment):
    """`dcam2zarr --config config.json`, until Ctrl-C; meanwhile its client looks at frames."""
    (tmp_path / "config.json").write_text(README.replace("8080", "0"))
    process = subprocess.Popen(
        [*CLI, "dcam2zarr", "--config", "config.json"], cwd=tmp_path, text=True,
        env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        told = [line for line in iter(process.stdout.readline, "Ctrl-C ends it.\n") if line]
        port = re.search(r":(\d+)/viewer#token=", "".join(told))[1]
        url = f"http://localhost:{port}"
        # The client that is printed in the original's text; it knows no token.
        with urllib.request.urlopen(f"{url}/info") as answer:
            assert json.load(answer)["dtype"] == "uint16"
        wait_for_frame(url)
        with urllib.request.urlopen(f"{url}/latest?x=32&y=10&w=64&h=32") as answer:
            shape = tuple(map(int, answer.headers["X-Frame-Shape"].split(",")))
            dtype = np.dtype(answer.headers["X-Frame-Dtype"])
            frame = np.frombuffer(answer.read(), dtype=dtype).reshape(shape)
        assert frame.shape == (32, 64)
        while json.load(urllib.request.urlopen(f"{url}/info"))["frames_stored"] == 0:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        report, error = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "stopped: stored 0.." in error
    frames_of(tmp_path / "data.zarr", int(re.search(r"^Frames: (\d+)", report, re.MULTILINE)[1]))


def wait_for_frame(url):
    with urllib.request.urlopen(f"{url}/latest?wait=10000", timeout=20) as answer:
        assert len(answer.read()) == HEIGHT * WIDTH * 2


def test_chunks_are_chosen_where_nothing_is_said(tmp_path, environment):
    succeed("dcam2zarr", "0", "--frames", "5", cwd=tmp_path, env=environment)
    assert frames_of(tmp_path / "output.zarr", 5).chunks == (1, HEIGHT, WIDTH)
    succeed("dcam2zarr", "0", "--frames", "5", "--chunk-x", "64", "--output", "b.zarr", cwd=tmp_path, env=environment)  # fmt: skip
    assert frames_of(tmp_path / "b.zarr", 5).chunks == (64, HEIGHT, 64)


def test_levels_have_its_names(tmp_path, environment):
    config = {
        "camera_index": 0, "output_path": "$STORE/a.zarr", "max_frames": 5,
        "multiscale": {"enabled": True, "method": "max"},
    }  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(config))
    large = {**environment, "DCAM_STUB_WIDTH": "640", "DCAM_STUB_HEIGHT": "512"}
    succeed("dcam2zarr", "--config", "config.json", cwd=tmp_path, env={**large, "STORE": str(tmp_path)})  # fmt: skip
    frames = zarr.open_group(tmp_path / "a.zarr", mode="r")["frames"]
    full, half = frames["0"][:], frames["1"][:]
    assert full.shape == (5, 512, 640)
    np.testing.assert_array_equal(half, full.reshape(5, 256, 2, 320, 2).max(axis=(2, 4)))


def test_what_is_there_is_replaced_only_if_it_is_ours(tmp_path, environment):
    for n_frames in (7, 5):
        done = run("dcam2zarr", "0", "--frames", n_frames, cwd=tmp_path, env=environment)
        assert done.returncode == 0, done.stderr
        assert ("replacing output.zarr" in done.stderr) == (n_frames == 5)
        frames_of(tmp_path / "output.zarr", n_frames)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/thesis.tex").write_text("precious")
    done = run("dcam2zarr", "0", "--output", "data", "--frames", "3", cwd=tmp_path, env=environment)
    assert done.returncode == 2
    assert (tmp_path / "data/thesis.tex").read_text() == "precious"


def test_dummy(tmp_path):
    """The simulated camera; the flag used to need a value."""
    for value in ([], ["True"]):
        told = succeed("dcam2zarr", "--dummy", *value, "--frames", "2", "--output", f"{len(value)}.zarr", cwd=tmp_path)  # fmt: skip
        assert "Simulated camera: frames of 2304 x 4096 uint16" in told
        assert zarr.open_group(tmp_path / f"{len(value)}.zarr", mode="r")["frames"].shape[0] == 2


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        (["0", "--dummy", "1"], ["0", "--dummy"]),
        (["--dummy", "--frames", "2"], ["--dummy", "--frames", "2"]),
        (["--dummy=yes", "0"], ["--dummy", "0"]),
        (["--dummy", "False", "0"], ["0"]),
        (["0", "--dummy"], ["0", "--dummy"]),
    ],
)
def test_dummy_as_it_was_typed(typed, read):
    assert rewritten(["dcam2zarr", *typed]) == ["dcam2zarr", *read]
    assert rewritten(["serve", *typed]) == ["serve", *typed]


def test_ls_cams(tmp_path, plugged):
    told = succeed("ls_cams", cwd=tmp_path, env=plugged(cameras=2))
    lines = told.splitlines()
    assert lines[0] == "Found 2 camera(s):"
    assert re.fullmatch(r"\[0\] C15550-20UP \(.+\)", lines[1])
    assert lines[2].startswith("[1] ")
    assert succeed("ls_cams", env=plugged(cameras=0)) == "Found 0 camera(s):\n"


def test_installed_programs(tmp_path, environment):
    """Both are entry points of the package."""
    for name, arguments in (("main", ["dcam2zarr", "0", "--frames", "3"]), ("main_ls_cams", ["ls_cams"])):  # fmt: skip
        code = f"from pyramidion.cli.compat.dcam2zarr import {name}; {name}()"
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments[1:]], cwd=tmp_path, text=True,
            env={**os.environ, **environment}, capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    frames_of(tmp_path / "output.zarr", 3)


def test_cameras_lists_them(plugged):
    told = json.loads(succeed("cameras", "dcam", "--json", env=plugged(cameras=2)))
    (kind,) = told["kinds"]
    assert [camera["address"] for camera in kind["cameras"]] == ["dcam:0", "dcam:1"]
    properties = succeed("cameras", "dcam:0", env=plugged())
    assert re.search(r"^  exposure +\S+ s +\S+ to \S+", properties, re.MULTILINE)


# -- what goes wrong ---------------------------------------------------------------------------


def test_cam_01_no_library(tmp_path):
    missing = {"PYRAMIDION_DCAM_LIBRARY": str(tmp_path / "libdcamapi.so")}
    words = ["DCAM library not found", "install DCAM-API"]
    fail("dcam2zarr", "0", status=1, words=words, cwd=tmp_path, env=missing)
    fail("ls_cams", status=1, words=words, cwd=tmp_path, env=missing)
    assert not list(tmp_path.iterdir())


def test_cam_02_no_such_camera(tmp_path, plugged):
    words = ["7", "not there (2 found: 0 C15550-20UP"]
    fail("dcam2zarr", "7", status=1, words=words, cwd=tmp_path, env=plugged(cameras=2))
    fail("dcam2zarr", "-1", status=2, words="-1", cwd=tmp_path, env=plugged())
    fail("dcam2zarr", "x", status=2, words="CAMERA_INDEX: not a whole number (x)", cwd=tmp_path)
    fail("dcam2zarr", status=2, words="CAMERA: missing", cwd=tmp_path)


def test_cam_03_in_use(tmp_path, plugged):
    environment = plugged(lock=tmp_path / "lock")
    command = [*CLI, "acquire", "dcam:0", "--no-live", "--stats", "none"]
    first = subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True)  # fmt: skip
    try:
        assert "frames of" in first.stdout.readline()
        words = "in use by another program"
        fail("dcam2zarr", "0", status=1, words=words, cwd=tmp_path, env=environment)
    finally:
        first.terminate()
        assert first.wait(30) == 143
        first.stdout.close()


@pytest.mark.parametrize(
    ("row", "settings", "arguments", "words"),
    [
        ("04", {"fail": "dcamapi_init:0x80000207"}, [], "frame grabber not found"),
        ("07", {"memory": 1000}, ["--buffers", "512"], "512 buffers"),
        ("08", {"hang": 50}, [], "does not answer for 10 s"),
    ],
)
def test_cam_04_07_08(tmp_path, plugged, row, settings, arguments, words):
    del row
    environment = plugged(**settings)
    done = run(
        "acquire", "dcam:0", "-o", "a.zarr", "--no-live", "--stats", "none", *arguments,
        cwd=tmp_path, env=environment,
    )  # fmt: skip
    assert done.returncode == 1, (done.stdout, done.stderr)
    assert words in done.stderr
    assert len(done.stderr.splitlines()) <= 2


def test_the_configuration_is_checked(tmp_path):
    (tmp_path / "config.json").write_text('{\n "camera_index": 0,\n "chunking": {"t": "64"},\n}')
    words = "config.json:3:25: not valid JSON (`,` before `}`)"
    fail("dcam2zarr", "--config", "config.json", status=2, words=words, cwd=tmp_path)
    (tmp_path / "config.json").write_text('{"camera_index": 0, "chunking": {"tt": 64}}')
    words = "config.json: chunking.tt unknown: did you mean chunking.t?"
    fail("dcam2zarr", "--config", "config.json", status=2, words=words, cwd=tmp_path)
