"""Recordings on a disk that is full, or fails: what is inside the shape stays readable."""

from __future__ import annotations

import os
import subprocess

import numpy as np
import pytest
from tests.formats.recording_writing import begin, publish, read, some_frames, stamps

from pyramidion.core import StorageError

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not hasattr(os, "geteuid") or os.geteuid() != 0, reason="mounting needs root"
    ),
]


@pytest.fixture(params=[9, 14, 23])
def disk(tmp_path, request):
    """A disk of a few megabytes in memory."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={request.param}m", "tmpfs", folder],
        check=False, capture_output=True,
    )  # fmt: skip
    if mounted.returncode:
        pytest.skip("a disk in memory cannot be mounted here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.parametrize("codec", ["none", "lz4"])
@pytest.mark.parametrize("depth", [None, 4])
@pytest.mark.parametrize("levels", ["", "mean"])
def test_what_is_shown_can_be_read(disk, rng, codec, depth, levels):
    frames = some_frames(rng, 64, (600, 400), "<u2")
    path = disk / "a"
    options = {"compression": codec, "levels": levels, "chunk": (depth, None, None)}
    writer = begin(path, frames, shard=(4, None, None), **options)

    def fill():
        for t in range(64):
            writer.write(t, frames[t : t + 1], stamps(t, 1))
            writer.publish()

    with pytest.raises(StorageError, match="disk full after") as caught:
        fill()
    assert caught.value.id == "PYR-ALL-12"
    with pytest.raises(StorageError, match="disk full after"):
        writer.write(63, frames[63:], stamps(63, 1))
    n = publish(writer)
    assert 0 < n < 64
    assert np.array_equal(read(path), frames[:n])
    writer.finish({"fault": caught.value.line})
    assert read(path).shape[0] == n
    assert np.array_equal(read(path), frames[:n])
    if levels:
        assert len(read(path, "1")) == n
    assert not (disk / ".a.reserve").exists()


def test_two_threads_meet_it_at_once(disk, rng):
    import threading

    frames = some_frames(rng, 64, (600, 400), "<u2")
    path = disk / "a"
    writer = begin(path, frames, compression="none")
    errors, places = [], iter(range(64))
    lock = threading.Lock()

    def work():
        try:
            while True:
                with lock:
                    t = next(places)
                writer.write(t, frames[t : t + 1], stamps(t, 1))
        except (StorageError, StopIteration) as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {type(error) for error in errors} == {StorageError}
    n = writer.sync()
    writer.finish({})
    assert np.array_equal(read(path), frames[:n])
