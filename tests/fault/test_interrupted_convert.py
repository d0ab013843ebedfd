"""kill -9 during a conversion: nothing half-written looks whole, and --resume finishes it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from tests.helpers import tree_digest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
CLI = [sys.executable, "-m", "pyramidion"]


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    rng = np.random.default_rng(5)
    path = tmp_path_factory.mktemp("source") / "w.npy"
    np.save(path, rng.integers(-500, 500, (2, 1, 1, 60_000_001), np.int16))
    return path


@pytest.fixture(scope="module")
def whole(source):
    """The store that an undisturbed conversion writes."""
    store = source.with_name("whole.zarr")
    subprocess.run([*CLI, "convert", source, store], check=True, capture_output=True)
    return tree_digest(store)


def shards(store):
    raw = store.with_name(store.name + ".partial") / "raw/c"
    try:
        found = (p for p in raw.rglob("*") if not p.name.startswith("."))
        return {p: p.stat().st_mtime_ns for p in found if p.is_file()}
    except FileNotFoundError:  # published just now
        return {}


def start_held(command, store, n_shards):
    """Start a command; return when so many shards are there, and it will finish one more at most."""
    held = [sys.executable, "-m", "tests.fault.held", str(n_shards + 1)]
    arguments = [*held, *command[len(CLI) :], "--workers", "1"]
    process = subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    while len(shards(store)) < n_shards:
        assert process.poll() is None
        time.sleep(0.002)
    return process


def kill_after(command, store, n_shards):
    """Start a command, and kill it with -9 when so many shards are there."""
    process = start_held(command, store, n_shards)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    ("n_shards", "delay"), [(0, 0.0), (0, 0.3), (1, 0), (3, 0.02), (5, 0.01), (7, 0.0)]
)
def test_killed_and_resumed(tmp_path, source, whole, n_shards, delay):
    store = tmp_path / "w.zarr"
    command = [*CLI, "convert", source, store]
    process = subprocess.Popen([*command, "--workers", "1"], stderr=subprocess.PIPE)
    end = time.monotonic() + 60
    while process.poll() is None and len(shards(store)) < n_shards and time.monotonic() < end:
        time.sleep(0.002)
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    if store.exists():  # it was faster than the kill
        assert tree_digest(store) == whole
        return
    kept = shards(store)
    partial = store.with_name("w.zarr.partial")
    assert not (partial / "zarr.json").exists()
    looked = subprocess.run([*CLI, "info", store], capture_output=True, text=True, check=False)
    assert looked.returncode == 1
    if partial.exists():
        assert "incomplete" in looked.stderr
        again = subprocess.run(command, capture_output=True, text=True, check=False)
        assert again.returncode == 2
        assert "--resume" in again.stderr
    subprocess.run([*command, "--resume"], check=True, capture_output=True)
    assert tree_digest(store) == whole
    assert not partial.exists()
    for path, written in kept.items():
        finished = store / path.relative_to(partial)
        assert finished.stat().st_mtime_ns == written, "a finished shard was written again"


def test_killed_again_and_again(tmp_path, source, whole):
    store = tmp_path / "w.zarr"
    command = [*CLI, "convert", source, store, "--resume"]
    for n_shards in (1, 2, 4, 6):
        kill_after(command, store, n_shards)
    subprocess.run(command, check=True, capture_output=True)
    assert tree_digest(store) == whole


@pytest.mark.parametrize("n_shards", [3, 5])
def test_a_shard_lost_in_a_power_cut_is_written_again(tmp_path, source, whole, n_shards):
    """The first channel has four shards: behind them its overviews are there, too."""
    store = tmp_path / "w.zarr"
    command = [*CLI, "convert", source, store]
    kill_after(command, store, n_shards)
    victim = min(shards(store))
    os.truncate(victim, 100)
    subprocess.run([*command, "--resume"], check=True, capture_output=True)
    assert tree_digest(store) == whole


def test_another_source_is_not_resumed(tmp_path, source):
    store = tmp_path / "w.zarr"
    kill_after([*CLI, "convert", source, store], store, 2)
    other = tmp_path / "other.npy"
    np.save(other, np.zeros((2, 1, 1, 60_000_001), np.int16))
    command = [*CLI, "convert", other, store]
    refused = subprocess.run([*command, "--resume"], capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "another source" in refused.stderr
    subprocess.run([*command, "--overwrite"], check=True, capture_output=True)
    subprocess.run([*CLI, "verify", store, "--against", other], check=True, capture_output=True)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_cleanly(tmp_path, source, whole, number, status):
    store = tmp_path / "w.zarr"
    command = [*CLI, "convert", source, store]
    process = start_held(command, store, 2)
    process.send_signal(number)
    _, told = process.communicate(timeout=60)
    assert process.returncode == status
    assert "stopped" in told
    assert "--resume" in told
    assert len(told.splitlines()) <= 2
    assert not list(store.with_name("w.zarr.partial").rglob("*.part"))
    subprocess.run([*command, "--resume"], check=True, capture_output=True)
    assert tree_digest(store) == whole


def test_other_settings_are_not_resumed(tmp_path):
    """A store must not be half one codec and half another."""
    store = tmp_path / "g.zarr"
    asked = ["generate", store, "--samples", "1.7e7", "--channels", "1", "--segments", "4"]
    command = [*CLI, *asked, "--seed", "1"]
    kill_after(command, store, 3)
    for other in (["--compression", "zstd"], ["--zarr-format", "2"], ["--seed", "2"]):
        refused = subprocess.run([*command, *other, "--resume"], capture_output=True, text=True, check=False)  # fmt: skip
        assert refused.returncode == 2
        assert "other settings" in refused.stderr
    subprocess.run([*command, "--resume"], check=True, capture_output=True)
    subprocess.run([*CLI, "verify", store], check=True, capture_output=True)


def test_what_is_kept_is_counted(tmp_path, source):
    store = tmp_path / "w.zarr"
    process = start_held([*CLI, "convert", source, store], store, 3)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert f"{len(shards(store))} of 8 parts stored" in told
