"""Reading and writing at an offset, with and without the system's help; nothing but real files."""

import os
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from pyramidion.core import DataError
from pyramidion.storage import open_regular, read_at, write_at


@pytest.fixture(params=["with pread", "without"])
def _system(request, monkeypatch):
    """As on Linux, and as on Windows."""
    if request.param == "without":
        monkeypatch.delattr(os, "pread")
        monkeypatch.delattr(os, "pwrite")


@pytest.mark.usefixtures("_system")
def test_threads_share_a_descriptor(tmp_path):
    data = np.random.default_rng(0).integers(0, 256, 200_000, np.uint8).tobytes()
    path = tmp_path / "a"
    path.write_bytes(bytes(len(data)))
    starts = range(0, len(data), 1000)
    with open_regular(path, "r+b") as file, ThreadPoolExecutor(8) as pool:
        fd = file.fileno()
        list(pool.map(lambda a: write_at(fd, data[a : a + 1000], a), starts))
        found = list(pool.map(lambda a: read_at(fd, 1000, a), starts))
    assert b"".join(found) == data == path.read_bytes()


@pytest.mark.usefixtures("_system")
def test_the_end_of_the_file(tmp_path):
    (tmp_path / "a").write_bytes(b"abcdef")
    with open_regular(tmp_path / "a") as file:
        assert read_at(file.fileno(), 10, 4) == b"ef"
        assert read_at(file.fileno(), 10, 6) == b""
        assert read_at(file.fileno(), 0, 2) == b""


def test_short_reads_are_gone_on_with(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(bytes(range(200)))
    real = os.pread
    monkeypatch.setattr(os, "pread", lambda fd, n, at: real(fd, min(n, 7), at))
    with open_regular(tmp_path / "a") as file:
        assert read_at(file.fileno(), 100, 50) == bytes(range(50, 150))


@pytest.mark.parametrize("what", ["pipe", "device"])
def test_nothing_but_regular_files(tmp_path, what):
    path = tmp_path / "a"
    if what == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    for mode in ("rb", "r+b"):
        with pytest.raises(DataError, match="not a regular file"):
            open_regular(path, mode)


def test_sockets_and_folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # names of sockets are short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
        with pytest.raises(OSError, match="s"):
            open_regular(Path("s"))
    with pytest.raises(IsADirectoryError):
        open_regular(tmp_path)
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "none")
