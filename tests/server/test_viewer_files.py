"""The viewer's files: types, tags, compression, policy; and the plain listing of folders."""

from __future__ import annotations

import gzip
import os
import re
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount
from tests.server.http import Client

import pyramidion.server
from pyramidion.server import ServerSettings, serve_background
from pyramidion.server._files import Files
from pyramidion.server._fingerprint import Fingerprint
from pyramidion.server._guard import Guard
from pyramidion.server._page_files import PageFiles

PAGE = (
    '<!doctype html><title>x</title><script src="inner/part.js"></script><link href="style.css">'
    '<link href="https://example.org/x.css"><a href="#top"></a>' + " " * 1000
)
SCRIPT = "export const answer = 42;\n" * 100


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    (folder / "inner").mkdir()
    for name, text in {
        "index.html": PAGE,
        "inner/part.js": SCRIPT,
        "part.mjs": SCRIPT,
        "style.css": "body{}",
        "icon.svg": "<svg/>",
        "code.wasm": "\0asm",
        "data.json": "{}",
        ".secret": "x",
    }.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture(scope="module")
def viewer_url(folder):
    settings = ServerSettings(port=0)
    guard = Middleware(Guard, settings=settings, files=Files({}))
    app = Starlette(routes=[Mount("/viewer", app=PageFiles(folder))], middleware=[guard])
    with serve_background(app, settings) as url:
        yield url


@pytest.fixture
def viewer(viewer_url):
    with Client(viewer_url) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("", "text/html; charset=utf-8"),
        ("index.html", "text/html; charset=utf-8"),
        ("inner/part.js", "text/javascript; charset=utf-8"),
        ("part.mjs", "text/javascript; charset=utf-8"),
        ("style.css", "text/css; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
        ("code.wasm", "application/wasm"),
        ("data.json", "application/json"),
    ],
)
def test_types_and_policy(viewer, folder, path, kind):
    answer = viewer.get(f"/viewer/{path}")
    assert answer.status == 200
    if answer["content-type"].startswith("text/html"):
        assert re.sub(rb"~\w+/", b"", answer.body) == PAGE.encode()
    else:
        assert answer.body == (folder / path).read_bytes()
    assert answer["content-type"] == kind
    assert answer["x-content-type-options"] == "nosniff"
    assert answer["referrer-policy"] == "no-referrer"
    assert answer["cache-control"] == "no-cache"
    policy = {
        rule.split()[0]: rule.split()[1:] for rule in answer["content-security-policy"].split(";")
    }
    assert policy == {
        "default-src": ["'self'"],
        "worker-src": ["'self'"],
        "img-src": ["'self'", "data:", "blob:"],
        "connect-src": ["*"],
        "style-src": ["'self'"],
    }


@pytest.mark.parametrize("accepted", ["gzip", "br, gzip", "gzip;q=0.5, *;q=0", "*", "GZIP"])
def test_compressed_when_asked(viewer, accepted):
    plain = viewer.get("/viewer/inner/part.js")
    packed = viewer.get("/viewer/inner/part.js", Accept_Encoding=accepted)
    assert packed["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body == SCRIPT.encode()
    assert packed["etag"] != plain["etag"]
    assert ("vary", "Accept-Encoding") in packed.pairs_of("vary")


@pytest.mark.parametrize("accepted", ["", "identity", "br", "gzip;q=0", "gzip; q=0.0"])
def test_plain_when_not(viewer, accepted):
    answer = viewer.get("/viewer/inner/part.js", Accept_Encoding=accepted)
    assert answer["content-encoding"] is None
    assert answer.body == SCRIPT.encode()


@pytest.mark.parametrize("accepted", ["gzip", "identity"])
def test_tag(viewer, accepted):
    tag = viewer.get("/viewer/part.mjs", Accept_Encoding=accepted)["etag"]
    answer = viewer.get("/viewer/part.mjs", Accept_Encoding=accepted, If_None_Match=tag)
    assert (answer.status, answer.body, answer["etag"]) == (304, b"", tag)
    assert viewer.get("/viewer/part.mjs", If_None_Match='"old"').status == 200


def test_head(viewer):
    answer = viewer.head("/viewer/part.mjs")
    assert (answer.status, answer["content-length"]) == (200, str(len(SCRIPT)))


def test_changes_are_seen_at_once(viewer, folder):
    path = folder / "changing.js"
    path.write_text("one")
    first = viewer.get("/viewer/changing.js")
    path.write_text("two, longer")
    second = viewer.get("/viewer/changing.js", If_None_Match=first["etag"])
    assert (first.body, second.body) == (b"one", b"two, longer")
    path.unlink()
    assert viewer.get("/viewer/changing.js").status == 404


def names_in(page):
    """The addresses in a page, as it is sent."""
    return re.findall(r'(?:href|src)="([^"]*)"', page.body.decode())


def test_what_a_page_names_is_kept_for_good(viewer):
    script, style, outside, anchor = names_in(viewer.get("/viewer/"))
    assert re.fullmatch(r"~[0-9a-f]{12}/inner/part\.js", script)
    assert style == script.replace("inner/part.js", "style.css")
    assert (outside, anchor) == ("https://example.org/x.css", "#top")
    for name in ("inner/part.js", "part.mjs"):
        answer = viewer.get("/viewer/" + script.replace("inner/part.js", name))
        assert (answer.status, answer.body) == (200, SCRIPT.encode())
        assert "immutable" in answer["cache-control"]
        assert answer["content-type"] == "text/javascript; charset=utf-8"


def test_a_changed_file_has_another_address(viewer, folder):
    before = viewer.get("/viewer/")
    path = folder / "inner/other.js"
    path.write_text("1")
    after = viewer.get("/viewer/", If_None_Match=before["etag"])
    path.unlink()
    assert after.status == 200
    assert names_in(after)[0] != names_in(before)[0]
    assert names_in(viewer.get("/viewer/")) == names_in(before)


def test_the_fingerprint_is_of_the_bytes(tmp_path):
    """Packages may come with the same times in each version."""
    seen = set()
    for content in "12":
        (tmp_path / "a.js").write_text(content)
        os.utime(tmp_path / "a.js", (0, 0))
        seen.add(Fingerprint(tmp_path).last)
    (tmp_path / "a.js").rename(tmp_path / "b.js")
    seen.add(Fingerprint(tmp_path).last)
    assert len(seen) == 3


def test_a_page_of_before_gets_the_files_of_now(viewer):
    answer = viewer.get("/viewer/~0123456789ab/part.mjs")
    assert (answer.status, answer.body) == (200, SCRIPT.encode())
    assert answer["cache-control"] == "no-cache"


def test_the_page_itself_has_one_address(viewer):
    mark = names_in(viewer.get("/viewer/"))[0].partition("/")[0]
    for path in (mark, f"{mark}/", f"{mark}/index.html", f"{mark}/{mark}/part.mjs", f"{mark}/../x"):
        assert viewer.get(f"/viewer/{path}").status == 404


@pytest.mark.parametrize(
    "path", ["nothing.js", ".secret", "inner", "inner/", "../x", "%2e%2e/x", "inner/../index.html"]
)
def test_what_is_not_there(viewer, path):
    assert viewer.get(f"/viewer/{path}").status == 404


def test_viewer_without_a_slash_keeps_the_query(client):
    for query in ("", "?data=/w.zarr", "?data=https://example.org/a%20b.zarr&x=1"):
        answer = client.get(f"/viewer{query}")
        assert (answer.status, answer["location"]) == (307, f"/viewer/{query}")


def test_only_what_a_page_needs_lies_in_the_package():
    folder = Path(pyramidion.server.__file__).parent / "viewer"
    assert folder.is_dir()
    assert not [path for path in folder.rglob("*") if path.suffix == ".py"]


class TestListing:
    @pytest.fixture
    def client(self, serve, tmp_path):
        (tmp_path / "sub" / "page").mkdir(parents=True)
        (tmp_path / "sub" / "page" / "index.html").write_text("<p>own page</p>")
        (tmp_path / "file <b>&.txt").write_text("x")
        (tmp_path / ".env").write_text("x")
        (tmp_path / "out").symlink_to("/etc")
        return serve([tmp_path], listing=True, cors=("*",))

    def test_folder(self, client):
        page = client.get("/")
        assert page.status == 200
        assert page["access-control-allow-origin"] == "*"
        text = page.body.decode()
        assert "Directory listing for /" in text
        assert '<a href="./sub/">sub/</a>' in text
        assert '<a href="./file%20%3Cb%3E%26.txt">file &lt;b&gt;&amp;.txt</a>' in text
        assert ".env" not in text
        assert "out" not in text
        assert client.get("/file%20%3Cb%3E%26.txt").body == b"x"

    def test_slash_is_added(self, client):
        answer = client.get("/sub?a=b")
        assert (answer.status, answer["location"]) == (301, "./sub/?a=b")
        assert "page/" in client.get("/sub/").body.decode()
        assert client.get("//sub").status == 404

    def test_index_page(self, client):
        answer = client.get("/sub/page/")
        assert answer.body == b"<p>own page</p>"
        assert answer["content-type"] == "text/html; charset=utf-8"
        assert answer["content-security-policy"] is None

    def test_missing_folder(self, client):
        assert client.get("/nothing/").status == 404
        assert client.get("/out/").status == 404
        assert client.get("/out/passwd").status == 404


def test_pages_among_data_run_in_a_sandbox(serve, tmp_path):
    for name in ("page.html", "picture.svg", "feed.xml", "page.HTM"):
        (tmp_path / name).write_text("<script>alert(1)</script>")
    client = serve([tmp_path])
    for name in ("page.html", "picture.svg", "feed.xml", "page.HTM"):
        assert "sandbox" in client.get(f"/{name}")["content-security-policy"]
