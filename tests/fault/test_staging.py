"""What happens around the folder under way: locks, kills between renames, foreign files."""

import json
import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
from tests.cli_runner import fail, run, succeed
from tests.helpers import tree_digest

from pyramidion.core import StoppedError, StorageError, UsageError
from pyramidion.formats import WriteOptions, open_source
from pyramidion.formats.hdf5 import FORMAT as HDF5
from pyramidion.formats.npy import FORMAT as NPY
from pyramidion.formats.zarr import FORMAT as ZARR
from pyramidion.instruments import SimulatedScope
from pyramidion.storage import StagedFolder, WriterLock, hidden_sibling
from pyramidion.workflows import ConvertOptions, convert, generate, stream

PLAN = {"source": "a"}


@pytest.fixture
def npy(tmp_path):
    path = tmp_path / "w.npy"
    codes = np.random.default_rng(3).integers(-500, 500, (2, 1, 1, 20_000_000), np.int16)
    np.save(path, codes)
    return path


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "small.npy"
    np.save(path, np.arange(5000, dtype=np.int16))
    return path


def staged(path, plan=PLAN, *, resume=False, overwrite=False, owns=lambda _: True):
    return StagedFolder(path, plan, resume=resume, overwrite=overwrite, owns=owns)


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def interrupt(source, store, n_parts=1, **options):
    """Convert, and stop as Ctrl-C does when so many parts are there."""

    def stop(n_read, _):
        if n_read > n_parts * 2**24 * 2:
            raise KeyboardInterrupt

    with pytest.raises(StoppedError) as stopped:
        convert(source, store, ConvertOptions(workers=1, **options), stop)
    return stopped.value


def killed_in_commit(path, n_renames):
    """Leave what a kill after so many renames leaves: no lock is held, nothing is tidied."""
    before = staged(path, overwrite=True)
    before.folder.write("new", b"new")
    before._lock.release()
    partial, replaced = path.with_name(path.name + ".partial"), hidden_sibling(path, "replaced")
    if n_renames > 0:
        path.replace(replaced)
    if n_renames > 1:
        partial.replace(path)


@pytest.mark.parametrize("n_renames", [0, 1, 2])
def test_a_kill_while_replacing_loses_nothing(tmp_path, n_renames):
    path = tmp_path / "w.zarr"
    path.mkdir()
    (path / "old").write_text("old")
    killed_in_commit(path, n_renames)
    again = staged(path, resume=True, overwrite=n_renames == 2)
    assert path.exists(), "the old dataset stays visible"
    assert again.folder.exists("new") == (n_renames < 2)
    again.folder.write("new", b"new")
    again.commit()
    assert names(tmp_path) == ["w.zarr"]
    assert names(path) == ["new"]


def test_an_interrupted_replacement_puts_the_old_store_back(small):
    store = small.with_name("w.zarr")
    succeed("convert", small, store)
    whole = tree_digest(store)
    store.replace(hidden_sibling(store, "replaced"))
    fail("convert", small, store, status=2, words="already exists")
    assert tree_digest(store) == whole
    assert names(small.parent) == ["small.npy", "w.zarr"]


@pytest.mark.parametrize("replace", [False, True])
def test_killed_before_the_last_rename(npy, small, replace):
    store = npy.with_name("w.zarr")
    convert(npy, store, ConvertOptions())
    whole = tree_digest(store)
    shutil.rmtree(store)
    if replace:
        convert(small, store, ConvertOptions())
        old = tree_digest(store)
    script = (
        "import os, pathlib, pyramidion.workflows as w\n"
        "def kill(*_): os.kill(os.getpid(), 9)\n"
        "real = pathlib.Path.replace\n"
        "pathlib.Path.replace = lambda a, b: kill() if a.suffix == '.partial' else real(a, b)\n"
        f"w.convert(pathlib.Path({str(npy)!r}), pathlib.Path({str(store)!r}),\n"
        f"    w.ConvertOptions(overwrite={replace}))"
    )
    killed = subprocess.run([sys.executable, "-c", script], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not store.exists()
    if replace:
        fail("convert", npy, store, status=2, words="already exists")
        assert tree_digest(store) == old, "the old store is back"
    report = convert(npy, store, ConvertOptions(resume=True)).stream
    assert (report.resumed, report.bytes_read) == (report.tasks, 0)
    assert tree_digest(store) == whole
    assert names(npy.parent) == ["small.npy", "w.npy", "w.zarr"]


def test_a_second_writer_is_told_before_anything_else(tmp_path):
    first = staged(tmp_path / "w.zarr")
    for options in ({}, {"resume": True}, {"overwrite": True}):
        with pytest.raises(StorageError, match=f"in use by process {os.getpid()} ") as told:
            staged(tmp_path / "w.zarr", **options)
        assert told.value.id == "PYR-ALL-25"
    first.commit()
    assert names(tmp_path) == ["w.zarr"]


def test_a_lock_that_was_removed_is_not_shared(tmp_path):
    first = WriterLock(tmp_path / "w")
    (tmp_path / ".w.lock").unlink()
    second = WriterLock(tmp_path / "w")  # nobody can see the first any more
    second.release()
    first.release()
    assert names(tmp_path) == []


@pytest.mark.parametrize("name", ["x" * 240, "ä" * 120])
def test_long_names_have_locks(tmp_path, name):
    lock = WriterLock(tmp_path / name)
    other = WriterLock(tmp_path / (name[:-1] + "y"))
    with pytest.raises(StorageError, match="in use"):
        WriterLock(tmp_path / name)
    lock.release()
    other.release()


@pytest.mark.parametrize("written", [HDF5, NPY])
def test_one_writer_of_a_file(tmp_path, small, written):
    path = tmp_path / f"w{written.suffixes[0]}"
    with open_source(small) as source:
        first = written.create(path, source.spec, WriteOptions())
        fail("convert", small, path, status=1, words=["in use by process", "wait or stop it"])
        stream(source, first)
        first.abort()
    succeed("verify", path, "--against", small)
    assert names(tmp_path) == ["small.npy", path.name]


@pytest.mark.parametrize("suffix", [".h5", ".npy", ".zarr"])
def test_the_lock_of_a_dead_writer_is_taken_over(tmp_path, small, suffix):
    path = tmp_path / f"w{suffix}"
    lock = hidden_sibling(path, "lock")
    lock.write_text(json.dumps({"pid": 1, "host": "x", "since": "now"}))
    hidden_sibling(path, "part").write_text("left by a kill")
    succeed("convert", small, path)
    assert not lock.exists()


@pytest.mark.parametrize("option", [[], ["--resume"], ["--overwrite"]])
def test_a_foreign_partial_folder_is_not_touched(tmp_path, small, option):
    partial = tmp_path / "w.zarr.partial"
    (partial / "raw").mkdir(parents=True)
    (partial / "raw/thesis.tex").write_text("precious")
    words = ["refusing to replace", "not a dataset", partial.name]
    fail("convert", small, tmp_path / "w.zarr", *option, status=2, words=words)
    assert (partial / "raw/thesis.tex").read_text() == "precious"
    shutil.move(partial, tmp_path / "elsewhere")
    partial.symlink_to("elsewhere")
    fail("convert", small, tmp_path / "w.zarr", *option, status=2, words=words)
    assert (tmp_path / "elsewhere/raw/thesis.tex").exists()
    assert not (tmp_path / ".w.zarr.lock").exists()


def test_what_appears_meanwhile_is_kept(tmp_path):
    path = tmp_path / "w.zarr"
    under_way = staged(path)
    under_way.folder.write("new", b"new")
    path.mkdir()
    with pytest.raises(UsageError, match="already exists"):
        under_way.commit()
    under_way.abort()
    path.rmdir()
    again = staged(path, resume=True)
    assert again.folder.exists("new")
    again.commit()
    assert names(path) == ["new"]


def test_what_became_foreign_meanwhile_is_kept(tmp_path):
    path = tmp_path / "w.zarr"
    path.mkdir()
    under_way = staged(path, overwrite=True, owns=lambda p: not (p / "notes.txt").exists())
    (path / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="refusing to replace"):
        under_way.commit()
    under_way.abort()
    assert names(path) == ["notes.txt"]


@pytest.mark.parametrize("place", ["", "raw", "raw/c/0", "overview", "overview/0/c"])
@pytest.mark.parametrize("foreign", ["notes.txt", "123.txt", "link", "folder"])
def test_foreign_things_are_found_anywhere(tmp_path, small, place, foreign):
    store = tmp_path / "w.zarr"
    convert(small, store, ConvertOptions())
    assert ZARR.owns is not None
    assert ZARR.owns(store)
    (store / place).mkdir(parents=True, exist_ok=True)
    if foreign == "link":
        (store / place / "0.7").symlink_to(small)
    elif foreign == "folder":
        (store / place / "folder").mkdir()
    else:
        (store / place / foreign).write_text("mine")
    assert not ZARR.owns(store)


def test_an_old_store_is_owned(tmp_path, small):
    store = tmp_path / "w.zarr"
    convert(small, store, ConvertOptions(zarr_format=2))
    convert(small, store, ConvertOptions(overwrite=True))


def test_a_source_inside_the_destination(small):
    store = small.with_name("w.zarr")
    succeed("convert", small, store)
    source = store / "w.npy"
    shutil.copy(small, source)
    words = ["input lies inside the output", "another place"]
    fail("convert", source, store, "--overwrite", status=2, words=words)
    assert source.exists()


def test_an_interrupted_replacement_is_resumed(npy, small):
    store = npy.with_name("w.zarr")
    convert(small, store, ConvertOptions())
    old = tree_digest(store)
    interrupt(npy, store, overwrite=True)
    assert tree_digest(store) == old
    report = convert(npy, store, ConvertOptions(resume=True)).stream
    assert report.resumed > 0
    succeed("verify", store, "--against", npy)
    fail("convert", npy, store, "--resume", status=2, words="already exists")


def test_resume_or_begin_again(npy, small):
    store = npy.with_name("w.zarr")
    interrupt(npy, store)
    both = ConvertOptions(resume=True, overwrite=True)
    interrupt(npy, store, resume=True, overwrite=True, compression="blosc-lz4")  # what '' means
    assert convert(npy, store, both).stream.resumed > 0
    interrupt(npy, store, overwrite=True)
    assert convert(small, store, both).stream.resumed == 0
    succeed("verify", store, "--against", small)


def test_a_changed_folder_is_another_source(npy):
    source, store = npy.with_name("s.zarr"), npy.with_name("w.zarr")
    convert(npy, source, ConvertOptions())
    interrupt(source, store)
    shard = next(p for p in (source / "raw/c").rglob("*") if p.is_file())
    os.utime(shard, ns=(1, 1))
    fail("convert", source, store, "--resume", status=2, words="another source")


def test_only_the_rest_must_fit(npy, monkeypatch):
    store = npy.with_name("w.zarr")
    interrupt(npy, store)
    needed = npy.stat().st_size * 0.6 * 1.042
    monkeypatch.setattr("pyramidion.workflows._destination.free_bytes", lambda _: int(needed * 0.9))
    with pytest.raises(StorageError, match="needs"):
        convert(npy, npy.with_name("other.zarr"), ConvertOptions())
    convert(npy, store, ConvertOptions(resume=True))


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_what_a_power_cut_truncated_is_written_again(npy, zarr_format):
    store, whole = npy.with_name("w.zarr"), npy.with_name("whole.zarr")
    convert(npy, whole, ConvertOptions(zarr_format=zarr_format))
    under_way = ConvertOptions(zarr_format=zarr_format, resume=True)
    interrupt(npy, store, zarr_format=zarr_format)
    partial = store.with_name("w.zarr.partial")
    shutil.rmtree(partial / "raw")
    shutil.copytree(whole / "raw", partial / "raw")
    shutil.copytree(whole / "overview", partial / "overview", dirs_exist_ok=True)
    for array in ("raw", "overview/0"):
        files = sorted(
            p for p in (partial / array).rglob("*") if p.is_file() and p.name[-1].isdigit()
        )
        os.truncate(files[-1], files[-1].stat().st_size - 9)
    report = convert(npy, store, under_way).stream
    assert report.resumed == report.tasks - 1
    assert tree_digest(store) == tree_digest(whole)


def test_nothing_finished_leaves_nothing(npy):
    told = interrupt(npy, npy.with_name("w.zarr"), n_parts=0)
    assert told.id == "PYR-ALL-27"
    assert names(npy.parent) == ["w.npy"]


def test_generate_tells_the_seed_to_resume_with(tmp_path):
    store = tmp_path / "w.zarr"
    asked = ["generate", store, "--samples", "1e6", "--channels", "1", "--segments", "40"]
    options = ConvertOptions(workers=1)
    scope = SimulatedScope(channels=1, segments=40, samples=10**6, seed=77)

    def stop(n_read, _):
        if n_read > 36e6 * 2:
            raise KeyboardInterrupt

    with pytest.raises(StoppedError):
        generate(store, scope, options, stop)
    fail(*asked, "--resume", status=2, words=["other settings", "--seed 77"])
    succeed(*asked, "--resume", "--seed", "77")
    assert run("verify", store).returncode == 0
