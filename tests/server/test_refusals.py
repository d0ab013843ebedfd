"""What is refused outside of the routes: pages can read why, and so can who sends on."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from tests.server.http import Client, read_answer
from tests.server.test_limits import gated

from pyramidion.core import StorageError
from pyramidion.server import _protocol, build_app, serve_background

PAGE = "http://localhost:1"
ALWAYS = {
    "vary": "Origin",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}


@contextlib.contextmanager
def held(**options):
    """Serve with one turn, which is taken, and four that wait for it."""
    with gated(max_answers=1, **options) as (app, url), contextlib.ExitStack() as stack:
        for _ in range(5):
            connection = stack.enter_context(socket.create_connection(Client(url).address, 20))
            connection.sendall(b"GET /held HTTP/1.1\r\nHost: x\r\n\r\n")
        app.wait_for(1, n_waiting=4)
        yield stack.enter_context(Client(url))
        app.open()


def test_pages_can_read_that_they_are_to_come_back():
    with held() as client:
        for method in ("GET", "HEAD"):
            answer = client.ask(method, "/", {"Origin": PAGE})
            assert (answer.status, answer["retry-after"]) == (503, "1")
            assert answer["access-control-allow-origin"] == PAGE
            assert {name: answer[name] for name in ALWAYS} == ALWAYS
        assert not client.get("/", Origin="https://evil.org").cors
        assert client.n_connections == 1


def test_pages_of_all_sites_can_read_it_of_a_public_server():
    with held(public=True) as client:
        answer = client.get("/", Origin="https://any.org")
        assert (answer.status, answer["access-control-allow-origin"]) == (503, "*")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 20_000 + b"\r\n\r\n", 431),
        (b"FOO / HTTP/1.1\r\n\r\n", 501),
        (b"nonsense\r\n\r\n", 501),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET / HTTP/3.0\r\n\r\n", 400),
        (b"GET * HTTP/1.1\r\nHost: x\r\n\r\n", 421),
    ],
)
def test_what_is_no_request_has_the_common_headers(client, request_, status):
    answer = client.send(request_)
    assert answer.status == status
    assert {name: answer[name] for name in ALWAYS} == ALWAYS


@pytest.mark.parametrize(
    ("head", "status"), [(b"GET /", 414), (b"GET / HTTP/1.1\r\nX: ", 431), (b"PUSH /", 501)]
)
def test_who_sends_on_reads_why(client, head, status, monkeypatch):
    """Closing with bytes that nobody took would be a reset, and may take the answer with it."""
    # Sending takes milliseconds; a machine that stands still in between is not what is tested.
    monkeypatch.setattr(_protocol, "_PARTING_S", 20.0)
    for _ in range(3):
        with socket.create_connection(client.address, 20) as connection:
            connection.sendall(head + b"a" * 100)
            for _ in range(40):
                connection.sendall(b"a" * 50_000)
            with connection.makefile("rb") as stream:
                assert read_answer(stream).status == status
                assert stream.read() == b""


def test_refused_connections_do_not_last(url, content):
    address = Client(url).address
    with contextlib.ExitStack() as stack:
        for _ in range(100):  # more than are waited for
            connection = stack.enter_context(socket.create_connection(address, 20))
            connection.sendall(b"FOO / HTTP/1.1\r\n\r\n")
            assert connection.recv(20).startswith(b"HTTP/1.1 501")
        began = time.monotonic()
        while True:
            try:
                connection.sendall(b"x")
            except OSError:
                break
            time.sleep(0.02)
            assert time.monotonic() - began < 5
        with Client(url) as client:
            assert client.get("/file.bin").body == content


def test_pages_can_read_that_the_server_failed(root, caplog):
    app = build_app([root])

    async def fail(*_):
        raise ZeroDivisionError

    app.router.default = fail
    with serve_background(app) as url, Client(url) as client:
        answer = client.get("/x", Origin=PAGE)
        assert (answer.status, answer.json["error"]["id"]) == (500, "PYR-HTTP-00")
        assert answer["access-control-allow-origin"] == PAGE
        assert {name: answer[name] for name in ALWAYS} == ALWAYS
    assert "ZeroDivisionError" in caplog.text


def test_a_server_that_does_not_start_is_not_waited_for():
    async def refusing(_scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.failed"})

    began = time.monotonic()
    with pytest.raises(StorageError, match="did not start"), serve_background(refusing):
        pass
    assert time.monotonic() - began < 3


FORBIDDEN = """
import os, sys
from pyramidion.core import PyramidionError
from pyramidion.server import ServerSettings, bind, build_app, check_roots
from pyramidion.server._run import Server
from pyramidion.server._catalogue import find_datasets

folder = sys.argv[1]
find_datasets({"": f"{folder}/open"})  # imports what it needs, as the next line does
bind(ServerSettings(port=0)).close()
if os.geteuid() == 0:  # nothing is forbidden to root
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
key = dict(tls_cert=f"{folder}/open/cert.pem", tls_key=f"{folder}/open/key.pem")
for what in (
    lambda: check_roots([f"{folder}/closed"]),
    lambda: bind(ServerSettings(port=80)),
    lambda: Server(None, None, ServerSettings(**key)),
):
    try:
        what()
        print("nothing")
    except PyramidionError as error:
        print(error.id, error.line)
print([each.name for each in find_datasets({"": f"{folder}/open"})])
"""


@pytest.mark.slow
def test_what_this_user_may_not_do():
    """The rows SRV-01, SRV-02 and SRV-06; and one such folder does not empty the catalogue."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for inner in ("closed", "open/listed/w.zarr", "open/shut", "open/w.zarr"):
            (folder / inner).mkdir(parents=True)
        (folder / "open" / "w.zarr" / "zarr.json").write_text(
            '{"zarr_format": 3, "node_type": "array", "shape": [9, 9], "data_type": "int16"}'
        )
        (folder / "open" / "cert.pem").write_text("")
        (folder / "open" / "key.pem").write_text("")
        folder.chmod(0o755)
        for inner, mode in (("closed", 0), ("open/listed", 0o444), ("open/shut", 0), ("open/key.pem", 0)):  # fmt: skip
            (folder / inner).chmod(mode)
        try:
            done = subprocess.run(
                [sys.executable, "-c", FORBIDDEN, name], capture_output=True, text=True, check=True
            )
        finally:
            for inner in ("closed", "open/listed", "open/shut"):
                (folder / inner).chmod(0o755)
    root, port, key, found = done.stdout.splitlines()
    assert root.startswith(f"PYR-SRV-02 {name}/closed: permission denied")
    if int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()) > 80:
        assert port.startswith("PYR-SRV-01 --port: not permitted (80): ports below 1024")
    assert key == (
        f"PYR-SRV-06 --tls-key: permission denied ({name}/open/key.pem): read access is needed"
    )
    assert found == "['w.zarr']"
