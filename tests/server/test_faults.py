"""Faults of the disk and of clients.

A fault of the disk or of rights is a 500 and never a 404: nobody paints fill values over it. Clients
that are slow cost others nothing.
"""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.server.http import Client
from tests.server.test_command import pyramidion, url_in

from pyramidion.server._file_headers import ONE_MESSAGE

SMALL = bytes(range(256)) * 40
LOOPBACK = Path("/sys/class/net/lo")
SERVER = """
import os, sys
from pyramidion.server import ServerSettings, build_app, run

def on_ready(url):
    if os.geteuid() == 0:  # nothing is forbidden to root
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    print(url, flush=True)

run(build_app([sys.argv[1]]), ServerSettings(port=0), on_ready)
"""


@pytest.mark.skipif(not (LOOPBACK / "speed").exists(), reason="no sysfs here")
class TestKernelFiles:
    """Files of the kernel that say 4096 bytes and cannot be read, or hold fewer: real faults."""

    @pytest.fixture
    def client(self, serve):
        return serve([LOOPBACK])

    @pytest.mark.parametrize("headers", [{}, {"Range": "bytes=0-9"}, {"Range": "bytes=-9"}])
    def test_unreadable_file_is_500(self, client, headers, caplog):
        answer = client.ask("GET", "/speed", headers)
        assert answer.status == 500
        assert answer.json["error"]["id"] == "PYR-HTTP-14"
        assert "could not be read" in answer.json["error"]["what"]
        assert "/sys" not in answer.body.decode()
        assert answer["cache-control"] == "no-store"
        assert answer["etag"] is None
        assert len(caplog.records) == 1

    def test_short_file_is_500(self, client):
        assert client.get("/mtu").status == 500

    def test_other_files_are_still_served(self, client):
        assert client.get("/speed").status == 500
        assert client.get("/nothing").status == 404
        assert client.get("/speed").status == 500
        assert client.n_connections == 1

    def test_pages_see_the_fault(self, client):
        answer = client.get("/speed", Origin="http://localhost:1")
        assert answer["access-control-allow-origin"] == "http://localhost:1"


def test_file_without_rights_is_500():
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / "closed").mkdir()
        (root / "closed" / "file").write_text("x")
        (root / "secret").write_text("x")
        (root / "open").write_text("x")
        root.chmod(0o755)
        (root / "closed").chmod(0)
        (root / "secret").chmod(0)
        with subprocess.Popen(
            [sys.executable, "-c", SERVER, name],
            stdout=subprocess.PIPE,
            text=True,
        ) as server:
            try:
                url = server.stdout.readline().strip()
                with Client(url) as client:
                    assert client.get("/open").status == 200
                    assert client.get("/secret").status == 500
                    assert client.get("/closed/file").status == 500
                    assert client.get("/secret").json["error"]["id"] == "PYR-HTTP-14"
            finally:
                server.terminate()
                (root / "closed").chmod(0o755)


def test_table_of_errors():
    from pyramidion.core import DamagedError, MissingError, StorageError, UsageError
    from pyramidion.server._errors import status_of

    statuses = {
        MissingError("w", "no such file"): 404,
        UsageError("w", "not a number"): 400,
        DamagedError("w", "damaged"): 500,
        StorageError("w", "disk full"): 500,
        OSError(5, "Input/output error"): 500,
        FileNotFoundError(2, "gone"): 500,
        PermissionError(13, "denied"): 500,
        KeyError("bug"): 500,
    }
    assert {
        status_of(error) for error, status in statuses.items() if status_of(error) != status
    } == set()


@pytest.mark.slow
class TestSlowClients:
    """Of the real program: clients that do not finish their request, or do not read their answer."""

    @pytest.fixture
    def served(self, tmp_path):
        (tmp_path / "small").write_bytes(SMALL)
        (tmp_path / "large").write_bytes(bytes(30_000_000))
        return tmp_path

    def test_two_thousand_unfinished_requests_disturb_nobody(self, served):
        with pyramidion("serve", served, "--port", "0") as process, contextlib.ExitStack() as stack:
            url = url_in(process.stdout.readline())
            good = stack.enter_context(Client(url))
            assert good.get("/small").body == SMALL
            before = usage(process)
            for _ in range(2000):
                stack.enter_context(connect(url)).sendall(b"GET /small HTTP/1.1\r\nHo")
            for _ in range(100):
                assert good.get("/small").body == SMALL
            assert good.n_connections == 1
            with_them = usage(process)
            assert with_them.rss - before.rss < 64 * 2**20
            assert with_them.n_files <= before.n_files + 520  # a few are being closed
            wait_until(lambda: usage(process).n_files <= before.n_files, 15)
            assert good.get("/small").body == SMALL

    def test_slow_readers_are_closed_and_others_are_not(self, served):
        with pyramidion("serve", served, "--port", "0") as process, contextlib.ExitStack() as stack:
            url = url_in(process.stdout.readline())
            good = stack.enter_context(Client(url))
            assert good.get("/small").body == SMALL
            before = usage(process)
            began = time.monotonic()
            slow = [stack.enter_context(connect(url, window=4096)) for _ in range(100)]
            steady = stack.enter_context(connect(url, window=4096))
            for each in (*slow, steady):
                ask(each, url, "/large")
            wait_until(lambda: usage(process).n_files >= before.n_files + 101, 10)
            all_in = time.monotonic()
            n_read = 0
            while usage(process).n_files > before.n_files + 2:
                n_read += len(steady.recv(3000))
                assert good.get("/small").body == SMALL
                assert time.monotonic() - all_in < 16
                time.sleep(0.5)
            assert time.monotonic() - began > 9
            assert usage(process).n_files == before.n_files + 2  # the steady one, and its file
            assert len(steady.recv(3000)) > 0
            assert n_read > 30_000
            held = ONE_MESSAGE if ONE_MESSAGE < 2**20 else 2 * ONE_MESSAGE
            assert usage(process).peak - before.rss < 101 * held + 32 * 2**20

    @pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
    def test_the_end_waits_five_seconds_for_them_and_says_nothing(self, served, stop):
        with pyramidion("serve", served, "--port", "0") as process, contextlib.ExitStack() as stack:
            url = url_in(process.stdout.readline())
            self.keep_busy(stack, url)
            began = time.monotonic()
            process.send_signal(stop)
            assert process.communicate(timeout=20)[1] == ""
            assert 4 < time.monotonic() - began < 9
            assert process.returncode == 128 + stop

    def test_a_second_signal_ends_it_at_once(self, served):
        with pyramidion("serve", served, "--port", "0") as process, contextlib.ExitStack() as stack:
            url = url_in(process.stdout.readline())
            self.keep_busy(stack, url)
            process.send_signal(signal.SIGTERM)
            wait_until_closed(process, url)
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert process.communicate(timeout=20)[1] == ""
            assert time.monotonic() - began < 3
            assert process.returncode == 128 + signal.SIGTERM

    def test_nobody_new_is_let_in_at_the_end(self, served):
        with pyramidion("serve", served, "--port", "0") as process, contextlib.ExitStack() as stack:
            url = url_in(process.stdout.readline())
            self.keep_busy(stack, url)
            process.send_signal(signal.SIGTERM)
            wait_until_closed(process, url)

    def keep_busy(self, stack, url):
        """Have readers that never read, unfinished, idle and pipelined requests."""
        for _ in range(5):
            ask(stack.enter_context(connect(url, window=4096)), url, "/large")
        stack.enter_context(connect(url)).sendall(b"GET /")
        stack.enter_context(Client(url)).get("/small")
        pipelined = stack.enter_context(connect(url, window=4096))
        for _ in range(3):
            ask(pipelined, url, "/large")
        time.sleep(0.5)


def wait_until_closed(process, url):
    """Wait until nobody new is let in, while the program still has others to answer."""

    def is_closed():
        try:
            connect(url).close()
        except ConnectionError:
            return True
        return False

    wait_until(is_closed, 20)
    assert process.poll() is None


def connect(url, window=None):
    host, port = url.removeprefix("http://").split(":")
    client = socket.socket()
    if window is not None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
    client.settimeout(20)
    try:
        client.connect((host, int(port)))
    except OSError:
        client.close()
        raise
    return client


def ask(client, url, path):
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: {url.removeprefix('http://')}\r\n\r\n".encode())


class Usage(NamedTuple):
    rss: int
    peak: int
    n_files: int


def usage(process):
    place = Path(f"/proc/{process.pid}")
    if not place.exists():
        pytest.skip("no /proc here")
    fields = dict(line.split(":", 1) for line in (place / "status").read_text().splitlines())
    rss, peak = (1024 * int(fields[name].split()[0]) for name in ("VmRSS", "VmHWM"))
    return Usage(rss, peak, len(list((place / "fd").iterdir())))


def wait_until(is_so, seconds):
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.2)
