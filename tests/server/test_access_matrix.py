"""Every combination of bind, token, name, origin, secret and method, against the rules in words.

The rules (docs/explanation/server-security.md): first the Host header, then the method, then the
token; pages of other origins see no CORS header whatever the answer is.
"""

from __future__ import annotations

import itertools
import socket

import pytest
from tests.server.http import Client

from pyramidion.server import ServerSettings, build_app, serve_background

TOKEN = "n6WqJ8kq2c-correct-horse"
NAMED = "https://viewer.example.org"

SERVERS = {
    "loopback": {},
    "loopback-6": {"host": "::1"},
    "named page": {"cors": (NAMED,)},
    "all pages": {"cors": ("*",)},
    "named host": {"allowed_hosts": ("lab3.example.org",)},
    "loopback, token": {"token": TOKEN},
    "network, token": {"host": "0.0.0.0", "token": TOKEN, "cors": (NAMED,)},
    "network, free here": {"host": "0.0.0.0", "token": TOKEN, "free_for_this_machine": True},
    "public": {"host": "0.0.0.0", "public": True},
    "public, loopback": {"public": True},
}
HOSTS = ["own", "localhost", "127.0.0.1", "other port", "lab3.example.org", "evil.org", "none", "two"]  # fmt: skip
ORIGINS = [None, "http://localhost:5173", NAMED, "https://evil.org", "null"]
SECRETS = ["none", "header", "wrong header", "query", "wrong query", "cookie"]
METHODS = ["GET", "HEAD", "OPTIONS", "POST"]
N_CASES = len(SERVERS) * len(HOSTS) * len(ORIGINS) * len(SECRETS) * len(METHODS)


def test_matrix_is_large():
    assert N_CASES >= 400


def is_origin_allowed(settings, origin):
    if settings.get("public") or settings.get("cors") == ("*",):
        return True
    return origin == "http://localhost:5173" or origin in settings.get("cors", ())


def is_host_allowed(settings, host):
    if settings.get("public") or host in ("own", "localhost", "127.0.0.1"):
        return True
    return host in settings.get("allowed_hosts", ())


def expected_status(settings, host, origin, secret, method):
    """Return the status that the rules ask for."""
    if host in ("none", "two"):
        return 400
    if not is_host_allowed(settings, host):
        return 421
    if method == "OPTIONS":
        return 204 if origin is None or is_origin_allowed(settings, origin) else 403
    if method == "POST":
        return 405
    if "token" not in settings:
        return 200
    if "query" in secret:  # an address with a token is checked and cleaned wherever it is used
        return 401 if "wrong" in secret else 303
    if settings.get("free_for_this_machine"):
        return 200
    return 200 if secret in ("header", "cookie") else 401


def expected_cors(settings, origin):
    if settings.get("public") or settings.get("cors") == ("*",):
        return "*"
    return origin if origin is not None and is_origin_allowed(settings, origin) else None


def request_of(client, cookie, host, origin, secret, method):
    port = client.address[1]
    hosts = {
        "own": [client.host],
        "other port": [f"localhost:{port % 60_000 + 1}"],
        "none": [],
        "two": [client.host, client.host],
    }.get(host, [f"{host}:{port}"])
    lines = [f"Host: {each}" for each in hosts]
    lines += [] if origin is None else [f"Origin: {origin}"]
    lines += {
        "header": [f"Authorization: Bearer {TOKEN}"],
        "wrong header": [f"Authorization: Bearer {TOKEN}x"],
        "cookie": [f"Cookie: a=b; {cookie}"],
    }.get(secret, [])
    query = {"query": f"?token={TOKEN}&v=1", "wrong query": "?token=wrong"}.get(secret, "")
    return f"{method} /file.bin{query} HTTP/1.1\r\n" + "\r\n".join(lines) + "\r\n\r\n"


@pytest.mark.parametrize("name", SERVERS)
def test_matrix(root, content, name):
    settings = SERVERS[name]
    if settings.get("host") == "::1" and not has_loopback_6():
        pytest.skip("this machine has no ::1")
    made = ServerSettings(port=0, **settings)
    with serve_background(build_app([root], made), made) as url, Client(url) as client:
        cookie = "pyramidion=none"
        if "token" in settings:
            cookie = client.get(f"/?token={TOKEN}")["set-cookie"].partition(";")[0]
        for case in itertools.product(HOSTS, ORIGINS, SECRETS, METHODS):
            method = case[-1]
            request = request_of(client, cookie, *case).encode()
            answer = client.send(request, has_body=method != "HEAD")
            assert answer.status == expected_status(settings, *case), case
            check_cors(settings, answer, case)
            check_secrets(answer, case)
            if method == "GET" and answer.status == 200:
                assert answer.body == content, case


def check_cors(settings, answer, case):
    wanted = expected_cors(settings, case[1])
    assert answer["access-control-allow-origin"] == wanted, case
    assert answer["access-control-allow-credentials"] is None, case
    if wanted is None:
        assert answer.cors == set(), case
    if wanted != "*":
        assert answer["vary"] == "Origin", case
        assert answer["cross-origin-resource-policy"] == "same-origin", case


def check_secrets(answer, case):
    for name, value in answer.pairs:
        assert TOKEN not in value, (name, case)
    assert TOKEN.encode() not in answer.body, case
    assert (answer["set-cookie"] is None) == (answer.status != 303), case
    assert (answer["location"] is None) == (answer.status != 303), case


def has_loopback_6():
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False
