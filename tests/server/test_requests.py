"""Methods, malformed requests, limits, slow clients."""

from __future__ import annotations

import socket
import time

import pytest
from tests.server.http import Client, read_answer

PATHS = ["/", "/file.bin", "/nothing", "/api/datasets", "/viewer/", "/inner/"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "PATCH", "TRACE", "PROPFIND", "MKCOL"])
def test_other_methods_are_405(client, method, path):
    answer = client.ask(method, path)
    assert answer.status == 405
    assert answer["allow"] == "GET, HEAD, OPTIONS"
    assert answer.json["error"]["id"] == "PYR-HTTP-09"


def test_connect_is_405(client):
    for target in ("example.org:443", "/file.bin"):
        answer = client.send(f"CONNECT {target} HTTP/1.1\r\nHost: {client.host}\r\n\r\n".encode())
        assert (answer.status, answer["allow"]) == (405, "GET, HEAD, OPTIONS")


@pytest.mark.parametrize("method", ["FOO", "get", "GETT", "G@T", "\x00", "GET\tX", "123", "🙂"])
def test_garbage_methods_are_501(client, method):
    answer = client.send(f"{method} /file.bin HTTP/1.1\r\nHost: {client.host}\r\n\r\n".encode())
    assert answer.status == 501
    assert answer["allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize(
    "request_line",
    [
        "GET /file.bin HTTP/9.9",
        "GET /file.bin",
        "GET",
        "GET  HTTP/1.1",
        "GET file.bin HTTP/1.1",
        "GET / HTTX/1.1",
    ],
)
def test_malformed_request_lines(client, request_line):
    answer = client.send(f"{request_line}\r\nHost: {client.host}\r\n\r\n".encode())
    assert answer.status in (400, 421, 501, 505)
    assert "error" in answer.json


@pytest.mark.parametrize(
    "lines",
    [
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: x\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "No colon here\r\n",
        "Bad\x00name: 1\r\n",
    ],
)
def test_malformed_headers(client, lines):
    request = f"GET /file.bin HTTP/1.1\r\nHost: {client.host}\r\n{lines}\r\n"
    assert client.send(request.encode()).status == 400


def test_body_of_a_get_is_not_read_as_the_next_request(client, content):
    body = b"GET /nothing HTTP/1.1\r\n\r\n"
    head = f"GET /file.bin HTTP/1.1\r\nHost: {client.host}\r\nContent-Length: {len(body)}\r\n\r\n"
    assert client.send(head.encode() + body).body == content
    assert client.get("/file.bin").body == content


def test_garbage_in_chunks(client):
    head = f"GET /file.bin HTTP/1.1\r\nHost: {client.host}\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert client.send(head.encode() + b"zzz\r\n").status in (200, 400)
    client.close()
    assert client.get("/file.bin").status == 200


@pytest.mark.parametrize(("n_bytes", "status"), [(8000, 404), (9000, 414), (65_536, 414)])
def test_length_of_the_url(client, n_bytes, status):
    assert client.get("/" + "a/" * (n_bytes // 2)).status == status


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ("X-Long: " + "x" * 15_000 + "\r\n", 200),
        ("X-Long: " + "x" * 16_384 + "\r\n", 431),
        ("X-Long: " + "x" * 65_536 + "\r\n", 431),
        ("".join(f"X-{k}: {k}\r\n" for k in range(90)), 200),
        ("".join(f"X-{k}: {k}\r\n" for k in range(1000)), 431),
    ],
)
def test_size_of_the_head(client, lines, status):
    request = f"GET /file.bin HTTP/1.1\r\nHost: {client.host}\r\n{lines}\r\n"
    assert client.send(request.encode()).status == status


def test_endless_head_is_cut(client):
    with socket.create_connection(client.address, 10) as connection:
        connection.sendall(b"GET /file.bin HTTP/1.1\r\nX-Long: ")
        stream = connection.makefile("rb")
        try:
            for _ in range(100):
                connection.sendall(b"x" * 1000)
                time.sleep(0.001)
        except OSError:
            return  # closed on us
        assert read_answer(stream).status == 431


def test_upgrade_is_not_followed(client, content):
    asked = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": "x"}
    assert client.ask("GET", "/file.bin", asked).body == content


def test_answers_say_what_they_are(client):
    for path in ("/file.bin", "/", "/nothing", "/inner/0.0.0"):
        answer = client.get(path)
        assert answer["x-content-type-options"] == "nosniff"
        assert answer["referrer-policy"] == "no-referrer"
        assert answer["cross-origin-resource-policy"] == "same-origin"
        assert answer["server"] is None


@pytest.mark.slow
def test_half_requests_disturb_nobody_and_are_closed(url, content):
    """Two hundred clients that never finish their request: others are answered at once."""
    host, port = url.removeprefix("http://").split(":")
    silent, started, dripping = ([] for _ in range(3))
    for _ in range(70):
        for group in (silent, started, dripping):
            group.append(socket.create_connection((host, int(port)), 20))
    for connection in (*started, *dripping):
        connection.sendall(b"GET /file")
    begin = time.monotonic()
    slowest = 0.0
    with Client(url) as client:
        while time.monotonic() - begin < 10.5:
            asked = time.monotonic()
            assert client.get("/file.bin").body == content
            slowest = max(slowest, time.monotonic() - asked)
            if time.monotonic() - begin < 9:
                for connection in dripping:
                    connection.sendall(b"e")
            time.sleep(1)
    assert slowest < 1
    for connection in (*silent, *started, *dripping):
        with connection:
            answer = connection.recv(100)
            assert answer.startswith(b"HTTP/1.1 408") or answer == b""
