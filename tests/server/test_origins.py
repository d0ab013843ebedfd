"""Which pages may read: the answer to each kind of origin."""

from __future__ import annotations

import pytest

LOCAL = [
    "http://localhost",
    "http://localhost:3000",
    "https://localhost:8443",
    "http://127.0.0.1",
    "http://127.0.0.1:65535",
    "https://127.0.0.1:1",
    "http://[::1]",
    "http://[::1]:8000",
]
STRANGE = [
    "https://example.org",
    "http://localhost.example.org",
    "http://localhost:3000.example.org",
    "http://127.0.0.1.example.org",
    "http://127.0.0.2",
    "http://evil-localhost",
    "http://evil.org/http://localhost",
    "http://localhost@evil.org",
    "ftp://localhost",
    "localhost",
    "null",
    "*",
    "file://",
    "",
    "http://localhost:",
    "http://localhost:999999",
    " http://evil.org",
    "http://LOCALHOST.evil",
]
EXPOSED = {
    "Content-Length",
    "Content-Range",
    "ETag",
    "Accept-Ranges",
    "X-Frame-Number",
    "X-Timestamp",
    "X-Frame-Shape",
    "X-Frame-Dtype",
}
PATHS = ["/file.bin", "/nothing", "/", "/api/datasets"]


def words(value):
    return {word.strip() for word in value.split(",")}


def assert_may_read(answer, origin):
    assert answer["access-control-allow-origin"] == origin
    assert words(answer["access-control-expose-headers"]) == EXPOSED
    assert answer["access-control-allow-credentials"] is None
    assert answer["vary"] == "Origin"


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("origin", LOCAL)
def test_pages_of_this_machine_may_read(client, origin, path):
    assert_may_read(client.get(path, Origin=origin), origin)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("origin", STRANGE)
def test_other_pages_see_no_header(client, origin, path):
    answer = client.get(path, Origin=origin)
    assert answer.status in (200, 404)
    assert answer.cors == set()
    assert answer["vary"] == "Origin"


@pytest.mark.parametrize("header", ["bytes=0-3", "bytes=99999-", "bytes=0-,0-"])
def test_partial_and_refused_answers_have_the_headers(client, header):
    assert_may_read(client.get("/file.bin", Origin=LOCAL[1], Range=header), LOCAL[1])


def test_unchanged_answers_have_the_headers(client):
    tag = client.get("/file.bin")["etag"]
    answer = client.get("/file.bin", Origin=LOCAL[1], If_None_Match=tag)
    assert answer.status == 304
    assert_may_read(answer, LOCAL[1])


def test_no_page_no_header(client):
    answer = client.get("/file.bin")
    assert answer.cors == set()
    assert answer["vary"] == "Origin"


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("origin", LOCAL)
def test_preflight_of_an_allowed_page(client, origin, path):
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "range",
    }
    answer = client.ask("OPTIONS", path, asked)
    assert (answer.status, answer.body) == (204, b"")
    assert_may_read(answer, origin)
    assert words(answer["access-control-allow-methods"]) == {"GET", "HEAD", "OPTIONS"}
    assert words(answer["access-control-allow-headers"]) == {"Range", "If-None-Match", "If-Range"}
    assert answer["access-control-max-age"] == "86400"
    assert answer["access-control-allow-private-network"] is None


@pytest.mark.parametrize("origin", STRANGE)
def test_preflight_of_another_page(client, origin):
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Private-Network": "true",
    }
    answer = client.ask("OPTIONS", "/file.bin", asked)
    assert answer.status == 403
    assert answer.cors == set()
    assert answer.json["error"]["id"] == "PYR-HTTP-07"


def test_private_network_is_answered(client):
    asked = {
        "Origin": LOCAL[0],
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Private-Network": "true",
    }
    answer = client.ask("OPTIONS", "/file.bin", asked)
    assert answer["access-control-allow-private-network"] == "true"


def test_options_without_a_page(client):
    answer = client.ask("OPTIONS", "/file.bin")
    assert (answer.status, answer["allow"], answer.cors) == (204, "GET, HEAD, OPTIONS", set())


def test_named_origins_may_read_too(serve, root):
    client = serve([root], cors=("https://example.org",))
    assert_may_read(client.get("/file.bin", Origin="https://example.org"), "https://example.org")
    assert_may_read(client.get("/file.bin", Origin=LOCAL[0]), LOCAL[0])
    for other in ("http://example.org", "https://example.org:444", "https://a.example.org"):
        assert client.get("/file.bin", Origin=other).cors == set()


def test_every_origin_may_read(serve, root):
    client = serve([root], cors=("*",))
    for origin in [*LOCAL, *STRANGE]:
        answer = client.get("/file.bin", Origin=origin)
        assert answer["access-control-allow-origin"] == "*"
        assert answer["access-control-allow-credentials"] is None
    asked = {"Origin": "https://a.org", "Access-Control-Request-Method": "GET"}
    assert client.ask("OPTIONS", "/file.bin", asked).status == 204


def test_token_may_be_sent_by_allowed_pages(serve, root):
    client = serve([root], token="secret")
    asked = {"Origin": LOCAL[0], "Access-Control-Request-Method": "GET"}
    answer = client.ask("OPTIONS", "/file.bin", asked)
    assert answer.status == 204
    assert "Authorization" in words(answer["access-control-allow-headers"])
