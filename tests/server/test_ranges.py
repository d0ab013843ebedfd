"""Every range, against a slice of the same bytes."""

from __future__ import annotations

import email
import socket
import time

import pytest
from tests.server.conftest import LARGE_BYTES, N_BYTES
from tests.server.http import Client

from pyramidion.server import build_app, serve_background

N = N_BYTES

GOOD = [
    ("bytes=0-0", slice(0, 1)),
    ("bytes=0-9", slice(0, 10)),
    ("bytes=1-1", slice(1, 2)),
    ("bytes=5-", slice(5, None)),
    ("bytes=0-", slice(None)),
    (f"bytes={N - 1}-", slice(-1, None)),
    (f"bytes={N - 1}-{N - 1}", slice(-1, None)),
    (f"bytes=0-{N - 1}", slice(None)),
    (f"bytes=0-{N}", slice(None)),
    (f"bytes=0-{N + 10}", slice(None)),
    (f"bytes={N - 5}-{N + 5}", slice(-5, None)),
    (f"bytes=3-{10**30}", slice(3, None)),
    ("bytes=3-" + "9" * 5000, slice(3, None)),
    ("bytes=-1", slice(-1, None)),
    ("bytes=-5", slice(-5, None)),
    (f"bytes=-{N - 1}", slice(1, None)),
    (f"bytes=-{N}", slice(None)),
    (f"bytes=-{N + 1}", slice(None)),
    (f"bytes=-{10**30}", slice(None)),
    ("bytes=00-09", slice(0, 10)),
    ("bytes=0000000000000000000000000000001-2", slice(1, 3)),
    ("bytes= 0-9", slice(0, 10)),
    ("bytes=0-9 ", slice(0, 10)),
    ("BYTES=0-9", slice(0, 10)),
    ("Bytes=-9", slice(-9, None)),
    # of several, the only one that has bytes
    (f"bytes=0-4,{N}-", slice(0, 5)),
    (f"bytes={N}-,-4", slice(-4, None)),
    ("bytes=7-8,-0", slice(7, 9)),
    *[
        (f"bytes={a}-{a + n - 1}", slice(a, a + n))
        for a in (0, 1, 255, 4095, 4096)
        for n in (1, 7, 4096)
    ],
    *[(f"bytes=-{n}", slice(N - n, None)) for n in (2, 3, 16, 255, 4096, 10_000)],
]

BEYOND = [
    f"bytes={N}-",
    f"bytes={N}-{N}",
    f"bytes={N + 1}-{N + 9}",
    f"bytes={10**30}-",
    "bytes=" + "9" * 5000 + "-",
    "bytes=-0",
    "bytes=5-4",
    "bytes=9-0",
    f"bytes={N - 1}-0",
    f"bytes={N}-,{N + 3}-",
    "bytes=0-4,9-5",
    # malformed: nobody who asks so wants the whole file
    "bytes=",
    "bytes=-",
    "bytes=a-b",
    "bytes=1",
    "bytes=1-2-3",
    "bytes=--5",
    "bytes=+1-2",
    "bytes=1.5-2",
    "bytes=0x1-0x2",
    "bytes=1-2,",
    "bytes=,",
]

IGNORED = ["items=0-9", "bytes 0-9", "0-9", "", "seconds=1-2", "bytes", "byte=0-1", "=0-1"]


@pytest.mark.parametrize(("header", "part"), GOOD)
def test_range_is_the_slice(client, content, header, part):
    start, stop, _ = part.indices(N)
    answer = client.get("/file.bin", Range=header)
    assert answer.status == 206
    assert answer["content-range"] == f"bytes {start}-{stop - 1}/{N}"
    assert answer["content-length"] == str(stop - start)
    assert answer.body == content[part]


@pytest.mark.parametrize("header", BEYOND)
def test_range_without_bytes_is_416(client, header):
    answer = client.get("/file.bin", Range=header)
    assert answer.status == 416
    assert answer["content-range"] == f"bytes */{N}"
    assert answer.json["error"]["id"] == "PYR-HTTP-10"


@pytest.mark.parametrize("header", IGNORED)
def test_unknown_unit_is_ignored(client, content, header):
    answer = client.get("/file.bin", Range=header)
    assert answer.status == 200
    assert answer["content-range"] is None
    assert answer.body == content


@pytest.mark.parametrize("n_ranges", [9, 100, 1000])
def test_many_ranges_are_refused(client, n_ranges):
    header = "bytes=" + ",".join(f"{2 * k}-{2 * k}" for k in range(n_ranges))
    answer = client.get("/file.bin", Range=header)
    assert answer.status == 400
    assert answer.json["error"]["id"] == "PYR-HTTP-10"


def test_overlapping_ranges_longer_than_the_file_are_refused(client):
    answer = client.get("/file.bin", Range=f"bytes=0-{N},0-{N}")
    assert answer.status == 400


@pytest.mark.parametrize(
    "spans", [[(0, 9), (20, 29)], [(5, 5), (100, 8000), (0, 3)], [(k, k) for k in range(8)]]
)
def test_several_ranges_are_parts(client, content, spans):
    header = "bytes=" + ",".join(f"{a}-{b}" for a, b in spans)
    answer = client.get("/file.bin", Range=header)
    assert answer.status == 206
    assert answer["content-range"] is None
    kind = answer["content-type"]
    assert kind.startswith("multipart/byteranges; boundary=")
    message = email.message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + answer.body)
    parts = message.get_payload()
    assert [part["Content-Range"] for part in parts] == [f"bytes {a}-{b}/{N}" for a, b in spans]
    boundary = b"--" + kind.partition("=")[2].encode()
    bodies = [piece.partition(b"\r\n\r\n")[2][:-2] for piece in answer.body.split(boundary)[1:-1]]
    assert bodies == [content[a : b + 1] for a, b in spans]


@pytest.mark.parametrize("header", ["bytes=0-", "bytes=0-0", "bytes=-1", "bytes=-0"])
def test_empty_file_has_no_range(client, header):
    assert client.get("/empty.bin", Range=header).status == 416


def test_empty_file(client):
    answer = client.get("/empty.bin")
    assert (answer.status, answer["content-length"], answer.body) == (200, "0", b"")


@pytest.mark.parametrize(
    "part",
    [slice(None), slice(1, None), slice(3, 8_000_003), slice(-8_500_000, None), slice(100, 200)],
)
def test_large_file_is_streamed_whole(client, large, part):
    start, stop, _ = part.indices(LARGE_BYTES)
    answer = client.get("/large.bin", Range=f"bytes={start}-{stop - 1}")
    assert answer.status == 206
    assert answer.body == large[part]


def test_large_file_in_several_ranges(client, large):
    answer = client.get("/large.bin", Range="bytes=0-4999999,6000000-7999999")
    assert answer.status == 206
    assert large[:5_000_000] in answer.body
    assert large[6_000_000:8_000_000] in answer.body


@pytest.mark.parametrize("header", [None, "bytes=0-9", "bytes=-5", "bytes=2-", f"bytes={N}-"])
@pytest.mark.parametrize("path", ["/file.bin", "/large.bin", "/empty.bin", "/nothing", "/inner"])
def test_head_has_the_headers_of_get(client, path, header):
    headers = {} if header is None else {"Range": header}
    get, head = client.get(path, **headers), client.head(path, **headers)
    assert head.status == get.status
    assert [p for p in head.pairs if p[0] != "date"] == [p for p in get.pairs if p[0] != "date"]
    assert head.body == b""


def test_one_connection_serves_many(client, content):
    for start in range(50):
        assert (
            client.get("/file.bin", Range=f"bytes={start}-{start}").body
            == content[start : start + 1]
        )
        assert client.head("/file.bin").status == 200
        assert client.get("/nothing").status == 404
        assert client.get("/file.bin", Range=f"bytes={N}-").status == 416
    assert client.n_connections == 1


def test_requests_sent_at_once_are_answered_in_order(client, content):
    def request(start):
        return f"GET /file.bin HTTP/1.1\r\nHost: {client.host}\r\nRange: bytes={start}-{start + 9}\r\n\r\n"

    from tests.server.http import read_answer

    with socket.create_connection(client.address, 10) as connection:
        connection.sendall("".join(request(start) for start in range(20)).encode())
        stream = connection.makefile("rb")
        assert [read_answer(stream).body for _ in range(20)] == [
            content[start : start + 10] for start in range(20)
        ]


def test_http_1_0_closes(client, content):
    answer = client.send(f"GET /file.bin HTTP/1.0\r\nHost: {client.host}\r\n\r\n".encode())
    assert (answer.status, answer["connection"], answer.body) == (200, "close", content)


def test_client_that_leaves_stops_the_work(tmp_path):
    with (tmp_path / "sparse.bin").open("wb") as file:
        file.truncate(500 * 10**9)  # would take minutes to send
    with serve_background(build_app([tmp_path])) as url, Client(url) as other:
        with socket.create_connection(other.address, 10) as connection:
            request = f"GET /sparse.bin HTTP/1.1\r\nHost: {other.host}\r\n\r\n"
            connection.sendall(request.encode())
            assert connection.recv(1000).startswith(b"HTTP/1.1 200")
        assert other.get("/sparse.bin", Range="bytes=-1").body == b"\0"
        begin = time.monotonic()
    assert time.monotonic() - begin < 3  # a stream under way would have been waited for
