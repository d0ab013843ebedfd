"""The same plan on threads, on processes, on a cluster and in parts: the same bytes."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from tests.helpers import tree_digest

from pyramidion.core import DataError, UsageError
from pyramidion.formats import OpenOptions
from pyramidion.storage import partial_path
from pyramidion.workflows import ConvertOptions, convert, verify

pytestmark = pytest.mark.slow
SHAPE = (300, 260, 290)


@pytest.fixture(scope="module")
def volume(tmp_path_factory):
    folder = tmp_path_factory.mktemp("volume")
    rng = np.random.default_rng(5)
    values = np.add.outer(np.arange(300) * 90, np.arange(260 * 290) % 977).reshape(SHAPE)
    np.save(folder / "v.npy", (values + rng.integers(0, 40, SHAPE)).astype(np.uint16))
    return folder / "v.npy"


@pytest.fixture(scope="module", params=["v.ome.zarr", "v.idx"])
def on_threads(request, volume, tmp_path_factory):
    folder = tmp_path_factory.mktemp("threads")
    convert(volume, folder / request.param, options())
    return folder / request.param


def options(**kwargs):
    # Small blocks, so that there are many tasks.
    return ConvertOptions(source=OpenOptions(axes="z,y,x"), arco=65536, **kwargs)


@pytest.mark.parametrize("how", [{"workers": 1}, {"workers": 3}, {"processes": True, "workers": 2}])
def test_workers_of_any_kind_write_the_same_bytes(volume, on_threads, tmp_path, how):
    convert(volume, tmp_path / on_threads.name, options(**how))
    assert tree_digest(tmp_path) == tree_digest(on_threads.parent)


def n_tasks_of(volume, path):
    with pytest.raises(UsageError) as caught:
        convert(volume, path, options(tasks="999999:"))
    return int(caught.value.what.rpartition(" ")[2])


def test_parts_of_a_job_array_make_the_same_bytes(volume, on_threads, tmp_path):
    path = tmp_path / on_threads.name
    n_tasks = n_tasks_of(volume, path)
    assert n_tasks > 2
    with pytest.raises(DataError, match="earlier tasks make"):
        convert(volume, path, options(tasks=f"{n_tasks - 1}:{n_tasks}"))
    report = convert(volume, path, options(tasks="0:1"))
    assert not report.published
    assert not path.exists()
    convert(volume, path, options(tasks="1:2"))
    report = convert(volume, path, options(resume=True))
    assert report.stream.resumed == 2
    assert tree_digest(tmp_path) == tree_digest(on_threads.parent)
    assert verify(path, volume, OpenOptions(axes="z,y,x")).faults == []


def test_a_part_of_another_conversion_is_refused(volume, tmp_path):
    path = tmp_path / "v.ome.zarr"
    convert(volume, path, options(tasks="0:1"))
    with pytest.raises(UsageError, match="another source or other settings"):
        convert(volume, path, options(tasks="0:1", stat="max"))


@pytest.fixture
def cluster(tmp_path):
    """A scheduler and two workers, each a process of its own; yields address and workers."""
    children = []
    try:
        address = tmp_path / "scheduler.json"
        children.append(start("distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0",
                              "--no-dashboard", "--scheduler-file", str(address)))  # fmt: skip
        wait_for(address.exists)
        children += [
            start("distributed.cli.dask_worker", "--scheduler-file", str(address), "--nthreads", "1",
                  "--no-dashboard", "--no-nanny", "--name", name,
                  "--local-directory", str(tmp_path / name))
            for name in "ab"
        ]  # fmt: skip
        yield json.loads(address.read_text())["address"], children[1:]
    finally:
        for child in children:
            child.kill()
            child.wait()


def start(module, *arguments):
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def wait_for(condition, seconds=60):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def run_program(volume, path, address):
    arguments = ["convert", str(volume), str(path), "--axes", "z,y,x", "--arco", "64kb", "--dask", address]  # fmt: skip
    return subprocess.Popen(
        [sys.executable, "-m", "pyramidion", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def records_in(partial):
    try:
        return {p: p.stat().st_mtime_ns for p in (partial / ".tasks").rglob("*.json")}
    except FileNotFoundError:  # published just now
        return {}


def test_a_cluster_loses_a_worker_and_nothing_else(volume, on_threads, tmp_path, cluster):
    address, workers = cluster
    out = tmp_path / "out"
    out.mkdir()
    path = out / on_threads.name
    program = run_program(volume, path, address)
    partial = partial_path(path)
    wait_for(lambda: len(records_in(partial)) >= 1 or program.poll() is not None)
    os.kill(workers[0].pid, signal.SIGKILL)
    done_before = records_in(partial)
    seen = dict(done_before)
    while program.poll() is None:
        seen = {**seen, **records_in(partial)}
        time.sleep(0.005)
    _, told = program.communicate(timeout=60)
    assert program.returncode == 0, told
    assert {p: seen[p] for p in done_before} == done_before  # finished tasks are not done again
    assert tree_digest(out) == tree_digest(on_threads.parent)


def test_a_cluster_that_is_not_there_is_named(volume, tmp_path):
    program = run_program(volume, tmp_path / "v.ome.zarr", "tcp://127.0.0.1:9")
    _, told = program.communicate(timeout=60)
    assert program.returncode == 1
    assert "cannot connect" in told
    assert len(told.splitlines()) <= 2
