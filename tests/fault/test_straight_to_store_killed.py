"""kill -9 of a conversion that goes straight to a store: resumed, it ends as if nothing had been."""

import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from tests.object_store.fault_proxy import FaultProxy

pytestmark = pytest.mark.slow

CLI = [sys.executable, "-m", "pyramidion"]
ROOTS = ("w.zarr/zarr.json", "visus.idx")


@pytest.fixture(autouse=True)
def spool(tmp_path, monkeypatch):
    monkeypatch.setenv("PYRAMIDION_SPOOL", str(tmp_path / "spool"))


@pytest.fixture(scope="module")
def waveform(tmp_path_factory):
    path = tmp_path_factory.mktemp("source") / "w.npy"
    rng = np.random.default_rng(5)
    np.save(path, rng.integers(-500, 500, (2, 1, 1, 20_000_001), np.int16))
    return path


@pytest.fixture(scope="module")
def volume(tmp_path_factory):
    path = tmp_path_factory.mktemp("source") / "v.npy"
    np.save(path, np.random.default_rng(6).integers(0, 999, (96, 300, 310)).astype(np.uint16))
    return path


def whole(source, folder, name):
    """Bytes by key that an undisturbed conversion to a disk writes."""
    (folder / "whole" / name).parent.mkdir(parents=True)
    command = [*CLI, "convert", source, folder / "whole" / name]
    subprocess.run(command, check=True, capture_output=True)
    top = folder / "whole"
    return {p.relative_to(top).as_posix(): p.read_bytes() for p in top.rglob("*") if p.is_file()}


@pytest.mark.parametrize(
    ("source", "name"),
    [("waveform", "w.zarr"), ("volume", "visus.idx"), ("volume", "out/%04d.png")],
)
def test_killed_again_and_again(source, name, s3_environment, s3_bucket, tmp_path, request, monkeypatch):  # fmt: skip
    source = request.getfixturevalue(source)
    expected = whole(source, tmp_path, name)
    rng = random.Random(7)
    with FaultProxy(s3_environment.endpoint) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        command = [*CLI, "convert", str(source), f"s3://{s3_bucket}/{name}", "--workers", "1"]
        n_killed = 0
        for turn in range(20):
            process = subprocess.Popen(
                [*command, *(["--resume"] if turn else [])],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            n_seen = len(proxy.log)
            deadline = time.monotonic() + 30
            wanted = n_seen + rng.randrange(1, 12)
            while process.poll() is None and len(proxy.log) < wanted and n_killed < 6:
                assert time.monotonic() < deadline
                time.sleep(0.001)
            if n_killed >= 6 or process.poll() is not None:
                _, error = process.communicate(timeout=60)
                assert process.returncode == 0, error
                break
            time.sleep(rng.random() * 0.05)
            process.send_signal(signal.SIGKILL)
            process.communicate()
            n_killed += 1
            there = s3_environment.objects(s3_bucket)
            if any(root in there for root in ROOTS):  # published: then all of it is there
                assert {k: v for k, v in there.items() if k in expected} == expected
                break
        there = s3_environment.objects(s3_bucket)
        assert {k: v for k, v in there.items() if "manifest" not in k} == expected
        assert n_killed > 2
        puts = {k: n for k, n in proxy.puts().items() if k.partition("/")[2] in expected}
        # What was finished is not sent again: only what was under way when the process was killed.
        assert sum(puts.values()) <= len(expected) + 16 * n_killed
