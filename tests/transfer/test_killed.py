"""Uploads that end at any moment and are run again."""

import contextlib
import json
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from tests.object_store.faults import Fault, Plan, Rule
from tests.transfer.trees import ROOT, make_store, send

pytestmark = pytest.mark.slow
PROGRAM = Path(__file__).with_name("interrupted.py")
N_KILLS = 20


def start(folder, there):
    program = subprocess.Popen(
        [sys.executable, str(PROGRAM), str(folder), str(there.destination)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert program.stdout.readline() == b"begins\n"
    return program


class Reader(threading.Thread):
    """Reads the dataset again and again as a viewer would, and notes what is not right."""

    def __init__(self, there, versions):
        super().__init__()
        self.there, self.versions = there, versions
        self.end, self.wrong, self.seen = threading.Event(), [], set()

    def run(self):
        while not self.end.is_set():
            with contextlib.suppress(KeyError):
                self.look()

    def look(self):
        root = self.get(ROOT)
        seed = json.loads(root)["seed"]
        expected = self.versions[seed]
        for key in random.Random(1).sample(sorted(expected), 6):
            try:
                found = self.get(key)
            except KeyError:
                found = None
            if found != expected[key] and self.is_published(root):
                self.wrong.append((seed, key, found is None))
        self.seen.add(seed)

    def is_published(self, root):
        try:
            return self.get(ROOT) == root
        except KeyError:
            return False

    def get(self, key):
        client = self.there.server.client()
        try:
            return self.there.server.get(self.there.bucket, f"x.zarr/{key}")
        except client.exceptions.NoSuchKey:
            raise KeyError(key) from None


def test_killed_again_and_again(tmp_path, real_remote):
    folder = tmp_path / "x.zarr"
    versions = {}
    # Without its root it cannot end, however much is sent before it is killed.
    no_root = Rule(Fault.INTERNAL_ERROR, "PUT", "x.zarr/zarr.json")
    there = real_remote(Plan({Fault.SLOW_ANSWER: 1.0}, rules=(no_root,), delay_s=0.02))
    reader = Reader(there, versions)
    n_kills = 0
    for seed in (0, 1):
        versions[seed] = make_store(folder, n_chunks=400, size=5_000, seed=seed)
    make_store(folder, n_chunks=400, size=5_000, seed=0)
    reader.start()
    try:
        for seed in (0, 1):
            make_store(folder, n_chunks=400, size=5_000, seed=seed)
            there.proxy.log.clear()
            chance, status = random.Random(seed), 1
            while status:
                there.proxy.faults_on = n_kills < N_KILLS * (seed + 1) // 2
                program = start(folder, there)
                if there.proxy.faults_on:
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        program.wait(chance.uniform(0.2, 0.9))
                    program.kill()
                    n_kills += 1
                program.stdout.close()
                error = program.stderr.read()
                program.stderr.close()
                status = program.wait()
                assert status in (0, -signal.SIGKILL), error
            assert there.stored() == versions[seed]
            twice = {key: n for key, n in there.puts().items() if n > 1 and "/c/" in key}
            # Those whose answer was on its way when the program was killed.
            assert sum(n - 1 for n in twice.values()) <= 4 * N_KILLS // 2
    finally:
        reader.end.set()
        reader.join()
    assert reader.wrong == []
    assert reader.seen == {0, 1}
    assert n_kills == N_KILLS


def test_interrupted(tmp_path, real_remote):
    folder = tmp_path / "x.zarr"
    contents = make_store(folder, n_chunks=400, size=5_000)
    slow = Rule(Fault.SLOW_ANSWER, nth=range(40, 10_000))  # each takes five seconds from then on
    there = real_remote(Plan(rules=(slow,), delay_s=5))
    program = start(folder, there)
    while there.proxy.faults()[Fault.SLOW_ANSWER] < 4:  # all connections
        time.sleep(0.005)
    began = time.monotonic()
    program.send_signal(signal.SIGINT)
    _, error = program.communicate(timeout=10)
    assert time.monotonic() - began < 2
    assert b"StoppedError: stopped" in error
    assert b"objects stored" in error
    there.proxy.faults_on = False
    report = send(folder, there.destination)
    assert there.stored() == contents
    assert report.unchanged > 20
