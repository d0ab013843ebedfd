"""The process of the live server: how it starts, whom it tells, and that it always ends."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from tests.server.http import Client, read_answer
from tests.server.live import (
    HEIGHT,
    SPAWN,
    WIDTH,
    camera_of,
    frame_of,
    killed,
    numbers_in,
    push,
    ring_of,
    spec_of,
)
from tests.server.test_live import PYTHON_CLIENT, picture

from pyramidion.core import Stamps, StorageError
from pyramidion.formats import RecordingOptions, open_frame_writer
from pyramidion.kernels import compile_means
from pyramidion.server import (
    LiveView,
    Served,
    ServerSettings,
    _live_frames,
    bind,
    bind_next,
    build_app,
    run_live_server,
    serve_background,
)

pytestmark = pytest.mark.slow


@contextlib.contextmanager
def serving(ring, store=None, listener=None, **settings):
    """Start the process as the supervisor does; yield it, what it told, and a client."""
    settings = ServerSettings(**{"port": 0, **settings})
    ours, theirs = SPAWN.Pipe(duplex=False)
    target = partial(run_live_server, settings=settings, listener=listener)
    process = SPAWN.Process(target=target, args=(ring.name, store, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        assert ours.poll(30)
        told = ours.recv()
        with Client(told if isinstance(told, str) else "http://127.0.0.1:1") as client:
            yield process, told, client
    finally:
        process.kill()
        process.join()


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def wait_until(holds, seconds):
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, holds
        time.sleep(0.02)


def test_serves_frames_and_survives_ctrl_c():
    with ring_of() as ring, serving(ring) as (process, url, client):
        assert url.startswith("http://127.0.0.1:")
        os.kill(process.pid, signal.SIGINT)
        push(ring, 4)
        time.sleep(0.3)
        np.testing.assert_array_equal(picture(client.get("/latest")), frame_of(4))


def test_compiled_means_come_later_and_are_the_same(monkeypatch):
    may_compile = threading.Event()

    def compile_later(dtype):
        return may_compile.wait(60) and compile_means(dtype)

    monkeypatch.setattr(_live_frames, "compile_means", compile_later)
    with ring_of(spec_of(230, 410)) as ring:
        live = LiveView(ring.name)
        with serve_background(build_app(Served(), live=live)) as url, Client(url) as client:
            push(ring, 4)
            first = picture(client.get("/latest?scale=4"))  # nobody waits for a compiler
            may_compile.set()
            live._frames._compiling.join()
            push(ring, 4)
            np.testing.assert_array_equal(picture(client.get("/latest?scale=4")), first)


def test_ends_at_sigterm_though_clients_wait():
    with ring_of() as ring, serving(ring) as (process, _, client):
        push(ring, 0)
        with socket.create_connection(client.address, 20) as waiting:
            asked = ("/info", "/latest?after=0&wait=30000")
            heads = [f"GET {path} HTTP/1.1\r\nHost: {client.host}\r\n\r\n" for path in asked]
            waiting.sendall("".join(heads).encode())
            stream = waiting.makefile("rb")
            assert read_answer(stream).status == 200  # so the other one is under way
            began = time.monotonic()
            process.terminate()
            process.join(10)
            assert time.monotonic() - began < 2
            assert is_free(client.address[1])
            assert read_answer(stream).status == 204


def test_ends_when_the_recording_is_over():
    with ring_of() as ring, serving(ring) as (process, _, client):
        push(ring, 0)
        ring.tell_status({"state": "finished"})
        time.sleep(0.5)
        assert client.get("/info").json["state"] == "finished"
        ring.ask_stop()
        time.sleep(0.5)
        assert client.get("/info").json["state"] == "finished"  # pages ask once a second
        process.join(5)
        assert process.exitcode == 0
        assert is_free(client.address[1])


def supervise():
    """Be a supervisor: a ring, a camera, a live server; until killed."""
    with ring_of() as ring, camera_of(ring, 200.0) as camera, serving(ring) as (live, url, _):
        sys.stdout.write(f"{url} {camera.pid} {live.pid} {ring.name}\n")
        sys.stdout.flush()
        time.sleep(600)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_killed_supervisor_frees_the_port_and_the_memory(number):
    # A program of its own: what watches over shared memory belongs to the first of its processes.
    command = [sys.executable, "-c", "from tests.server.test_live_server import *; supervise()"]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as supervisor:
        url, camera, live, ring_name = supervisor.stdout.readline().split()
        with Client(url) as client:
            assert client.get("/latest").status == 200
            supervisor.send_signal(number)
            supervisor.wait(10)
            wait_until(lambda: is_free(client.address[1]), 2)
    wait_until(lambda: not Path(f"/proc/{live}").exists(), 5)
    with contextlib.suppress(ProcessLookupError):
        os.kill(int(camera), signal.SIGKILL)  # the real one ends by itself
    wait_until(lambda: not Path(f"/dev/shm/{ring_name.lstrip('/')}").exists(), 10)


def test_killed_camera_is_reported_and_its_last_frame_shown():
    with ring_of() as ring, serving(ring) as (_, _, client), camera_of(ring) as camera:
        ring.tell_status({"state": "recording"})
        assert client.get("/info").json["state"] == "recording"
        killed(camera)
        wait_until(lambda: client.get("/info").json["state"] == "camera lost", 4)
        answer = client.get("/latest")
        numbers = set(numbers_in(picture(answer)).tolist())
        assert numbers == {int(answer["x-frame-number"])}
        assert client.get("/info").json["age_s"] > 1.5
        ring.tell_status({"state": "failed", "error": "the process of the camera died"})
        assert client.get("/info").json["error"] == "the process of the camera died"


def test_port_in_use_is_told_as_an_error():
    with ring_of() as ring, bind(ServerSettings(port=0)) as taken:
        port = taken.getsockname()[1]
        with serving(ring, port=port) as (process, told, _):
            assert isinstance(told, StorageError)
            assert f"{port} in use" in told.line
            process.join(5)
            assert process.exitcode == 0


def test_next_free_port():
    with bind(ServerSettings(port=0)) as taken:
        port = taken.getsockname()[1]
        with bind_next(ServerSettings(port=port)) as listener:
            assert port < listener.getsockname()[1] < port + 32


def test_bound_port_stays_through_a_second_start():
    with ring_of() as ring, bind(ServerSettings(port=0)) as listener:
        push(ring, 1)
        urls = set()
        for _ in range(2):
            with serving(ring, listener=listener) as (process, url, client):
                assert client.get("/latest").status == 200
                urls.add(url)
                killed(process)
        assert len(urls) == 1


def test_printed_client_on_this_machine_needs_no_token():
    with (
        ring_of(spec_of(400, 400)) as ring,
        serving(ring, host="0.0.0.0", token="t" * 20, free_for_this_machine=True) as (_, url, _),
    ):
        frame = np.arange(160_000, dtype=np.uint32).astype("u2").reshape(400, 400)
        push(ring, 1, frame=frame)
        found = {}
        exec(PYTHON_CLIENT.replace("8080", url.rpartition(":")[2]), found)
        np.testing.assert_array_equal(found["roi"], frame[100:356, 100:356])


def test_killed_servers_leave_no_shared_memory():
    with ring_of() as ring:
        push(ring, 1)
        for _ in range(3):
            with serving(ring) as (process, _, client):
                assert client.get("/latest").status == 200
                killed(process)
        memory = Path(f"/dev/shm/{ring.name.lstrip('/')}")
        assert memory.exists()  # they took nothing away either
    assert not memory.exists()


class TestGrowingRecording:
    """The recording under its name, while frames are added."""

    @pytest.fixture(params=[("levels", "mean"), ("frames", "mean"), ("frames", "")])
    def growing(self, tmp_path, request):
        store = tmp_path / "run.zarr"
        names, levels = request.param
        options = RecordingOptions(names=names, levels=levels, compression="none")
        with ring_of() as ring, serving(ring, store) as (_, _, client):
            yield store, client, lambda: open_frame_writer(store, spec_of(), options)

    @staticmethod
    def add(writer, first, count):
        frames = np.stack([frame_of(n) for n in range(first, first + count)])
        numbers = np.arange(first, first + count)
        stamps = Stamps(numbers, numbers / 100.0, numbers / 100.0)
        writer.write(first, frames, stamps)
        while (n := writer.publish()) < first + count:  # ten times a second, and no more
            time.sleep(0.02)
        return n

    @staticmethod
    def shape_in(client):
        group = client.get("/zarr/run.zarr/zarr.json")
        assert group["cache-control"] == "no-cache"
        metadata = group.json["consolidated_metadata"]["metadata"]
        level = client.get("/zarr/run.zarr/0/zarr.json").json
        assert metadata["0"]["shape"][0] <= level["shape"][0]  # it may have grown between
        return tuple(level["shape"])

    def test_every_frame_is_there_as_soon_as_it_is_published(self, growing):
        from tests.server.images import read_virtual

        _, client, open_writer = growing
        assert client.get("/zarr/run.zarr/zarr.json").status == 404
        writer = open_writer()
        tags = {}
        for first in range(0, 40, 8):
            n = self.add(writer, first, 8)
            assert n == first + 8
            assert self.shape_in(client) == (n, HEIGHT, WIDTH)
            entry = client.get("/api/datasets").json["datasets"][1]
            assert entry["shape"] == [n, HEIGHT, WIDTH]
            assert entry["data"] == "/zarr/run.zarr/"
            voxels = read_virtual(client, "/zarr/run.zarr/", 0)
            np.testing.assert_array_equal(voxels, np.stack([frame_of(k) for k in range(n)]))
            tags |= {first: client.get(f"/zarr/run.zarr/0/c/{first}/0/0")["etag"]}
            assert client.get(f"/zarr/run.zarr/0/c/{n}/0/0").status == 404
        writer.finish({})
        assert self.shape_in(client) == (40, HEIGHT, WIDTH)
        for first, tag in tags.items():
            again = client.get(f"/zarr/run.zarr/0/c/{first}/0/0", If_None_Match=tag)
            assert again.status == 304
        voxels = read_virtual(client, "/zarr/run.zarr/", 0)
        np.testing.assert_array_equal(voxels, np.stack([frame_of(k) for k in range(40)]))
        entry = client.get("/api/datasets").json["datasets"][1]
        assert entry["data"] == "/run.zarr"

    def test_readers_see_no_wrong_pixel_while_it_grows(self, growing):
        _, client, open_writer = growing
        writer = open_writer()
        self.add(writer, 0, 1)
        ended = threading.Event()

        def record():
            for number in range(1, 40):
                self.add(writer, number, 1)
            writer.finish({})
            ended.set()

        recording = threading.Thread(target=record)
        recording.start()
        n_read, before = 0, 0
        while not ended.is_set() or before < 40:
            n = self.shape_in(client)[0]
            assert n >= before
            before = n
            from numcodecs import Blosc

            answer = client.get(f"/zarr/run.zarr/0/c/{n - 1}/0/0")
            chunk = np.frombuffer(Blosc().decode(answer.body), "<u2")
            np.testing.assert_array_equal(chunk.reshape(HEIGHT, WIDTH), frame_of(n - 1))
            n_read += 1
        recording.join()
        assert n_read > 3
