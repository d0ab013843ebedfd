"""``pyramidion acquire`` and ``pyramidion cameras`` as they are typed."""

import contextlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import zarr
from tests.cli_runner import CLI, run, succeed

from pyramidion.cli._acquire_many import command_of, worst
from pyramidion.cli._acquire_statistics import Statistics, time_words
from pyramidion.cli._acquire_values import Typed, make_requests
from pyramidion.instruments.sim import numbers_in

SIM = "sim:width=64,height=48,rate=500"
QUIET = ("--no-live", "--stats", "none")


@contextlib.contextmanager
def started(*arguments, cwd, until="Ctrl-C ends it.", command="acquire"):
    """Start the program; yield it and what it said up to a line."""
    process = subprocess.Popen(
        [*CLI, command, *arguments], cwd=cwd, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    said = []
    try:
        for line in process.stdout:
            said.append(line.rstrip("\n"))
            if until in line:
                break
        yield process, said
    finally:
        process.kill()
        process.communicate()


def url_in(lines):
    return next(m[1] for m in map(re.compile(r"Live at (http://\S+)/viewer").search, lines) if m)


def info(url):
    with urllib.request.urlopen(f"{url}/info", timeout=60) as answer:
        return json.load(answer)


def wait_for(condition, seconds=60.0):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def check_store(path, n_frames=None):
    """Every frame is the one that it is said to be."""
    group = zarr.open_group(path, mode="r")
    frames, numbers = group["0"][:], group["frame_number"][:]
    assert len(frames) == len(numbers)
    assert n_frames in (None, len(frames))
    for frame, number in zip(frames, numbers, strict=True):
        assert (numbers_in(frame) == number).all()
    return group


# -- one camera --------------------------------------------------------------------------------


def test_it_records_and_says_so(tmp_path):
    told = succeed("acquire", SIM, "-o", "a.zarr", "--frames", "100", "--stats", "none", cwd=tmp_path)  # fmt: skip
    lines = told.splitlines()
    assert lines[0] == "Simulated camera: frames of 48 x 64 uint16 (6.14 kB), 500 frames/s"
    assert lines[1] == "Recording to a.zarr"
    assert lines[2].startswith("Live at http://127.0.0.1:")
    assert lines[3:5] == ["Frames: 100", "Lost: 0"]
    assert lines[-1] == "look at it: pyramidion view a.zarr"
    check_store(tmp_path / "a.zarr", 100)
    assert "100 voxels" not in succeed("verify", "a.zarr", cwd=tmp_path)


def test_as_json(tmp_path):
    done = run("acquire", SIM, "-o", "a.zarr", "--frames", "1e2", "--json", *QUIET, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["frames_camera"] == told["frames_stored"] == 100
    assert told["bytes"] == 100 * 48 * 64 * 2
    assert told["lost_by_reason"] == {}
    assert told["error"] is None
    assert "Recording to a.zarr" in done.stderr


def test_how_it_is_stored(tmp_path):
    succeed(
        "acquire", SIM, "-o", "a.zarr", "--frames", "40", "--chunk", "8,24,32", "--shard-t", "2",
        "--shard-y", "2", "--shard-x", "1", "--compression", "zstd:5", "--roi", "4,8,64,48",
        "--set", "width=128", "--set", "height=96", "--pixel-type", "uint8", "--exposure", "2ms",
        *QUIET, cwd=tmp_path,
    )  # fmt: skip
    group = check_store(tmp_path / "a.zarr", 40)
    assert group["0"].dtype == np.uint8
    assert (group["0"].chunks, group["0"].shards) == ((8, 24, 32), (16, 48, 32))
    assert group.attrs["pyramidion"]["properties"]["exposure"] == "0.002"


def test_levels(tmp_path):
    camera = "sim:width=640,height=512,rate=200"
    for when in ("recording", "end"):
        succeed(
            "acquire", camera, "-o", f"{when}.zarr", "--frames", "10", "--levels", "mean",
            "--levels-when", when, *QUIET, cwd=tmp_path,
        )  # fmt: skip
        group = check_store(tmp_path / f"{when}.zarr", 10)
        assert group["1"].shape == (10, 256, 320)
    both = [zarr.open_group(tmp_path / f"{w}.zarr", mode="r")["1"][:] for w in ("recording", "end")]
    np.testing.assert_array_equal(*both)


def test_duration(tmp_path):
    done = run("acquire", SIM, "-o", "a.zarr", "--duration", "500ms", "--json", *QUIET, cwd=tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    n_frames = json.loads(done.stdout)["frames_stored"]
    group = check_store(tmp_path / "a.zarr", n_frames)
    assert n_frames > 100
    # Frames that are fetched together have one time. Only what was fetched last may be late, and be
    # many frames, where the machine stood still.
    since = group["time_host"][:] - group["time_host"][0]
    assert since[since < since[-1]].max() < 0.51
    assert since[-1] > 0.45


def test_resume_and_overwrite(tmp_path):
    for arguments, n_frames in ([], 10), (["--resume"], 20), (["--overwrite"], 10):
        done = run("acquire", SIM, "-o", "a.zarr", "--frames", "10", *arguments, *QUIET, cwd=tmp_path)  # fmt: skip
        assert done.returncode == 0, done.stderr
        group = zarr.open_group(tmp_path / "a.zarr", mode="r")
        assert group["0"].shape[0] == n_frames


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_end_it_cleanly(tmp_path, number, status):
    with started(SIM, "-o", "a.zarr", "--stats", "none", cwd=tmp_path) as (process, said):
        url = url_in(said)
        wait_for(lambda: info(url)["frames_stored"] > 50)
        process.send_signal(number)
        told, error = process.communicate(timeout=30)
    assert process.returncode == status
    assert len(error.splitlines()) == 1
    n_frames = int(re.search(r"^Frames: (\d+)$", told, re.MULTILINE)[1])
    assert f"stopped: stored 0..{n_frames - 1}" in error
    check_store(tmp_path / "a.zarr", n_frames)


def test_looking_records_nothing(tmp_path):
    with started(SIM, "--stats", "none", cwd=tmp_path) as (process, said):
        assert "Nothing is recorded: name a store with -o to record." in said
        url = url_in(said)
        with urllib.request.urlopen(f"{url}/latest?wait=5000", timeout=10) as answer:
            assert len(answer.read()) == 48 * 64 * 2
        assert info(url)["store"] is None
        process.send_signal(signal.SIGINT)
        told, error = process.communicate(timeout=30)
    assert process.returncode == 130
    assert not error
    assert re.search(r"^Frames seen: \d+$", told, re.MULTILINE)
    assert not list(tmp_path.iterdir())


def test_acq_10_a_dead_preview_is_started_again(tmp_path):
    with started(SIM, "-o", "a.zarr", "--stats", "none", cwd=tmp_path) as (process, said):
        url = url_in(said)
        wait_for(lambda: info(url)["frames_stored"] > 50)
        os.kill(preview_of(process.pid), signal.SIGKILL)
        before = info(url)["frames_stored"]
        wait_for(lambda: info(url)["frames_stored"] > before)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 130
    check_store(tmp_path / "a.zarr")


def preview_of(pid):
    """Return the child with the lower priority."""
    children = []
    for child in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            fields = (child / "stat").read_text().rpartition(")")[2].split()
            if int(fields[1]) == pid and int(fields[16]) > 0:
                children.append(int(child.name))
    (found,) = children
    return found


def test_a_plan_writes_nothing(tmp_path):
    camera = "sim:width=4096,height=2304,rate=100"
    arguments = ("-o", "a.zarr", "--duration", "10s", "--levels", "mean", "--dry-run")
    plan = json.loads(succeed("acquire", camera, *arguments, "--json", cwd=tmp_path))
    frame_bytes = 4096 * 2304 * 2
    assert plan["frame"]["bytes"] == frame_bytes
    assert plan["ring_bytes"] == plan["ring_frames"] * frame_bytes <= 2**30
    store = plan["store"]
    assert store["frames"] == 1000
    assert [level["shape"] for level in store["levels"]][:2] == [[2304, 4096], [1152, 2048]]
    assert frame_bytes * 1.32 < store["bytes_out_per_second"] / 100 < frame_bytes * 1.35
    assert store["bytes_out_estimated"] == 1000 * store["frame_bytes_on_disk"]
    text = succeed("acquire", camera, *arguments, cwd=tmp_path)
    for words in ("0: 1000 x 2304 x 4096, chunk 1 x ", "1: 1000 x 1152 x 2048", "ring: 56 frames, 1.06 GB", "to write, about: 2.51 GB/s", "in all, about: 25", "room for: "):  # fmt: skip
        assert words in text, (words, text)
    assert not list(tmp_path.iterdir())
    assert "Nothing would be recorded" in succeed("acquire", SIM, "--dry-run", cwd=tmp_path)


def test_the_next_free_port_is_taken(tmp_path):
    with (
        started(SIM, "--stats", "none", cwd=tmp_path) as (_, first),
        started(SIM, "--stats", "none", cwd=tmp_path) as (_, second),
    ):
        assert url_in(first) != url_in(second)
        assert info(url_in(first))["pid"] != info(url_in(second))["pid"]


# -- what is said while it runs ------------------------------------------------------------------

STATUS = {"state": "recording", "frames_stored": 109, "frames_lost": 2, "fps": 109.0, "mb_s": 2e3}


@pytest.mark.parametrize("form", ["text", "json", "none"])
def test_statistics_each_second(tmp_path, form):
    began = time.monotonic()
    done = run("acquire", SIM, "-o", "a.zarr", "--duration", "2.5s", "--no-live", "--stats", form, cwd=tmp_path)  # fmt: skip
    took = time.monotonic() - began
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines()
    if form == "none":
        assert not lines
    else:  # never more often than once a second, however slow the machine
        assert 2 <= len(lines) <= took
    if form == "json":
        moments = [json.loads(line)["elapsed_s"] for line in lines]
        # A line that was late does not put off the next one, but the one after that.
        assert all(
            later - sooner > 0.99 for sooner, later in zip(moments, moments[2:], strict=False)
        )
    for line in lines:
        if form == "json":
            assert json.loads(line)["state"] == "recording"
        else:
            assert re.match(r"recording: \d+ frames, [\d.]+ frames/s, .*/s, 0 lost, ring \d+ % full", line)  # fmt: skip


def test_statistics_on_a_terminal_are_one_line(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    statistics = Statistics("text")
    for _ in range(3):
        statistics(STATUS)
    statistics({**STATUS, "state": "finished"})
    statistics.end()
    written = terminal.getvalue()
    assert "\n" not in written
    assert written.count("\rrecording: 109 frames, 109.0 frames/s, 2 GB/s, 2 lost") == 3
    assert written.endswith("\r\x1b[K")


@pytest.mark.parametrize(("seconds", "words"), [(0.4, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (1e30, "11574 d 1 h")])  # fmt: skip
def test_times_in_words(seconds, words):
    assert time_words(seconds) == words


# -- several cameras -----------------------------------------------------------------------------

FAST, SLOW = "sim:width=64,height=48,rate=400", "sim:width=32,height=16,rate=50,seed=1"


def test_several_cameras_at_once(tmp_path):
    done = run("acquire", FAST, SLOW, "-o", "both", "--duration", "1s", "--json", *QUIET, cwd=tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)["cameras"]
    assert [camera["address"] for camera in told] == [FAST, SLOW]
    stores = sorted(path.name for path in (tmp_path / "both").iterdir())
    assert stores == ["sim-width-32-height-16-rate-50-seed-1.zarr", "sim-width-64-height-48-rate-400.zarr"]  # fmt: skip
    groups = [check_store(tmp_path / camera["store"]) for camera in told]
    # One clock: what was taken at the same time has the same time, whoever wrote it down.
    starts = [group["time_host"][0] for group in groups]
    assert abs(starts[0] - starts[1]) < 5
    assert abs(starts[0] - time.time()) < 60
    assert f"{FAST}: Recording to both/sim-width-64-height-48-rate-400.zarr" in done.stderr


def test_several_cameras_with_names_of_their_own(tmp_path):
    done = run("acquire", SLOW, SLOW, "-o", "run-{camera}.zarr", "--frames", "5", *QUIET, cwd=tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    name = "run-sim-width-32-height-16-rate-50-seed-1"
    check_store(tmp_path / f"{name}.zarr", 5)
    check_store(tmp_path / f"{name}-2.zarr", 5)
    assert f"{SLOW}: Frames: 5" in done.stdout
    refused = run("acquire", SLOW, SLOW, "-o", "a.zarr", *QUIET, cwd=tmp_path)
    assert refused.returncode == 2
    assert "one store for several cameras (a.zarr): name a folder, or write {camera}" in refused.stderr  # fmt: skip


def test_the_worst_status_counts(tmp_path):
    done = run("acquire", SLOW, f"{FAST},lose=10", "-o", "both", "--frames", "20", *QUIET, cwd=tmp_path)  # fmt: skip
    assert done.returncode == 1
    assert f"{FAST},lose=10: pyramidion acquire: error: " in done.stderr
    assert (worst([0, 0]), worst([0, 2]), worst([130, 1]), worst([0, -11])) == (0, 2, 1, 1)


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)]
)
def test_all_cameras_stop_together(tmp_path, number, status):
    """And close their stores, however the program ends that started them."""
    arguments = (FAST, SLOW, "-o", "both", "--stats", "none")
    with started(*arguments, cwd=tmp_path, until="Ctrl-C ends it") as (process, said):
        while len([line for line in said if "Live at" in line]) < 2:
            said.append(process.stdout.readline())
        urls = [url_in([line]) for line in said if "Live at" in line]
        for url in urls:
            wait_for(lambda url=url: info(url)["frames_stored"] > 20)
        process.send_signal(number)
        process.wait(30)
    assert process.returncode == status
    for store in (tmp_path / "both").glob("[!.]*"):
        wait_for(lambda store=store: state_of(store) == "finished")
        check_store(store)


def state_of(store):
    return zarr.open_group(store, mode="r").attrs["pyramidion"]["state"]


def test_what_each_camera_is_told():
    typed = Typed(("dcam:0", "1"), {"--output": "o", "--port": "9000", "--frames": "5", "--set": ["a=b", "c=-1"], "--live": "yes", "--allow-drops": True})  # fmt: skip
    requests = make_requests(typed)
    assert command_of(requests[1], 1, typed)[1:] == [
        "-m", "pyramidion", "acquire", "1", "--frames=5", "--set=a=b", "--set=c=-1",
        "--allow-drops", "--output=o/dcam-1.zarr", "--parents", "--port=9001", "--live",
    ]  # fmt: skip


# -- demo ----------------------------------------------------------------------------------------


def test_the_demonstration_has_a_live_camera(tmp_path):
    for name in ("waveform.zarr", "brain.ome.zarr"):  # what is there is not made again
        succeed("generate", name, "--samples", "1e3", "--parents", cwd=tmp_path)
    arguments = ("--folder", str(tmp_path), "--port", "0", "--no-browser")
    with started(*arguments, cwd=tmp_path, command="demo", until="is live at") as (process, said):
        url = re.search(r"(http://\S+)/viewer", said[-1])[1]
        with urllib.request.urlopen(f"{url}/latest?wait=10000", timeout=20) as answer:
            frame = np.frombuffer(answer.read(), np.uint16).reshape(768, 1024)
            number = int(answer.headers["X-Frame-Number"])
        assert (numbers_in(frame) == number).all()
        with urllib.request.urlopen(f"{url}/api/datasets") as answer:
            kinds = [dataset["kind"] for dataset in json.load(answer)["datasets"]]
        assert kinds[0] == "live"
        process.terminate()
        assert process.wait(30) == 143


# -- cameras -------------------------------------------------------------------------------------


def test_cameras():
    told = succeed("cameras")
    for kind in ("sim:", "dcam:", "file:", "mm:"):
        assert re.search(rf"^{kind}", told, re.MULTILINE)
    kinds = json.loads(succeed("cameras", "--json"))["kinds"]
    assert all(kind["usable"] == (kind["why_not"] is None) for kind in kinds)
    (sim,) = json.loads(succeed("cameras", "sim", "--json"))["kinds"]
    assert sim["cameras"][0]["address"] == "sim:"


def test_cameras_lists_every_property():
    told = succeed("cameras", SIM)
    assert told.splitlines()[0] == f"{SIM}: Simulated camera, frames of 48 x 64 uint16, 500 frames/s, 3.07 MB/s"  # fmt: skip
    assert re.search(r"^  exposure +0.01 s +0.001 to 10$", told, re.MULTILINE)
    assert re.search(r"^  bit_depth +12 bit +read only$", told, re.MULTILINE)
    camera = json.loads(succeed("cameras", SIM, "--json"))
    assert {"name": "rate", "value": "500", "unit": "Hz", "allowed": "0 to 1000000"} in camera["properties"]  # fmt: skip


def test_cameras_of_no_kind():
    done = run("cameras", "sin")
    assert done.returncode == 2
    assert "not a camera (sin): did you mean sim:?" in done.stderr
