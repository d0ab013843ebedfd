"""What the command line is told before anything is bound: the rows SRV-01 to SRV-05."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from pyramidion.core import StorageError, UsageError
from pyramidion.server import (
    ServerSettings,
    bind,
    check_bind,
    check_origins,
    check_port,
    check_roots,
)


def test_port_in_use_names_the_process():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StorageError) as caught:
            bind(ServerSettings(port=port))
    assert (
        caught.value.line
        == f"--port: {port} in use by process {os.getpid()}: use --port 0 for a free one"
    )
    assert (caught.value.id, caught.value.status) == ("PYR-SRV-01", 1)


@pytest.mark.parametrize("port", [70000, 65536, -1])
def test_no_port(port):
    with pytest.raises(UsageError, match="not a port") as caught:
        check_port(port)
    assert (caught.value.id, caught.value.status) == ("PYR-SRV-01", 2)


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host", "256.1.1.1", "a" * 300])
def test_no_address(host):
    with pytest.raises(UsageError, match="not an address") as caught:
        bind(ServerSettings(host=host, port=0))
    assert caught.value.id == "PYR-SRV-01"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "0.0.0.0"])
def test_port_0_is_a_free_one(host):
    with bind(ServerSettings(host=host, port=0)) as listener:
        assert listener.getsockname()[1] > 0


def test_root_missing_or_a_file(tmp_path):
    with pytest.raises(UsageError, match="no such folder") as caught:
        check_roots([tmp_path / "nothing"])
    assert (caught.value.id, caught.value.status) == ("PYR-SRV-02", 2)
    file = tmp_path / "scope.h5"
    file.write_text("x")
    with pytest.raises(
        UsageError, match=r"convert it first: pyramidion convert .*scope.h5 .*scope.zarr"
    ):
        check_roots([file])
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(UsageError, match="cannot be opened"):
        check_roots([tmp_path / "loop"])
    with pytest.raises(UsageError, match="nothing to serve"):
        check_roots([])


def test_whole_disk_and_home(tmp_path, monkeypatch):
    home = tmp_path / "home" / "me"
    (home / "data").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    with pytest.raises(UsageError) as caught:
        check_roots(["/"])
    assert caught.value.line == "/: refusing to serve the whole disk: name a folder (--really)"
    (tmp_path / "link").symlink_to("/")
    for path in (home, home.parent, home / "data" / "..", tmp_path / "link"):
        with pytest.raises(UsageError, match="refusing to serve") as caught:
            check_roots([path])
        assert caught.value.id == "PYR-SRV-02"
    assert check_roots([home / "data"]) == {"": home / "data"}
    assert check_roots([home], really=True) == {"": home}
    assert check_roots(["/"], really=True) == {"": Path("/")}


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "lab3", ""])
def test_other_machines_need_a_token(host):
    first, second = check_bind(host), check_bind(host)
    assert len(first) >= 43  # 256 bits
    assert first != second
    assert check_bind(host, "mine") == "mine"
    with pytest.raises(UsageError, match="add --really") as caught:
        check_bind(host, no_token=True)
    assert caught.value.id == "PYR-SRV-03"
    assert check_bind(host, no_token=True, really=True) is None


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "::1", "localhost"])
def test_this_machine_needs_none(host):
    assert check_bind(host) is None
    assert check_bind(host, "mine") == "mine"


@pytest.mark.parametrize("token", ["", "two words", "é", "line\nbreak"])
def test_token_that_no_header_carries(token):
    with pytest.raises(UsageError, match="cannot be sent"):
        check_bind("127.0.0.1", token)


def test_token_given_and_declined():
    with pytest.raises(UsageError, match="contradicts"):
        check_bind("127.0.0.1", "mine", no_token=True)


def test_star_with_a_token():
    with pytest.raises(UsageError) as caught:
        check_origins(["*"], token="mine")
    assert caught.value.line == "--cors: `*` cannot be used with a token: name the origins"
    assert caught.value.id == "PYR-SRV-04"
    assert check_origins(["https://a.org", "*"]) == ("*",)


@pytest.mark.parametrize(
    ("origin", "mend"),
    [
        ("example.org/x", "write https://example.org"),
        ("example.org", "write https://example.org"),
        ("https://example.org/", "write https://example.org"),
        ("https://example.org/x?y#z", "write https://example.org"),
        ("http://example.org:8000/", "write http://example.org:8000"),
        ("https://user@example.org", "write https://example.org"),
        ("ftp://example.org", "write for example https://example.org"),
        ("null", "write https://null"),
        ("", "write for example https://example.org"),
        ("https://", "write for example https://example.org"),
        ("https://a b", "write for example https://example.org"),
        ("https://[::1", "write for example https://example.org"),
        ("https://a.org:99999", "write for example https://example.org"),
        ("https://*.example.org", "write for example https://example.org"),
        ("javascript:alert(1)", "write for example https://example.org"),
    ],
)
def test_no_origin(origin, mend):
    with pytest.raises(UsageError) as caught:
        check_origins([origin])
    assert caught.value.what == "not an origin"
    assert caught.value.mend == mend
    assert (caught.value.id, caught.value.status) == ("PYR-SRV-05", 2)


def test_origins():
    given = [
        "https://example.org",
        "http://localhost:3000",
        "HTTPS://Example.ORG",
        "https://a.org:443",
        "http://[::1]:8000",
    ]
    assert check_origins(given) == (
        "https://example.org",
        "http://localhost:3000",
        "https://example.org",
        "https://a.org",
        "http://[::1]:8000",
    )
