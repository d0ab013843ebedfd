"""The access log: one line for each request, and never a secret."""

from __future__ import annotations

import os
import re
import select
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.server.http import Client
from tests.server.test_command import fails, pyramidion, url_in

from pyramidion.server import ServerSettings, _access_log, build_app, serve_background
from pyramidion.server._access_log import AccessLog

TOKEN = "canary-7b1f"
LINE = re.compile(
    r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d (?P<client>\S+) "(?P<asked>[^"]*)"'
    r" (?P<status>\d{3}) (?P<n_bytes>\d+) (?P<ms>\d+\.\d)"
)


@pytest.fixture
def log(root, tmp_path):
    """Return a function that asks for paths and returns what was logged."""

    def asked(*asks, **options):
        path = tmp_path / "access.log"
        settings = ServerSettings(port=0, access_log=str(path), **options)
        with (
            serve_background(build_app([root], settings), settings) as url,
            Client(url) as client,
        ):
            for ask in asks:
                ask(client)
        lines = path.read_text().splitlines()
        found = [LINE.fullmatch(line) for line in lines]
        assert all(found), lines
        return [match.groupdict() for match in found]

    return asked


def test_a_line_for_each_request(log, content, large):
    lines = log(
        lambda client: client.get("/file.bin"),
        lambda client: client.get("/file.bin?v=3", Range="bytes=10-19"),
        lambda client: client.head("/file.bin"),
        lambda client: client.get("/large.bin"),
        lambda client: client.get("/nothing"),
        lambda client: client.ask("POST", "/file.bin"),
    )
    told = [(line["asked"], int(line["status"])) for line in lines]
    assert told == [
        ("GET /file.bin", 200),
        ("GET /file.bin?v=3", 206),
        ("HEAD /file.bin", 200),
        ("GET /large.bin", 200),
        ("GET /nothing", 404),
        ("POST /file.bin", 405),
    ]
    n_bytes = [int(line["n_bytes"]) for line in lines]
    assert n_bytes[:4] == [len(content), 10, 0, len(large)]
    assert [line["n_bytes"] for line in log(lambda client: client.head("/"))][-1] == "0"
    assert all(line["client"] == "127.0.0.1" for line in lines)


def test_what_cannot_be_parsed_is_a_line_too(log):
    lines = log(
        lambda client: client.send(b"FOO / HTTP/1.1\r\n\r\n"),
        lambda client: client.get("/" + "a" * 9000),
    )
    assert [(line["asked"], line["status"]) for line in lines] == [("- -", "501"), ("- -", "414")]


ANYWHERE = [
    lambda client: client.get(f"/?v={TOKEN}"),
    lambda client: client.get(f"/{TOKEN}/file.bin"),
]
SECRETS = [
    lambda client: client.get(f"/?token={TOKEN}"),
    lambda client: client.get(f"/?a=1&%74oken={TOKEN}&v=2"),
    lambda client: client.get("/file.bin", Authorization=f"Bearer {TOKEN}"),
    lambda client: client.get("/file.bin", Cookie=f"a={TOKEN}"),
    lambda client: client.get("/file.bin", Referer=f"http://h/?token={TOKEN}"),
    lambda client: client.get(f"/viewer/?data=https://ada:{TOKEN}@example.org/a.zarr"),
    lambda client: client.get(f"/mod_visus?dataset=x&{TOKEN}"),
]


@pytest.mark.parametrize("ask", SECRETS)
def test_what_may_be_a_secret_is_not_logged(log, ask):
    (line,) = log(ask)
    assert TOKEN not in str(line)


@pytest.mark.parametrize("ask", SECRETS + ANYWHERE)
def test_the_token_is_not_logged_wherever_it_is(log, ask):
    (line,) = log(ask, token=TOKEN)
    assert TOKEN not in str(line)


def test_cookie_is_not_logged(log):
    lines = log(lambda client: client.get(f"/?token={TOKEN}"), token=TOKEN)
    assert "cookie" not in str(lines).lower()
    assert lines[0]["asked"] == "GET /?*"


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/a%0ab", "/a%0ab"),
        ("/mod_visus?box=0%201&toh=9", "/mod_visus?box=0%201&toh=9"),
        ("/latest?after=7&wait=10&x=1&other=3", "/latest?after=7&wait=10&x=1&*"),
        ("/mod_visus?dataset=ada:x@y", "/mod_visus?*"),
        ("/a?", "/a"),
    ],
)
def test_what_is_shown_of_a_url(log, path, shown):
    (line,) = log(lambda client: client.get(path))
    assert line["asked"] == f"GET {shown}"


def test_bytes_that_are_no_text_stay_on_one_line(log):
    target = b'/\xff\x1b[31m"\xc2\x85\xe2\x80\xa8'

    def ask(client):
        with socket.create_connection(client.address, 10) as connection:
            connection.sendall(b"GET %b HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" % target)
            while connection.recv(1000):
                pass

    (line,) = log(ask)
    assert line["asked"].isprintable()


def test_it_is_added_to(log):
    assert len(log(lambda client: client.get("/a"))) == 1
    assert [line["asked"] for line in log(lambda client: client.get("/b"))] == ["GET /a", "GET /b"]


def test_a_log_that_cannot_be_written_stops_nobody(root, content, caplog):
    settings = ServerSettings(port=0, access_log="/dev/full")
    with serve_background(build_app([root]), settings) as url, Client(url) as client:
        for _ in range(20):
            assert client.get("/file.bin").body == content
    assert [record.message for record in caplog.records] == [
        "the access log cannot be written: [Errno 28] No space left on device"
    ]


def test_a_log_that_is_stuck_takes_no_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(_access_log, "_MAX_WAITING", 1000)
    os.mkfifo(tmp_path / "log")
    with open(tmp_path / "log", "r+b", buffering=0) as pipe:  # noqa: PTH123 - not seekable
        log = AccessLog(str(tmp_path / "log"))
        for n in range(9000):
            log.add("10.0.0.7", "GET", b"/" + b"x" * 100, 200, 5, 0.1)
            if n >= 900:  # so many at once are more than the pipe holds: it is stuck with them
                log.write()
        assert len(log._lines) == 1000
        found = b""
        with ThreadPoolExecutor(1) as threads:
            closed = threads.submit(log.close)
            while not closed.done() or select.select([pipe], [], [], 0)[0]:
                if select.select([pipe], [], [], 0.05)[0]:
                    found += pipe.read(2**16)
        lines = found.decode().splitlines()
    (told,) = [line for line in lines if line.startswith("#")]
    assert int(told.split()[1]) + len(lines) - 1 == 9000


@pytest.mark.slow
def test_on_stdout_and_off_by_default(root):
    for options, logged in ((["--access-log", "-"], True), ([], False)):
        with pyramidion("serve", root, "--port", "0", *options) as process:
            with Client(url_in(process.stdout.readline())) as client:
                client.get("/file.bin")
            process.terminate()
            out, error = process.communicate(timeout=20)
            assert ('"GET /file.bin" 200 10007' in out, error) == (logged, "")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("/no/where/a.log", "--access-log /no/where/a.log: cannot be written (no such file or dir"),
        ("{folder}", "cannot be written (is a directory)"),
        ("{root}/a.log", "lies inside what is served"),
    ],
)
def test_places_that_will_not_do(root, tmp_path, place, words):
    place = place.format(root=root, folder=tmp_path)
    status, line = fails("serve", root, "--port", "0", "--access-log", place)
    assert status == 2
    assert words in line
