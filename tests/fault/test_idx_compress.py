"""kill -9 while IDX datasets are written, compressed and replaced: old or new, never a mixture."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from tests.formats.idx_written import ArrayImage, do_tasks, plain_keys, plain_read, write_idx
from tests.helpers import tree_digest

from pyramidion.core import StorageError, UsageError
from pyramidion.formats import WriteOptions
from pyramidion.formats._idx.sink import IdxSink
from pyramidion.formats._idx.staging import finish_replacement, owns_dataset
from pyramidion.workflows._compress import CompressOptions, compress

SHAPE = (1, 1, 60, 100, 120)


def voxels(seed=0):
    return np.random.default_rng(seed).integers(0, 60, SHAPE).astype(np.uint16)


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def run_killed(script, path, delay):
    """Start Python, and kill it with -9 so many seconds after it says that it is ready."""
    process = subprocess.Popen(
        [sys.executable, "-c", script, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return process.returncode


COMPRESS = """
import sys, pathlib
from pyramidion.workflows._compress import CompressOptions, compress
import pyramidion.formats._idx.compress, deflate, imagecodecs, numcodecs
print("ready", flush=True)
compress(pathlib.Path(sys.argv[1]), CompressOptions({codec!r}))
"""


def readable(path, values):
    """What plain_read finds, when there is a header; it raises where codec and blocks disagree."""
    if path.exists():
        np.testing.assert_array_equal(plain_read(path)[..., 0], values[0, 0])


@pytest.mark.slow
@pytest.mark.parametrize("arco", [16384, 0])
def test_compress_killed_at_any_point(tmp_path, arco):
    values = voxels()
    path = write_idx(tmp_path / "a.idx", ArrayImage(values), arco=arco, compression="raw")
    rng = np.random.default_rng(arco)
    n_killed = 0
    for n, delay in enumerate(rng.uniform(0, 0.2, 14)):
        codec = ("zip", "lz4", "raw")[n % 3]
        n_killed += run_killed(COMPRESS.format(codec=codec), path, delay) == -signal.SIGKILL
        finish_replacement(path)
        readable(path, values)
        if n % 4 == 3:
            compress(path, CompressOptions("zip"))
            assert "(zip)" in plain_keys(path)["fields"]
            readable(path, values)
            assert names(tmp_path) == ["a", "a.idx"]
    assert n_killed > 0
    compress(path, CompressOptions("raw"))
    readable(path, values)
    assert names(tmp_path) == ["a", "a.idx"]


# A kill just before each of the calls that change names: no delay can be chosen for these.
AT_RENAME = """
import os, sys, pathlib, shutil
from pyramidion.workflows._compress import CompressOptions, compress
left = [{n}]
def counted(real):
    def call(*args, **options):
        path = str(args[0])
        if ".part" not in pathlib.Path(path).name or path.endswith(".partial"):
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), 9)
        return real(*args, **options)
    return call
pathlib.Path.replace = counted(pathlib.Path.replace)
pathlib.Path.mkdir = counted(pathlib.Path.mkdir) if {mkdir} else pathlib.Path.mkdir
shutil.rmtree = counted(shutil.rmtree)
compress(pathlib.Path(sys.argv[1]), CompressOptions("lz4"))
"""


@pytest.mark.slow
def test_killed_between_the_renames(tmp_path):
    values = voxels()[..., :20, :30, :40]
    n, finished = 0, False
    while not finished:
        folder = tmp_path / str(n)
        path = write_idx(folder / "a.idx", ArrayImage(values), arco=4096, compression="zip")
        script = AT_RENAME.format(n=n, mkdir=False)
        killed = subprocess.run([sys.executable, "-c", script, path], check=False)
        finished = killed.returncode == 0
        readable(path, values)
        finish_replacement(path)
        assert path.exists()
        readable(path, values)
        compress(path, CompressOptions("lz4"))
        assert "(lz4)" in plain_keys(path)["fields"]
        readable(path, values)
        assert names(folder) == ["a", "a.idx"]
        n += 1
        assert n < 30
    assert n > 5


@pytest.mark.parametrize("n_steps", range(7))
@pytest.mark.parametrize("arco", [4096, 0])
def test_a_conversion_killed_while_it_replaces(tmp_path, monkeypatch, n_steps, arco):
    """Every moment between two renames, without a new process."""
    old, new = ArrayImage(voxels(1)[..., :9, :30, :40]), ArrayImage(voxels(2)[..., :9, :30, :40])
    path = write_idx(tmp_path / "a.idx", old, arco=arco)
    before = tree_digest(tmp_path)
    sink = IdxSink(path, [new.spec], WriteOptions(arco=arco, overwrite=True))
    do_tasks(sink, [new])
    killed_after(monkeypatch, n_steps)
    try:
        sink.commit()
        finished = True
    except KilledError:
        finished = False
    monkeypatch.undo()
    sink._staged._lock._file.close()  # as the end of a process does
    if path.exists():
        found = plain_read(path)[..., 0]
        assert np.array_equal(found, old.voxels[0, 0]) or np.array_equal(found, new.voxels[0, 0])
    finish_replacement(path)
    assert path.exists()
    if not np.array_equal(plain_read(path)[..., 0], new.voxels[0, 0]):
        assert not finished
        np.testing.assert_array_equal(plain_read(path)[..., 0], old.voxels[0, 0])
        shown = {k: v for k, v in tree_digest(tmp_path).items() if ".partial" not in k}
        assert shown == before
        again = IdxSink(path, [new.spec], WriteOptions(arco=arco, resume=True))
        assert all(map(again.is_done, range(len(again.tasks)))), "nothing is done twice"
        again.commit()
    np.testing.assert_array_equal(plain_read(path)[..., 0], new.voxels[0, 0])
    assert names(tmp_path) == ["a", "a.idx"]


class KilledError(BaseException):
    """Stands for a kill: nothing behind it runs."""


def killed_after(monkeypatch, n_steps):
    left = [n_steps]
    real = Path.replace

    def replace(self, target):
        if not self.name.endswith(".part"):
            left[0] -= 1
            if left[0] < 0:
                raise KilledError
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace)


def test_foreign_things_are_not_replaced(tmp_path):
    source = ArrayImage(voxels()[..., :4, :9, :9])
    (tmp_path / "a").mkdir()
    (tmp_path / "a/thesis.tex").write_text("precious")
    for options in ({}, {"overwrite": True}, {"resume": True}):
        with pytest.raises(UsageError, match="refusing to replace"):
            write_idx(tmp_path / "a.idx", source, **options)
    shutil.rmtree(tmp_path / "a")
    path = write_idx(tmp_path / "a.idx", source)
    assert owns_dataset(path)
    write_idx(path, source, overwrite=True)
    (tmp_path / "a/0/thesis.tex").write_text("precious")
    assert not owns_dataset(path)
    with pytest.raises(UsageError, match="refusing to replace"):
        write_idx(path, source, overwrite=True)
    assert (tmp_path / "a/0/thesis.tex").read_text() == "precious"
    np.testing.assert_array_equal(plain_read(path)[..., 0], source.voxels[0, 0])


def test_an_existing_dataset_is_not_begun_anew(tmp_path):
    source = ArrayImage(voxels()[..., :4, :9, :9])
    path = write_idx(tmp_path / "a.idx", source)
    before = tree_digest(tmp_path)
    for options in ({}, {"resume": True}):
        with pytest.raises(UsageError, match="already exists"):
            write_idx(path, source, **options)
    assert tree_digest(tmp_path) == before


def test_what_is_no_dataset_is_not_owned(tmp_path):
    (tmp_path / "a.idx").write_text("hello\n")
    assert not owns_dataset(tmp_path / "a.idx")
    assert not owns_dataset(tmp_path / "b.idx")
    (tmp_path / "c.idx").symlink_to("a.idx")
    assert not owns_dataset(tmp_path / "c.idx")
    path = write_idx(tmp_path / "d.idx", ArrayImage(voxels()[..., :4, :9, :9]))
    (tmp_path / "d/0/data/link.bin").symlink_to(path)
    assert not owns_dataset(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="the limit is set by a mount")
def test_a_full_disk_leaves_the_old(tmp_path):
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2400k", "tmpfs", str(place)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        values = voxels()
        for arco in (16384, 0):
            path = write_idx(place / "a.idx", ArrayImage(values), arco=arco)
            before = tree_digest(path.with_suffix(""))
            with pytest.raises(StorageError, match="disk full"):
                compress(path, CompressOptions("raw"))
            assert tree_digest(path.with_suffix("")) == before
            readable(path, values)
            shutil.rmtree(path.with_suffix(""))
            shutil.rmtree(place / "a.idx.partial", ignore_errors=True)
            path.unlink()
    finally:
        subprocess.run(["umount", str(place)], check=True)
