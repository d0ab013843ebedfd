"""Looking on while a camera runs at full rate: no frame is torn, none has another one's header.

``PYRAMIDION_LIVE_READS=1000000`` for the long run.
"""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from tests.server.http import Client
from tests.server.live import SPAWN, camera_of, killed, numbers_in, ring_of, spec_of
from tests.server.test_live_server import serving

from pyramidion.storage import FrameRing

pytestmark = pytest.mark.slow

N_READS = int(os.environ.get("PYRAMIDION_LIVE_READS", "100000"))
N_CLIENTS = 3
QUERIES = ["", "?x=0&y=9&w=40&h=33", "?after=0&wait=1000", "?x=0&y=0&w=64&h=1", "?x=0&y=0&w=4&h=48"]


def faults_of(number, pixels):
    """Count what is wrong in a picture that begins at a row's first pixel."""
    expected = np.full(pixels.shape, number % 60_000, pixels.dtype)
    expected.view(np.uint8)[:, :8] = np.array([number], "<u8").view(np.uint8)
    return int((pixels != expected).any())


def read_http(url, n_reads, seed, pipe):
    """Be a client: ask again and again, and count what was wrong and how many frames there were."""
    rng = np.random.default_rng(seed)
    wrong, seen, newest = 0, set(), -1
    with Client(url) as client:
        for query in np.array(QUERIES)[rng.integers(0, len(QUERIES), n_reads)]:
            answer = client.get(f"/latest{query}")
            height, width = map(int, answer["X-Frame-Shape"].split(","))
            pixels = np.frombuffer(answer.body, answer["X-Frame-Dtype"]).reshape(height, width)
            number = int(answer["X-Frame-Number"])
            wrong += answer.status != 200 or number < newest or faults_of(number, pixels)
            newest = number
            seen.add(number)
    pipe.send((wrong, len(seen)))


def read_ring(name, n_reads, pipe):
    """Look straight at the ring."""
    ring = FrameRing.attach(name)
    wrong, seen = 0, set()
    for _ in range(n_reads):
        frame = ring.latest()
        wrong += faults_of(frame.number, frame.pixels)
        seen.add(frame.number)
    ring.close()
    pipe.send((wrong, len(seen)))


def results_of(target, tasks):
    pipes, processes = [], []
    for task in tasks:
        ours, theirs = SPAWN.Pipe(duplex=False)
        processes.append(SPAWN.Process(target=target, args=(*task, theirs), daemon=True))
        processes[-1].start()
        theirs.close()
        pipes.append(ours)
    found = [pipe.recv() for pipe in pipes]
    for process in processes:
        process.join()
    return found


@pytest.mark.timeout(max(300, N_READS // 200))
def test_no_read_over_http_is_torn():
    with (
        ring_of(spec_of(48, 64), 64, 16) as ring,
        camera_of(ring, rate_hz=0, batch=8),
        serving(ring) as (_, url, _),
    ):
        tasks = [(url, N_READS // N_CLIENTS, seed) for seed in range(N_CLIENTS)]
        found = results_of(read_http, tasks)
    assert [wrong for wrong, _ in found] == [0] * N_CLIENTS
    assert min(n_frames for _, n_frames in found) > N_READS // N_CLIENTS // 10


@pytest.mark.timeout(max(300, N_READS // 200))
@pytest.mark.parametrize(("n_slots", "keep"), [(4, 3), (9, 4), (64, 16)])
def test_no_look_at_the_ring_is_torn(n_slots, keep):
    with ring_of(spec_of(48, 64), n_slots, keep) as ring, camera_of(ring, rate_hz=0, batch=2):
        tasks = [(ring.name, N_READS // 8)] * 2
        found = results_of(read_ring, tasks)
    assert [wrong for wrong, _ in found] == [0, 0]


def test_large_frames_from_several_threads():
    """Frames that take longer to copy than to come."""
    with (
        ring_of(spec_of(1024, 1024), 8, 3) as ring,
        camera_of(ring, rate_hz=0, batch=1),
        serving(ring) as (_, url, _),
    ):

        def look(_):
            wrong, until = 0, time.monotonic() + 5
            with Client(url) as client:
                while time.monotonic() < until:
                    answer = client.get("/latest")
                    pixels = np.frombuffer(answer.body, "<u2").reshape(1024, 1024)
                    wrong += faults_of(int(answer["x-frame-number"]), pixels)
            return wrong

        with ThreadPoolExecutor(4) as threads:
            assert sum(threads.map(look, range(4))) == 0


def look_for_ever(name):
    ring = FrameRing.attach(name)
    while True:
        ring.latest()


def test_killed_readers_change_nothing():
    with ring_of(spec_of(48, 64), 16, 4) as ring, camera_of(ring, rate_hz=0, batch=2):
        for k in range(4):
            reader = SPAWN.Process(target=look_for_ever, args=(ring.name,), daemon=True)
            reader.start()
            time.sleep(0.5 + 0.1 * k)
            killed(reader)
            before = ring.pushed
            frame = ring.latest()
            assert set(numbers_in(frame.pixels).tolist()) == {frame.number}
            until = time.monotonic() + 60
            while ring.pushed <= before:
                assert time.monotonic() < until, "the camera stands still"
                time.sleep(0.01)
        path = f"/dev/shm/{ring.name.lstrip('/')}"
        assert os.path.exists(path)  # noqa: PTH110
    assert not os.path.exists(path)  # noqa: PTH110
