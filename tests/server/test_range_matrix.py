"""Ranges with conditions, methods and origins: three hundred cases against a model, and nginx.

The model below is written from RFC 9110 (13.2.2 and 14) and knows nothing of the server's code.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import socket
import subprocess
import time

import pytest
from tests.server.conftest import N_BYTES
from tests.server.http import Client

N = N_BYTES
ORIGIN = "http://localhost:5173"

# header -> (start, stop) of the part; "416"; "400"; None for the whole file
RANGES = {
    None: None,
    "bytes=0-0": (0, 1),
    "bytes=17-4112": (17, 4113),
    "bytes=100-": (100, N),
    "bytes=-100": (N - 100, N),
    f"bytes=-{N + 1}": (0, N),
    f"bytes={N - 1}-{10**30}": (N - 1, N),
    f"bytes={N}-": "416",
    "bytes=-0": "416",
    "bytes=9-2": "416",
    "bytes=a-b": "416",
    "bytes=" + ",".join(f"{k}-{k}" for k in range(9)): "400",
    "items=0-9": None,
}
IF_RANGE = {None: True, "tag": True, "date": True, '"other"': False, "weak": False}
CONDITIONS = [
    {},
    {"If-None-Match": "tag"},
    {"If-None-Match": '"other"'},
    {"If-Match": "tag"},
    {"If-Match": '"other"'},
]
CASES = list(itertools.product(RANGES, IF_RANGE, range(len(CONDITIONS))))


def test_there_are_enough():
    assert len(CASES) >= 300


@pytest.fixture(scope="module")
def known(url):
    with Client(url) as client:
        answer = client.head("/file.bin")
    return {"tag": answer["etag"], "weak": "W/" + answer["etag"], "date": answer["last-modified"]}


def model(range_, if_range, condition):
    """Return status and part."""
    if condition.get("If-Match") == '"other"':
        return 412, None
    if condition.get("If-None-Match") == "tag":
        return 304, None
    part = RANGES[range_] if IF_RANGE[if_range] else None
    if part in ("416", "400"):
        return int(part), None
    return (200, (0, N)) if part is None else (206, part)


@pytest.mark.parametrize("condition", CONDITIONS, ids=str)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_model(client, content, known, method, condition):
    for range_, if_range in itertools.product(RANGES, IF_RANGE):
        case = (range_, if_range)
        sent = {"Range": range_, "If-Range": if_range, **condition, "Origin": ORIGIN}
        headers = {name: known.get(v, v) for name, v in sent.items() if v is not None}
        answer = client.ask(method, "/file.bin", headers)
        status, part = model(range_, if_range, condition)
        assert answer.status == status, case
        assert answer["access-control-allow-origin"] == ORIGIN, case
        placed = f"bytes {part[0]}-{part[1] - 1}/{N}" if status == 206 else None
        if status == 416:
            placed = f"bytes */{N}"
        assert answer["content-range"] == placed, case
        if part is not None:
            assert answer["content-length"] == str(part[1] - part[0]), case
            assert answer["etag"] == known["tag"], case
            assert answer["accept-ranges"] == "bytes", case
            assert answer.body == (content[slice(*part)] if method == "GET" else b""), case
    assert client.n_connections == 1


@pytest.mark.parametrize("asked", ["range", "Range, If-Range", "if-none-match", "x-other", None])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
@pytest.mark.parametrize("origin", [ORIGIN, "https://evil.org", None])
def test_preflight(client, origin, method, asked):
    """What a page may send does not depend on what it asks for: the browser compares."""
    sent = {"Origin": origin, "Access-Control-Request-Method": method}
    sent["Access-Control-Request-Headers"] = asked
    answer = client.ask("OPTIONS", "/file.bin", {k: v for k, v in sent.items() if v is not None})
    assert answer.status == (403 if origin == "https://evil.org" else 204)
    allowed = answer["access-control-allow-methods"]
    assert allowed == ("GET, HEAD, OPTIONS" if origin == ORIGIN else None)
    if origin == ORIGIN:
        assert answer["access-control-allow-headers"] == "Range, If-None-Match, If-Range"


PLAIN = [
    None, "bytes=0-0", "bytes=0-9", "bytes=17-4112", "bytes=100-", "bytes=-1", "bytes=-100",
    f"bytes=-{N}", f"bytes=-{N + 1}", f"bytes={N - 1}-", f"bytes={N - 5}-{N + 5}", f"bytes=0-{N}",
    f"bytes={N}-", f"bytes={N}-{N + 9}", "bytes=9-2", "bytes=a-b", "bytes=1.5-2", "items=0-9",
]  # fmt: skip
"""An empty ``bytes=`` is left out: nginx sends the whole file, and we say that it makes no sense."""


@pytest.fixture(scope="module")
def nginx(root, tmp_path_factory):
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        pytest.skip("nginx is not installed")
    folder = tmp_path_factory.mktemp("nginx")
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    user = "user root;" if os.getuid() == 0 else ""
    temporary = "".join(
        f"{name}_temp_path {folder}/{name};"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"{user} daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/log;"
        f"events {{}} http {{ access_log off; {temporary} default_type application/octet-stream;"
        f"server {{ listen 127.0.0.1:{port}; root {root}; }} }}"
    )
    process = subprocess.Popen([program, "-p", folder, "-c", folder / "nginx.conf", "-e", "log"])
    try:
        until = time.monotonic() + 10
        while time.monotonic() < until:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.05)
        with Client(f"http://127.0.0.1:{port}") as client:
            yield client
    finally:
        process.terminate()
        process.wait(10)


@pytest.mark.parametrize("range_", PLAIN)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_as_nginx(client, nginx, method, range_):
    headers = {} if range_ is None else {"Range": range_}
    ours, theirs = (each.ask(method, "/file.bin", headers) for each in (client, nginx))
    assert ours.status == theirs.status
    assert ours["content-range"] == theirs["content-range"]
    if ours.status in (200, 206):
        assert ours["content-length"] == theirs["content-length"]
        assert ours["last-modified"] == theirs["last-modified"]
        assert ours.body == theirs.body


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize(
    "name", ["If-None-Match", "If-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range"]
)
def test_conditions_as_nginx(client, nginx, name, own):
    answers = []
    for each in (client, nginx):
        each.close()  # nginx does not keep a connection after every status
        known = each.head("/file.bin")
        if "Since" in name:
            value = known["last-modified"] if own else "Thu, 01 Jan 1998 00:00:00 GMT"
        else:
            value = known["etag"] if own else '"other"'
        answers.append(each.ask("GET", "/file.bin", {name: value, "Range": "bytes=3-12"}))
    ours, theirs = answers
    assert ours.status == theirs.status
    assert ours["content-range"] == theirs["content-range"]
    if ours.status in (200, 206):
        assert ours.body == theirs.body
