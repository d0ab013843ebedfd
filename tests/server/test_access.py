"""Names and tokens: who is answered at all."""

from __future__ import annotations

import contextlib

import pytest
from tests.server.http import Client

from pyramidion.server import ServerSettings, build_app, serve_background


def get(client, *hosts, path="/file.bin"):
    lines = "".join(f"Host: {host}\r\n" for host in hosts)
    return client.send(f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode())


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]", "LOCALHOST", "LocalHost"])
def test_names_of_this_machine(client, name):
    assert get(client, f"{name}:{client.address[1]}").status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.org",
        "evil.org:{port}",
        "localhost.evil.org:{port}",
        "evil-localhost:{port}",
        "127.0.0.1.evil.org:{port}",
        "127.0.0.2:{port}",
        "0.0.0.0:{port}",
        "localhost:1",
        "localhost",
        "localhost:",
        "localhost:99999999",
        "localhost:{port}x",
        "localhost:{port}/",
        "user@localhost:{port}",
        "localhost:{port}, evil.org",
        "localhost.:{port}",
        "::1:{port}",
        "[::1]x:{port}",
        "http://localhost:{port}",
        "",
        "*",
    ],
)
def test_other_names_are_misdirected(client, host):
    answer = get(client, host.format(port=client.address[1]))
    assert answer.status == 421
    assert answer.json["error"]["id"] == "PYR-HTTP-05"


def test_no_host_and_two_hosts_are_bad(client):
    assert get(client).status == 400
    assert get(client, client.host, client.host).status == 400
    assert get(client, client.host, "evil.org").status == 400


@pytest.mark.parametrize("target", ["http://evil.org/file.bin", "http://localhost/file.bin"])
def test_absolute_form_is_misdirected(client, target):
    assert get(client, client.host, path=target).status == 421


def test_wrong_host_is_refused_before_anything_else(client):
    head = "Host: evil.org\r\nOrigin: http://localhost\r\n"
    for method in ("GET", "OPTIONS", "PUT"):
        answer = client.send(f"{method} /file.bin HTTP/1.1\r\n{head}\r\n".encode())
        assert answer.status == 421


def test_allowed_hosts(serve, root):
    client = serve([root], allowed_hosts=("lab3.example.org", "localhost:9000"))
    for host in ("lab3.example.org", "lab3.example.org:8443", "LAB3.example.org", "localhost:9000"):
        assert get(client, host).status == 200
    for host in ("lab4.example.org", "localhost:9001", "x.lab3.example.org"):
        assert get(client, host).status == 421


def test_address_that_was_reached_is_a_name(root):
    settings = ServerSettings(host="0.0.0.0", port=0)
    with serve_background(build_app([root], settings), settings) as url, Client(url) as client:
        client.address = ("127.0.0.3", client.address[1])
        assert get(client, f"127.0.0.3:{client.address[1]}").status == 200
        assert get(client, f"127.0.0.4:{client.address[1]}").status == 421


TOKEN = "n6WqJ8kq2c-correct-horse"


@pytest.fixture(scope="module")
def guarded_url(root):
    settings = ServerSettings(port=0, token=TOKEN)
    with serve_background(build_app([root], settings), settings) as url:
        yield url


@pytest.fixture
def guarded(guarded_url):
    with Client(guarded_url) as client:
        yield client


WRONG = [
    {},
    {"Authorization": "Bearer wrong"},
    {"Authorization": "Bearer"},
    {"Authorization": f"Basic {TOKEN}"},
    {"Authorization": TOKEN},
    {"Authorization": f"Bearer {TOKEN}x"},
    {"Authorization": f"Bearer {TOKEN[:-1]}"},
    {"Authorization": f"Bearer {TOKEN.upper()}"},
    {"Authorization": "Bearer " + "x" * 10_000},
    {"Cookie": f"token={TOKEN}"},
    {"Cookie": f"pyramidion={TOKEN}"},
    {"Cookie": "pyramidion-{port}=" + TOKEN},
    {"Cookie": "pyramidion-{port}="},
    {"X-Token": TOKEN},
    {"Referer": f"http://localhost/?token={TOKEN}"},
]


@pytest.mark.parametrize(
    "path", ["/file.bin", "/", "/api/datasets", "/viewer/", "/nothing", "/../x"]
)
@pytest.mark.parametrize("headers", WRONG)
def test_wrong_token_is_401(guarded, headers, path):
    headers = {k: v.replace("{port}", str(guarded.address[1])) for k, v in headers.items()}
    answer = guarded.ask("GET", path, headers)
    assert answer.status == 401
    assert answer["www-authenticate"] == "Bearer"
    assert TOKEN.encode() not in answer.body
    assert answer["etag"] is None


@pytest.mark.parametrize(
    "query",
    [
        "token=",
        "token=wrong",
        f"token={TOKEN}&token=wrong",
        f"Token={TOKEN}",
        f"t={TOKEN}",
        f"token[]={TOKEN}",
    ],
)
def test_wrong_token_in_the_query_is_401(guarded, query):
    answer = guarded.get(f"/file.bin?{query}")
    assert answer.status == 401
    assert answer["set-cookie"] is None


@pytest.mark.parametrize("size", [20_000, 1_000_000])
def test_endless_token_is_refused(guarded, size):
    with contextlib.suppress(OSError):  # closed while it was still being sent
        assert guarded.get("/file.bin", Authorization="Bearer " + "x" * size).status == 431


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_token_in_the_header(guarded, content, scheme):
    answer = guarded.get("/file.bin", Authorization=f"{scheme} {TOKEN}")
    assert (answer.status, answer.body) == (200, content)
    assert answer["set-cookie"] is None


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (f"/?token={TOKEN}", "/"),
        (f"/viewer/?data=/w.zarr&token={TOKEN}", "/viewer/?data=/w.zarr"),
        (f"/viewer/?token={TOKEN}&data=/w.zarr", "/viewer/?data=/w.zarr"),
        (f"//evil.org/?token={TOKEN}", "/evil.org/"),
        (f"/\\evil.org/?token={TOKEN}", "/evil.org/"),
    ],
)
def test_token_in_the_query_becomes_a_cookie(guarded, content, path, place):
    answer = guarded.get(path)
    assert answer.status == 303
    assert answer["location"] == place
    assert answer["cache-control"] == "no-store"
    cookie, *rules = [part.strip() for part in answer["set-cookie"].split(";")]
    assert set(rules) == {"Path=/", "HttpOnly", "SameSite=Strict"}
    assert TOKEN not in cookie
    assert guarded.get("/file.bin", Cookie=f"other=1; {cookie}").body == content
    assert guarded.get("/file.bin", Cookie=f"{cookie}x").status == 401


def test_cookie_is_only_good_for_its_server(serve, root, guarded):
    cookie = guarded.get(f"/?token={TOKEN}")["set-cookie"].partition(";")[0]
    other = serve([root], token="another token")
    assert other.get("/file.bin", Cookie=cookie).status == 401


def test_without_a_token_none_is_asked_for(client):
    assert client.get("/file.bin?token=anything").status == 200
    assert client.get("/file.bin", Authorization="Bearer anything").status == 200
