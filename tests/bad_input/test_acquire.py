"""The rows ACQ and CAM of the bad-input catalogue, and those of its common rows that `acquire` adds to.

The rows CFG that one needs the whole program for are here too; the others are in
``test_acquire_config.py``. Rows of the DCAM library are in ``tests/cli/test_dcam2zarr.py``.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys

import pytest
import zarr
from tests.cli_runner import fail, run

pytestmark = pytest.mark.slow

SIM = "sim:width=64,height=48,rate=500"
QUIET = ("--no-live", "--stats", "none")


def refuse(*arguments, words, status=2, cwd, **options):
    """Expect one line, the status, and that nothing was made."""
    before = {path: path.stat().st_mtime_ns for path in cwd.rglob("*")}
    line = fail("acquire", *arguments, *QUIET, status=status, words=words, cwd=cwd, **options)
    assert {path: path.stat().st_mtime_ns for path in cwd.rglob("*")} == before
    return line


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--frames", "1,000"], "--frames: not a whole number (1,000): write 1000"),
        (["--frames", "0"], "--frames: at least 1 (0)"),
        (["--frames", "-1"], "--frames: at least 1 (-1)"),
        (["--frames", ""], "--frames: empty"),
        (["-o", ""], "--output: empty"),
        (["--duration", "3 weeks"], "--duration: not a time (3 weeks): write for example"),
        (["--duration", "0"], "--duration: must be above 0 s (0)"),
        (["--exposure", "soon"], "--exposure: not a time (soon)"),
        (["--roi", "1,2,3"], "--roi: not a region (1,2,3): write X,Y,WIDTH,HEIGHT"),
        (["--rate", "-1"], "--rate: must be above 0 (-1)"),
        (["--set", "gain"], "--set: not a setting (gain): write NAME=VALUE"),
        (["--chunk", "1,2"], "--chunk: 3 numbers needed (1,2): write T,Y,X"),
        (["--chunk-t", "0"], "--chunk-t: at least 1 (0)"),
        (["--chunk-t", "64.5"], "--chunk-t: not a whole number (64.5)"),
        (["--shard-x", "x"], "--shard-x: not a whole number (x)"),
        (["--compression", "gzip"], "--compression: unknown (gzip)"),
        (["--levels", "decimate"], "--levels: one of mean, min, max, none (decimate)"),
        (["--levels-when", "later"], "--levels-when: one of recording, end (later)"),
        (["--writer", "cat"], "--writer: one of pyramidion, acquire-zarr (cat)"),
        (["--ring", "4mb2"], "--ring: not a size (4mb2): write for example 4MB or 4MiB"),
        (["--reserve", "-1"], "--reserve: not a size (-1)"),
        (["--buffers", "0"], "--buffers: at least 1 (0)"),
        (["--when-full", "block"], "--when-full: one of drop, stop (block)"),
        (["--timeout", "no"], "--timeout: not a time (no)"),
        (["--workers", "0"], "--workers: 1 to 1024 (0)"),
        (["--stats", "loud"], "--stats: one of text, json, none (loud)"),
        (["--overwrite", "--resume"], "--resume: contradicts --overwrite"),
        (["--chunck-t", "1"], "--chunck-t: unknown option: did you mean --chunk-t?"),
    ],
)
def test_options(tmp_path, arguments, words):
    given = arguments if "-o" in arguments else ["-o", "a.zarr", *arguments]
    before = sorted(tmp_path.iterdir())
    if "--stats" in arguments:
        fail("acquire", SIM, *given, status=2, words=words, cwd=tmp_path)
    else:
        refuse(SIM, *given, words=words, cwd=tmp_path)
    assert sorted(tmp_path.iterdir()) == before


def test_resume_needs_a_store(tmp_path):
    refuse(SIM, "--resume", words="--resume: needs the store: name it with -o", cwd=tmp_path)


def test_no_camera(tmp_path):
    refuse("-o", "a.zarr", words="CAMERA: missing: name one, as sim: or dcam:0", cwd=tmp_path)


def test_cam_02_no_such_kind(tmp_path):
    refuse("sin:", "-o", "a.zarr", words=["not a camera (sin:): did you mean sim:?"], cwd=tmp_path)


def test_cam_01_no_library(tmp_path):
    refuse(
        "dcam:0", "-o", "a.zarr", status=1, cwd=tmp_path,
        words=["DCAM library not found", "install"],
        env={"PYRAMIDION_DCAM_LIBRARY": str(tmp_path / "libdcamapi.so")},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--exposure", "20"], "exposure: 0.001 to 10 s (20)"),
        (["--exposure", "1ms", "--set", "gain=2"], "gain: not a property of this camera"),
        (["--set", "bit_depth=8"], "bit_depth: cannot be set (read only)"),
        (["--pixel-type", "uint15"], "pixel_type: one of uint8, uint16"),
        (["--binning", "3"], "binning: one of"),
    ],
)
def test_cam_05_properties(tmp_path, arguments, words):
    refuse(SIM, "-o", "a.zarr", *arguments, words=words, cwd=tmp_path)


def test_cam_06_region(tmp_path):
    camera = "sim:width=2048,height=64"
    words = "roi.width: multiple of 4 (1001): 1000 or 1004"
    refuse(camera, "-o", "a.zarr", "--roi", "0,0,1001,64", words=words, cwd=tmp_path)


# -- the store ---------------------------------------------------------------------------------


def test_all_06_and_07_what_is_there_stays(tmp_path):
    (tmp_path / "home.zarr").mkdir()
    (tmp_path / "home.zarr/thesis.tex").write_text("precious")
    words = ["home.zarr: already exists", "--overwrite"]
    refuse(SIM, "-o", "home.zarr", "--frames", "3", words=words, cwd=tmp_path)
    words = "home.zarr: refusing to replace (not a dataset): remove it yourself"
    refuse(SIM, "-o", "home.zarr", "--frames", "3", "--overwrite", words=words, cwd=tmp_path)
    assert (tmp_path / "home.zarr/thesis.tex").read_text() == "precious"


def test_all_08_parents(tmp_path):
    words = ["parent folder does not exist", "--parents"]
    refuse(SIM, "-o", "deep/er/a.zarr", "--frames", "3", words=words, cwd=tmp_path)
    # Folders that were made for a recording that did not begin go again.
    refuse(
        SIM, "-o", "deep/er/a.zarr", "--parents", "--exposure", "20",
        words="exposure", cwd=tmp_path,
    )  # fmt: skip
    done = run("acquire", SIM, "-o", "deep/er/a.zarr", "--parents", "--frames", "3", *QUIET, cwd=tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert zarr.open_group(tmp_path / "deep/er/a.zarr", mode="r")["0"].shape == (3, 48, 64)


def test_all_11_not_enough_space(tmp_path):
    words = ["a.zarr: needs ", " free: free space or use --force"]
    camera = "sim:width=65536,height=8192"
    refuse(camera, "-o", "a.zarr", "--frames", "1e7", "--compression", "raw", words=words, status=1, cwd=tmp_path)  # fmt: skip


def test_cfg_06_chunk_larger_than_the_frame(tmp_path):
    words = "--chunk-x: 65 px exceeds the frame (64 px)"
    refuse(SIM, "-o", "a.zarr", "--chunk-x", "65", words=words, cwd=tmp_path)
    config = {"chunking": {"x": 32}, "sharding": {"x": 3}}
    (tmp_path / "cfg.json").write_text(json.dumps(config))
    words = "cfg.json: sharding.x: 3 x 32 px exceeds the frame (64 px)"
    refuse(SIM, "-o", "a.zarr", "--config", "cfg.json", words=words, cwd=tmp_path)


def test_cam_05_of_a_configuration(tmp_path):
    (tmp_path / "cfg.json").write_text('{"camera": "sim:", "settings": {"exposure": 20}}')
    words = "cfg.json: settings.exposure: 0.001 to 10 s (20)"
    refuse("--config", "cfg.json", words=words, cwd=tmp_path)


def test_cfg_07_the_option_wins(tmp_path):
    config = {"camera": SIM, "max_frames": 1000, "output_path": "b.zarr", "settings": {"rate": 9}}
    (tmp_path / "cfg.json").write_text(json.dumps(config))
    done = run(
        "acquire", "--config", "cfg.json", "--frames", "7", "-o", "a.zarr", "--rate", "300",
        *QUIET, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for line in (
        "cfg.json: max_frames (1000): --frames 7 wins",
        "cfg.json: output_path (b.zarr): --output a.zarr wins",
        "cfg.json: settings.rate (9): --rate 300 wins",
    ):
        assert line in done.stdout.splitlines()
    assert zarr.open_group(tmp_path / "a.zarr", mode="r")["0"].shape[0] == 7
    assert not (tmp_path / "b.zarr").exists()


def test_cfg_09_every_fault_has_its_line(tmp_path):
    (tmp_path / "cfg.json").write_text('{"tt": 1, "max_frames": "5", "camera_index": -1}')
    done = run("acquire", "--config", "cfg.json", "-o", "a.zarr", cwd=tmp_path)
    assert done.returncode == 2
    lines = done.stderr.splitlines()
    assert len(lines) == 3
    assert all(line.startswith("pyramidion acquire: error: cfg.json: ") for line in lines)
    debug = run("acquire", "--config", "cfg.json", "--debug", cwd=tmp_path).stderr
    for identifier in ("PYR-CFG-02", "PYR-CFG-04", "PYR-CFG-05"):
        assert f"[{identifier}]" in debug


def test_cfg_11_more_memory_than_there_is(tmp_path):
    camera = "sim:width=16384,height=16384"
    words = ["--ring: buffers ", " of ", "--ring"]
    fail("acquire", camera, "--ring", "10tb", *QUIET, status=2, words=words, cwd=tmp_path)


def test_cfg_12_a_camera_faster_than_the_disk(tmp_path):
    camera = "sim:width=4096,height=2304,rate=2000"
    arguments = ("-o", "a.zarr", "--frames", "1", "--compression", "raw", *QUIET)
    done = run("acquire", camera, *arguments, cwd=tmp_path)
    assert done.returncode in (0, 1)
    line = r"pyramidion acquire: warning: the camera gives 37.7 GB/s, the disk takes [\d.]+ [kMG]B/s: frames drop after 0.0\d+ s"  # fmt: skip
    assert re.fullmatch(line, done.stderr.splitlines()[0])
    assert sorted(path.name for path in tmp_path.iterdir() if path.name[0] != ".") == ["a.zarr"]


# -- the server --------------------------------------------------------------------------------


def test_srv_01_port_in_use(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        words = [f"--port: {port} in use by process {os.getpid()}", "--port 0"]
        fail("acquire", SIM, "--port", port, status=1, words=words, cwd=tmp_path)
    fail("acquire", SIM, "--port", "70000", status=2, words="--port: 0 to 65535", cwd=tmp_path)


def test_srv_03_and_04_tokens(tmp_path):
    words = "--cors: `*` cannot be used with a token: name the origins"
    fail("acquire", SIM, "--cors", "*", "--token", "abc", status=2, words=words, cwd=tmp_path)
    words = "--no-token: refusing to serve other machines without a token"
    fail("acquire", SIM, "--host", "0.0.0.0", "--no-token", status=2, words=words, cwd=tmp_path)


def test_cfg_10_an_old_host_gets_a_token(tmp_path):
    config = {"camera": SIM, "http_server": {"enabled": True, "host": "0.0.0.0", "port": 0}}
    (tmp_path / "cfg.json").write_text(json.dumps(config))
    done = run("acquire", "--config", "cfg.json", "--frames", "5", "--stats", "none", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "for those who have its token" in done.stdout
    assert "/viewer#token=" in done.stdout


# -- running -----------------------------------------------------------------------------------


def broken(*arguments, words, cwd, camera=SIM, good=None):
    """Expect a recording that ends with status 1, says why, and what is good."""
    done = run("acquire", camera, "-o", "a.zarr", *arguments, *QUIET, cwd=cwd)
    assert done.returncode == 1, (done.stdout, done.stderr)
    lines = [line for line in done.stderr.splitlines() if line.startswith("pyramidion ")]
    assert 1 <= len(lines) <= 2
    assert lines[0].startswith("pyramidion acquire: error: ")
    for word in words:
        assert word in lines[0], lines
    if good:
        assert good in lines[1], lines
    return done


def test_acq_04_unplugged(tmp_path):
    broken(
        camera=f"{SIM},unplug_at=50", words=["camera lost after frame 50"],
        good="stored 0..49", cwd=tmp_path,
    )  # fmt: skip
    group = zarr.open_group(tmp_path / "a.zarr", mode="r")
    assert group["0"].shape[0] == 50
    assert group["frame_number"][:].tolist() == list(range(50))


def test_acq_05_nothing_comes(tmp_path):
    words = ["no frame for ", "(trigger: external): check the trigger"]
    broken("--trigger", "external", "--timeout", "500ms", words=words, cwd=tmp_path)
    assert not (tmp_path / "a.zarr").exists()


def test_acq_06_lost_frames_are_counted(tmp_path):
    arguments = ("--frames", "100", "--json")
    camera = f"{SIM},lose=10"
    done = broken(*arguments, camera=camera, words=["frames lost (camera", "--allow-drops"], cwd=tmp_path)  # fmt: skip
    told = json.loads(done.stdout)
    assert told["frames_stored"] == 100
    assert told["lost_by_reason"] == {"camera": told["frames_camera"] - 100}
    assert told["error"]["id"] == "PYR-ACQ-06"
    group = zarr.open_group(tmp_path / "a.zarr", mode="r")
    numbers = group["frame_number"][:].tolist()
    missing = [n for first, count, _ in group["lost"][:].tolist() for n in range(first, first + count)]  # fmt: skip
    assert sorted([*numbers, *missing]) == list(range(told["frames_camera"]))

    again = run("acquire", camera, "-o", "b.zarr", *arguments, "--allow-drops", *QUIET, cwd=tmp_path)  # fmt: skip
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["error"] is None


def test_acq_12_stopped_before_the_first_frame(tmp_path):
    """An empty store is not left behind."""
    command = [sys.executable, "-m", "pyramidion", "acquire", SIM, "--trigger", "external"]
    process = subprocess.Popen(
        [*command, "-o", "a.zarr", "--timeout", "0", *QUIET],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert "Simulated" in process.stdout.readline()
    process.terminate()
    _, told = process.communicate(timeout=30)
    assert process.returncode == 143
    assert re.search(r"stopped: (no frame was stored|nothing was written)$", told.strip())
    assert not (tmp_path / "a.zarr").exists()
