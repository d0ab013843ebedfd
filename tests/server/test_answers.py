"""What every answer says, and what none says: policies, no secrets, no paths of this machine."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import shutil
from base64 import b64encode
from pathlib import Path
from urllib.parse import quote, urlencode

import numpy as np
import pytest
import tifffile
from tests.server.http import Client
from tests.server.images import voxels_of

from pyramidion.core import DataError, StorageError, UsageError
from pyramidion.server import ServerSettings, build_app, serve_background
from pyramidion.server._errors import describe
from pyramidion.server._private_paths import without_paths
from pyramidion.server._sign_in import PAGE, POLICY

IDX = Path(__file__).parents[1] / "data" / "idx"
TOKEN = "n6WqJ8kq2c-correct-horse"
HTML = {"Accept": "text/html,application/xhtml+xml"}
MODES = {
    "loopback": {},
    "public": {"public": True},
    "token": {"token": TOKEN},
    "listing": {"listing": True},
}
PATHS = [
    "/", "/api/datasets", "/api/openapi.json", "/api/thumbnail/v.tif", "/api/thumbnail/none",
    "/api/thumbnail/broken.tif", "/zarr/v.tif/zarr.json", "/zarr/v.tif/0/c/0/0/0",
    "/zarr/v.tif/0/c/9/9/9", "/zarr/broken.tif/zarr.json", "/zarr/damaged/visus.idx/0/c/0/0/0",
    "/mod_visus", "/mod_visus?action=readdataset&dataset=v.tif", "/mod_visus?action=bogus",
    "/mod_visus?action=readdataset&dataset=damaged/visus.idx&format=xml",
    "/mod_visus?action=boxquery&dataset=damaged/visus.idx",
    "/mod_visus?action=rangequery&dataset=damaged/visus.idx&block=4+5",
    "/mod_visus?action=readdataset&dataset=broken.tif", "/file.bin", "/page.html", "/p.svg",
    "/locked.bin", "/none", "/inner", "/inner/", "/viewer", "/viewer/", "/viewer/none.js", "/..",
    "/%ff", "/.env",
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with sound, damaged and locked files, and a name that is easy to find again."""
    folder = tmp_path_factory.mktemp("a secret place") / "my data"
    (folder / "inner").mkdir(parents=True)
    tifffile.imwrite(folder / "v.tif", voxels_of((5, 60, 70)))
    (folder / "broken.tif").write_bytes((folder / "v.tif").read_bytes()[:600])
    shutil.copytree(IDX / "u16_3d_arco_zip", folder / "damaged")
    for block in (folder / "damaged").rglob("*.bin"):
        block.write_bytes(b"garbage")
    for name in ("file.bin", "locked.bin", ".env"):
        (folder / name).write_bytes(b"content")
    (folder / "page.html").write_text("<script>alert(1)</script>")
    (folder / "p.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (folder / "locked.bin").chmod(0)
    return folder


@pytest.fixture(scope="module", params=MODES)
def mode(request, folder):
    settings = ServerSettings(port=0, **MODES[request.param])
    with serve_background(build_app([folder], settings), settings) as url, Client(url) as client:
        yield request.param, client


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("asks_for_html", [False, True])
def test_no_answer_names_a_local_path(mode, folder, path, asks_for_html):
    name, client = mode
    headers = {"Authorization": f"Bearer {TOKEN}"} if name == "token" else {}
    answer = client.ask("GET", path, headers | (HTML if asks_for_html else {}))
    told = answer.body + repr(answer.pairs).encode()
    for word in ("a secret place", "my data", "site-packages", os.fspath(folder.parent)):
        assert word.encode() not in told, path
        assert quote(word).encode() not in told, path
    assert b"Traceback" not in told
    if name != "listing":
        assert b"<script>alert" not in answer.body or "sandbox" in answer["content-security-policy"]


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_has_its_policies(mode, path):
    name, client = mode
    headers = {"Authorization": f"Bearer {TOKEN}"} if name == "token" else {}
    for sent in ({}, headers, HTML, headers | HTML):
        answer = client.ask("GET", path, sent)
        assert answer["x-content-type-options"] == "nosniff"
        assert answer["referrer-policy"] == "no-referrer"
        policy = "cross-origin" if name == "public" else "same-origin"
        assert answer["cross-origin-resource-policy"] == policy
        assert ("Origin" in [value for _, value in answer.pairs_of("vary")]) == (name != "public")
        kind = answer["content-type"] or ""
        is_own_page = name == "listing" and path == "/page.html"  # runs as a page of this server
        if kind.startswith(("text/html", "image/svg")) and not is_own_page and name != "listing":
            assert "default-src" in answer["content-security-policy"]
            assert "unsafe" not in answer["content-security-policy"]
        if answer.status >= 400:
            assert answer["cache-control"] == "no-store"
            assert kind.startswith(("application/json", "text/html"))


def test_public_means_any_page_and_any_name(folder):
    settings = ServerSettings(port=0, public=True)
    with serve_background(build_app([folder], settings), settings) as url, Client(url) as client:
        for host in ("lab3.example.org", "10.0.0.7:80", "data.example.org:8443", "[fe80::1]:1"):
            answer = client.ask("GET", "/file.bin", {"Host": host, "Origin": "https://a.org"})
            assert (answer.status, answer["access-control-allow-origin"]) == (200, "*")
        for host in ("a b", "a/b", "user@a", "a:b"):
            assert client.ask("GET", "/file.bin", {"Host": host}).status == 421
        for path in ("/.env", "/../x", "/inner"):
            assert 400 <= client.get(path).status < 500
        for method in ("PUT", "POST", "DELETE"):
            assert client.ask(method, "/file.bin").status == 405


def test_public_and_a_token_contradict_each_other(folder):
    with pytest.raises(UsageError, match="contradicts --token"):
        build_app([folder], ServerSettings(public=True, token="x"))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("/tmp/x/w.zarr/c/0: damaged", "w.zarr/c/0: damaged"),
        ("/srv/my data/w.zarr", "w.zarr"),
        ("look at /api/datasets", "look at /api/datasets"),
        ("chunk 3/4/5 of level 0", "chunk 3/4/5 of level 0"),
        ("C:\\Users\\ann\\w.idx: damaged", "w.idx: damaged"),
        ("'/usr/lib/x/y.py' failed", "'y.py' failed"),
        ("a box of 1/2", "a box of 1/2"),
        ("https://h.org/tmp/x/y", "https://h.org/tmp/x/y"),
    ],
)
def test_paths_are_cut(text, wanted):
    assert without_paths(text, ["/tmp/x", "/srv/my data"]) == wanted


@pytest.mark.parametrize("kind", [DataError, StorageError])
def test_faults_from_below_name_no_path(kind):
    error = kind("/home/ann/w.zarr", "cannot be read", "/home/ann/w.zarr/c", "look at /home/ann/x")
    assert "/home" not in json.dumps(describe(error))


@pytest.fixture
def guarded(serve, root):
    return serve([root], token=TOKEN)


def test_browser_without_a_token_gets_a_page(guarded):
    answer = guarded.ask("GET", "/viewer/?data=/w.zarr", HTML)
    assert (answer.status, answer.body) == (401, PAGE)
    assert answer["content-type"] == "text/html; charset=utf-8"
    assert answer["www-authenticate"] == "Bearer"
    assert guarded.ask("HEAD", "/", HTML).body == b""
    for path in ("/", "/file.bin", "/none"):
        assert "error" in guarded.get(path).json  # programs get what they can read


def test_page_runs_only_its_own_script():
    text = PAGE.decode()
    for tag, rule in (("script", "script-src"), ("style", "style-src")):
        (inner,) = re.findall(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = b64encode(hashlib.sha256(inner.encode()).digest()).decode()
        assert f"{rule} 'sha256-{digest}'" in POLICY.decode()
    assert "default-src 'none'" in POLICY.decode()


def test_session_makes_a_cookie_of_a_token(guarded, content):
    answer = guarded.get("/api/session", Authorization=f"Bearer {TOKEN}")
    assert (answer.status, answer.body, answer["cache-control"]) == (204, b"", "no-store")
    cookie, *rules = [part.strip() for part in answer["set-cookie"].split(";")]
    assert set(rules) == {"Path=/", "HttpOnly", "SameSite=Strict"}
    assert TOKEN not in cookie
    assert guarded.get("/file.bin", Cookie=cookie).body == content
    again = guarded.get("/api/session", Cookie=cookie)
    assert (again.status, again["set-cookie"]) == (204, None)
    for headers in ({}, {"Authorization": "Bearer no"}, {"Cookie": cookie + "x"}, HTML):
        answer = guarded.ask("GET", "/api/session", headers)
        assert (answer.status, answer["set-cookie"]) == (401, None)


def test_without_a_token_there_is_no_session(client):
    assert client.get("/api/session", Authorization=f"Bearer {TOKEN}").status == 404


def test_word_token_in_another_value_is_none(guarded, content):
    cookie = guarded.get(f"/?token={TOKEN}")["set-cookie"].partition(";")[0]
    for query in ("?data=https://h.org/?token=abc", "?mytoken=abc", "?q=token=abc"):
        answer = guarded.get("/file.bin" + query, Cookie=cookie)
        assert (answer.status, answer.body) == (200, content)


@pytest.mark.parametrize("path", ["/file.bin", "/none", "/api/datasets", "/mod_visus?action=bogus"])
def test_token_is_in_no_answer_and_no_log(guarded, caplog, path):
    caplog.set_level(logging.DEBUG)
    joint = "&" if "?" in path else "?"
    wrong = TOKEN[:-1] + "X"
    for sent in (
        (f"{path}{joint}token={TOKEN}", {}),
        (f"{path}{joint}token={wrong}", HTML),
        (path, {"Authorization": f"Bearer {TOKEN}"}),
        (path, {"Authorization": f"Bearer {wrong}"}),
    ):
        answer = guarded.ask("GET", *sent)
        told = answer.body + repr(answer.pairs).encode()
        assert TOKEN.encode() not in told
        assert wrong.encode() not in told
    assert TOKEN not in caplog.text
    assert wrong not in caplog.text


@pytest.mark.parametrize(
    "query",
    [
        {"protocol": "javascript"},
        {"protocol": "$(hostname)" * 100, "hostname": "$(port)" * 100, "port": "x" * 1000},
        {"hostname": "a b"},
        {"hostname": "<script>"},
        {"hostname": "x" * 300},
        {"port": "0"},
        {"port": "65536"},
        {"port": "80\r\nx: y"},
    ],
)
def test_list_takes_only_parts_of_an_address(client, query):
    answer = client.get("/mod_visus?" + urlencode({"action": "list", **query}))
    assert answer.status == 400
    assert answer.json["error"]["field"] in query


def test_header_of_an_error_is_one_line(client):
    answer = client.get("/mod_visus?action=a%0d%0ax-evil:%201&x=%c3%a9")
    assert answer.status == 404
    assert answer["x-evil"] is None
    assert "\\r\\n" in answer["visus-errormsg"]


def test_live_frame_over_the_limit_names_the_scale_that_fits():
    from pyramidion.server._errors import TooLargeError
    from pyramidion.server._live_query import parse_frame_query

    frame = (5000, 9000)
    with pytest.raises(TooLargeError, match="scale=2 fits"):
        parse_frame_query([], frame)
    assert parse_frame_query([("scale", "2")], frame).shape == (2500, 4500)
    whole = [("x", "0"), ("y", "0"), ("w", "4096"), ("h", "4096")]
    assert np.prod(parse_frame_query(whole, frame).shape) == 2**24


def test_path_of_a_thousand_names_is_not_looked_for(client):
    assert client.get("/" + "inner/" * 129).status == 404
    assert client.get("/zarr/" + "inner/" * 1000).status == 404
    assert client.get("/mod_visus?dataset=" + "inner/" * 1000).status == 400
