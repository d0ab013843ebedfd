"""kill -9 while images are converted and copied: the old dataset, the new one, or one to resume."""

import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from tests.cli_runner import CLI, run, succeed
from tests.helpers import tree_digest

from pyramidion.core import Box, PyramidionError
from pyramidion.formats import OpenOptions, open_image

SHAPE = (150, 310, 420)
SCRATCH = (".tasks", ".plan.json", ".spill", ".lock")
KILLS = 6

DESTINATIONS = {
    "arco": ["v.idx", "--arco", "64kb"],
    "modvisus": ["v.idx", "--arco", "modvisus"],
    "ome": ["v.ome.zarr"],
    "npy": ["v.npy"],
    "hdf5": ["v.h5"],
    "pictures": ["out/%04d.png", "--parents"],
}


@pytest.fixture(scope="module")
def volumes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("volumes")
    rng = np.random.default_rng(3)
    new = (np.add.outer(np.arange(150) * 120, np.arange(310 * 420) % 1999)).reshape(SHAPE)
    new = (new + rng.integers(0, 30, SHAPE)).astype(np.uint16)
    np.save(folder / "new.npy", new)
    np.save(folder / "old.npy", new[::-1] // 2)
    succeed("convert", folder / "new.npy", folder / "new.idx", "--axes", "z,y,x", "--arco", "256kb")
    return folder


def killed_after(seconds, *arguments, cwd):
    """Start the program and kill it; tell whether it had finished before."""
    process = subprocess.Popen(
        [*CLI, *map(str, arguments)], cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    return process.wait() == 0


def plain_tree(folder):
    """The files of a folder without what an interrupted run needs and readers ignore."""
    return {k: v for k, v in tree_digest(folder).items() if not any(s in k for s in SCRATCH)}


@pytest.mark.parametrize("kind", DESTINATIONS)
@pytest.mark.parametrize("source", ["new.npy", "new.idx"])
def test_what_was_killed_is_resumed_to_the_same_bytes(kind, source, volumes, tmp_path):
    name, *how = DESTINATIONS[kind]
    axes = ["--axes", "z,y,x"] if source.endswith(".npy") else []
    for folder in ("once", "again"):
        (tmp_path / folder).mkdir()
    began = time.monotonic()
    succeed("convert", volumes / source, name, *how, *axes, cwd=tmp_path / "once")
    took = time.monotonic() - began
    expected = plain_tree(tmp_path / "once")
    again = tmp_path / "again"
    rng = random.Random(f"{kind} {source}")
    for n in range(KILLS):
        resume = ["--resume"] if n else []
        killed_after(rng.uniform(0.2, 1.0) * took, "convert", volumes / source, name, *how, *axes, *resume, cwd=again)  # fmt: skip
        visible = again / name if kind != "pictures" else again / "out" / "0000.png"
        if visible.exists():
            break
    done = run("convert", volumes / source, name, *how, *axes, "--resume", cwd=again)
    if done.returncode:  # it was finished, or nothing was begun that could be gone on with
        assert "already exists" in done.stderr, done.stderr
    assert plain_tree(again) == expected


@pytest.mark.parametrize("kind", ["arco", "modvisus", "ome"])
def test_a_replaced_dataset_is_the_old_or_the_new_one(kind, volumes, tmp_path):
    name, *how = DESTINATIONS[kind]
    old, new = np.load(volumes / "old.npy"), np.load(volumes / "new.npy")
    arguments = ["convert", volumes / "new.npy", name, *how, "--axes", "z,y,x", "--overwrite"]
    succeed("convert", volumes / "old.npy", name, *how, "--axes", "z,y,x", cwd=tmp_path)
    began = time.monotonic()
    succeed(*arguments, cwd=tmp_path)
    took = time.monotonic() - began
    rng = random.Random(kind)
    for _ in range(KILLS):
        succeed("convert", volumes / "old.npy", name, *how, "--axes", "z,y,x", "--overwrite", cwd=tmp_path)  # fmt: skip
        killed_after(rng.uniform(0.5, 1.05) * took, *arguments, cwd=tmp_path)
        try:
            with open_image(tmp_path / name, OpenOptions()) as image:
                found = image.read(Box.whole(image.spec.shape))[0, 0]
        except PyramidionError:
            pass  # between two renames nothing is there; the next run puts it right
        else:
            assert np.array_equal(found, old) or np.array_equal(found, new)
    succeed(*arguments, cwd=tmp_path)
    with open_image(tmp_path / name, OpenOptions()) as image:
        np.testing.assert_array_equal(image.read(Box.whole(image.spec.shape))[0, 0], new)


def test_two_writers_of_one_destination(volumes, tmp_path):
    arguments = ["convert", str(volumes / "new.npy"), "v.idx", "--arco", "16kb", "--axes", "z,y,x"]
    first = subprocess.Popen([sys.executable, "-m", "pyramidion", *arguments], cwd=tmp_path, stdout=subprocess.DEVNULL)  # fmt: skip
    until = time.monotonic() + 60
    while first.poll() is None and not (tmp_path / "v.idx.partial").exists():
        assert time.monotonic() < until
        time.sleep(0.005)
    second = run(*arguments, cwd=tmp_path)
    assert first.wait(120) == 0
    assert second.returncode in (1, 2)
    assert "in use by process" in second.stderr or "already exists" in second.stderr
