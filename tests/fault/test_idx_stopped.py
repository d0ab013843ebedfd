"""SIGTERM and Ctrl-C end reading at once, and a pipe in the place of a block never makes it wait."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from tests.formats.idx_written import ArrayImage, write_idx

pytestmark = pytest.mark.slow


@pytest.fixture
def dataset(tmp_path):
    values = np.random.default_rng(0).integers(0, 5, (8, 1, 32, 512, 512)).astype(np.uint16)
    return write_idx(tmp_path / "a.idx", ArrayImage(values), arco=16384)


def started(*words):
    return subprocess.Popen(
        [sys.executable, "-m", "pyramidion", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGTERM, (143, -15)), (signal.SIGINT, (130, -2))]
)
def test_a_signal_ends_reading(dataset, tmp_path, number, status):
    process = started("convert", dataset, tmp_path / "b.idx", "--compression", "zip:6")
    while not (tmp_path / "b.idx.partial").exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(number)
    began = time.monotonic()
    _, told = process.communicate(timeout=60)
    assert process.returncode in status, told
    assert time.monotonic() - began < 10, "only the tasks under way are finished"


@pytest.mark.parametrize("command", ["verify", "convert", "repair", "compress-dataset"])
def test_a_pipe_ends_at_once(dataset, tmp_path, command):
    block = next(dataset.with_suffix("").rglob("0003.bin"))
    block.unlink()
    os.mkfifo(block)
    more = {"convert": [tmp_path / "b.npy"], "compress-dataset": ["--compression", "lz4"]}
    process = started(command, dataset, *more.get(command, []))
    _, told = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "not a regular file" in told
    assert "0003.bin" in told or "block 0x3" in told
