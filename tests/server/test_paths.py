"""Nothing outside the served folders, and nothing private inside, however the path is written."""

from __future__ import annotations

import itertools
import os
import socket
import threading
import time
from urllib.parse import quote

import pytest
from tests.server.http import Client

from pyramidion.server import ServerSettings, build_app, serve_background

CANARY = b"the canary outside the root"

UP = [
    "..",
    "%2e%2e",
    "%2E%2E",
    ".%2e",
    "%2e.",
    "%252e%252e",
    "%25252e%25252e",
    "..;",
    "..;a=b",
    "..%00",
    "%00..",
    "..%20",
    "..%09",
    "...",
    "....",
    ".",
    "%c0%ae%c0%ae",
    "%e0%80%ae%e0%80%ae",
    "%f0%80%80%ae%f0%80%80%ae",
    "%c0%2e%c0%2e",
    "%uff0e%uff0e",
    "%ef%bc%8e%ef%bc%8e",
    "..%c0%af..",
    "..%255c..",
    "%%32%65%%32%65",
    "..%0d%0a",
]
SEPARATORS = ["/", "%2f", "%2F", "%252f", "%5c", "\\", "%255c", "%c0%af", "//", "%e0%80%af", "/./"]
TARGETS = ["canary.txt", "etc/passwd"]
DEPTHS = [1, 2, 8]

SINGLE = [
    "//canary.txt",
    "///etc/passwd",
    "/%2fetc%2fpasswd",
    "/%2fetc/passwd",
    "/C:/Windows/win.ini",
    "/c:%5cWindows%5cwin.ini",
    "/%5c%5chost%5cshare",
    "/%5c%5c%3f%5cC:%5c",
    "/file://etc/passwd",
    "/file.bin%00.txt",
    "/file.bin/",
    "/file.bin/..",
    "/file.bin/../file.bin",
    "/./file.bin",
    "/inner/./0.0.0",
    "/inner//0.0.0",
    "/inner/../file.bin",
    "/" + "." * 4096,
    "/" + "../" * 1000,
    "/" + "a" * 4096,
    "/" + "a/" * 2000,
    "/%",
    "/%zz",
    "/file.bi%6",
    "/%ff%fe",
    "/file.bin%80",
    "/~root/.bashrc",
    "/viewer/../../../etc/passwd",
    "/viewer/%2e%2e/%2e%2e/_app.py",
    "/viewer/..%2f_app.py",
    "/viewer/%2fetc%2fpasswd",
    "/viewer/..\\_app.py",
    "/api/../canary.txt",
]
PREFIXES = [
    "/inner/", "/viewer/", "/zarr/", "/zarr/inner/", "/api/", "/api/thumbnail/", "/mod_visus/",
    "/file.bin/", "/%2f",
]  # fmt: skip
CORPUS = [
    *SINGLE,
    *(
        f"/{(up + separator) * depth}{target}"
        for up, separator, depth, target in itertools.product(UP, SEPARATORS, DEPTHS, TARGETS)
    ),
    *(
        f"{prefix}{(up + separator) * (depth + prefix.count('/') - 1)}{target}"
        for up, separator, prefix, (depth, target) in itertools.product(
            UP, SEPARATORS, PREFIXES, [(1, "sibling/canary.txt"), (3, "canary.txt")]
        )
    ),
]


@pytest.fixture(scope="module")
def fenced(tmp_path_factory):
    """A served folder three levels down, with a canary on every level above it."""
    top = tmp_path_factory.mktemp("top")
    folder = top / "one" / "two" / "root"
    (folder / "inner").mkdir(parents=True)
    (folder / "file.bin").write_bytes(b"inside")
    (folder / "inner" / "0.0.0").write_bytes(b"inside")
    (folder.parent / "sibling").mkdir()
    for level in (top, top / "one", top / "one" / "two", folder.parent / "sibling"):
        (level / "canary.txt").write_bytes(CANARY)
    return folder


def assert_fenced(client, paths):
    for path in paths:
        answer = client.send(
            f"GET {path} HTTP/1.1\r\nHost: {client.host}\r\n\r\n".encode("latin-1")
        )
        assert 400 <= answer.status < 500, path
        assert CANARY not in answer.body, path
        assert b"root:" not in answer.body, path
        assert b"import" not in answer.body, path
    assert client.get("/file.bin").body == b"inside"


def test_corpus_is_large():
    assert len(set(CORPUS)) >= 5000


@pytest.mark.parametrize("listing", [False, True])
def test_no_path_leads_out(serve, fenced, listing):
    assert_fenced(serve([fenced], listing=listing), CORPUS)


@pytest.mark.parametrize("separator", ["/", "%2f", "%5c", "%252f"])
@pytest.mark.parametrize("up", UP[::3])
def test_no_name_of_a_dataset_leads_out(serve, fenced, up, separator):
    client = serve([fenced])
    for action in ("readdataset", "boxquery", "rangequery"):
        name = (up + separator) * 2 + "sibling/canary.idx"
        answer = client.get(f"/mod_visus?action={action}&dataset={name.replace('&', '%26')}")
        assert 400 <= answer.status < 500
        assert CANARY not in answer.body


def test_raw_bytes_in_the_path(serve, fenced):
    client = serve([fenced])
    for path in (
        b"/\xff\xfe",
        b"/file\x00.bin",
        b"/\xc0\xae\xc0\xae/canary.txt",
        b"/a\x01b",
        b"/\x7f",
    ):
        answer = client.send(
            b"GET " + path + b" HTTP/1.1\r\nHost: " + client.host.encode() + b"\r\n\r\n"
        )
        assert 400 <= answer.status < 500, path


PRIVATE = [
    ".env",
    ".git/config",
    ".hidden/file",
    ".lock",
    ".zarray/inner",
    "w.zarr.partial/zarr.json",
    "w.zarr/.lock",
    "chunk.part",
    "chunk.partial",
    "chunk.tmp",
    "c.tmp-1234",
    "w.journal",
    "w.lock",
    "notes.txt~",
    "#notes.txt#",
    ".notes.txt.swp",
    "notes.bak",
    ".zarray~",
    ".zgroup.tmp",
]


ODD = [
    "a b",
    "a%b",
    "a+b",
    "a&b=c",
    "é",
    "日本",
    "a;b",
    "<b>",
    "a'\"b",
    "a\nb",
    "\u202etxt",
    "a?b",
    "a#b",
]
METADATA = [".zarray", ".zgroup", ".zattrs", ".zmetadata", "zarr.json"]


@pytest.fixture(scope="module")
def named(tmp_path_factory):
    """A client of a server with private files, metadata and odd names."""
    folder = tmp_path_factory.mktemp("named")
    for name in PRIVATE:
        path = folder / name if name != ".zarray/inner" else folder / "x" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(CANARY)
    for name in [*METADATA, *ODD]:
        (folder / name).write_text(name)
    with serve_background(build_app({"": folder})) as url, Client(url) as client:
        yield client


@pytest.mark.parametrize("name", [*PRIVATE, "x/.zarray/inner"])
def test_private_files_are_not_there(named, name):
    quoted = name.replace("#", "%23")
    assert named.get(f"/{quoted}").status == 404
    assert named.get(f"/{quoted.replace('.', '%2e').replace('~', '%7e')}").status == 404


@pytest.mark.parametrize("name", METADATA)
def test_metadata_are_served(named, name):
    answer = named.get(f"/{name}")
    assert (answer.status, answer["content-type"]) == (200, "application/json")


@pytest.mark.parametrize("name", ODD)
def test_odd_names_are_served(named, name):
    assert named.get(f"/{quote(name)}").body == name.encode()


@pytest.fixture(scope="module")
def linked(fenced, tmp_path_factory):
    """A folder full of links."""
    folder = tmp_path_factory.mktemp("links") / "linked"
    (folder / "real").mkdir(parents=True)
    (folder / "real" / "file").write_bytes(b"inside")
    (folder / ".secret").write_bytes(CANARY)
    out = fenced.parent / "canary.txt"
    for name, target in {
        "inside": "real/file",
        "inside-folder": "real",
        "inside-absolute": folder / "real" / "file",
        "round-about": "real/../inside",
        "out": out,
        "out-relative": os.path.relpath(out, folder),
        "out-folder": fenced.parent,
        "system": "/etc/passwd",
        "disk": "/",
        "to-private": ".secret",
        "via-out": "out",
        "loop": "loop",
        "loop-a": "loop-b",
        "loop-b": "loop-a",
        "dangling": "nowhere",
        "memory": "/proc/self/mem",
        "environment": "/proc/self/environ",
        "self": "/proc/self/root/etc/passwd",
    }.items():
        (folder / name).symlink_to(target)
    os.mkfifo(folder / "fifo")
    with socket.socket(socket.AF_UNIX) as unix:
        here = os.getcwd()  # noqa: PTH109
        os.chdir(folder)  # the path of a socket is short
        unix.bind("socket")
        os.chdir(here)
    (folder / "zero").symlink_to("/dev/zero")
    return folder


@pytest.fixture(scope="module")
def linked_urls(linked):
    """A server that hides folders and one that shows them."""
    showing = ServerSettings(port=0, listing=True)
    with (
        serve_background(build_app([linked])) as hiding_url,
        serve_background(build_app([linked], showing), showing) as showing_url,
    ):
        yield hiding_url, showing_url


@pytest.mark.parametrize("path", ["inside", "inside-folder/file", "inside-absolute", "round-about"])
def test_links_inside_are_followed(linked_urls, path):
    for url in linked_urls:
        with Client(url) as client:
            assert client.get(f"/{path}").body == b"inside"


@pytest.mark.parametrize(
    "path",
    [
        "out",
        "out-relative",
        "out-folder/canary.txt",
        "out-folder/root/file.bin",
        "system",
        "disk/etc/passwd",
        "to-private",
        "via-out",
        "loop",
        "loop-a",
        "dangling",
        "memory",
        "environment",
        "self",
        "fifo",
        "socket",
        "zero",
        "real/file/",
        "real/file/deeper",
    ],
)
def test_links_out_and_special_files_are_not_there(linked_urls, path):
    for url in linked_urls:
        with Client(url) as client:
            answer = client.get(f"/{path}")
            assert answer.status == 404
            assert CANARY not in answer.body


@pytest.mark.parametrize("path", ["/real", "/real/", "/inside-folder", "/inside-folder/"])
def test_folders_are_not_shown(linked_urls, path):
    with Client(linked_urls[0]) as client:
        answer = client.get(path)
    assert answer.status == 404
    assert answer.json["error"]["id"] == "PYR-HTTP-04"


def test_compressed_file_beside_another_is_not_taken_for_it(serve, fenced, tmp_path):
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside" / "file").write_text("plain")
    for ending in (".gz", ".br", ".zst"):
        (tmp_path / "beside" / f"file{ending}").symlink_to(fenced.parent / "canary.txt")
    client = serve([tmp_path / "beside"])
    answer = client.get("/file", Accept_Encoding="gzip, br, zstd")
    assert (answer.body, answer["content-encoding"]) == (b"plain", None)
    assert client.get("/file.gz", Accept_Encoding="gzip").status == 404


def test_link_that_is_turned_is_followed_anew(serve, fenced, tmp_path):
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    link = tmp_path / "current"
    client = serve([tmp_path])
    for target in ("first", "second", "first"):
        link.unlink(missing_ok=True)
        link.symlink_to(target)
        for _ in range(2):
            assert client.get("/current/file").body == target.encode()
    link.unlink()
    link.symlink_to(fenced.parent)
    assert client.get("/current/canary.txt").status == 404


def test_folder_swapped_for_a_link_never_leads_out(serve, tmp_path):
    """While a folder is exchanged for a link to the outside and back, no answer is from there."""
    root, outside = tmp_path / "root", tmp_path / "outside"
    for folder, text in ((root / "folder", b"inside"), (outside, CANARY)):
        folder.mkdir(parents=True)
        (folder / "file").write_bytes(text)
    (root / "link").symlink_to(outside)
    stop = threading.Event()

    def swap():
        while not stop.is_set():
            os.rename(root / "folder", root / "aside")  # noqa: PTH104
            os.rename(root / "link", root / "folder")  # noqa: PTH104
            os.rename(root / "folder", root / "link")  # noqa: PTH104
            os.rename(root / "aside", root / "folder")  # noqa: PTH104

    client = serve([root])
    thread = threading.Thread(target=swap)
    thread.start()
    try:
        end = time.monotonic() + 1.5
        bodies = []
        while time.monotonic() < end:
            bodies.append(client.get("/folder/file"))
    finally:
        stop.set()
        thread.join()
    assert {answer.status for answer in bodies} <= {200, 404, 500}
    assert CANARY not in {answer.body for answer in bodies}
    assert {answer.body for answer in bodies if answer.status == 200} == {b"inside"}


def test_several_roots_lie_under_their_names(serve, tmp_path):
    for name in ("a", "b/a", "viewer", ".hid"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "file").write_text(name)
    client = serve([tmp_path / "a", tmp_path / "b" / "a", tmp_path / "viewer", tmp_path / ".hid"])
    found = {name: client.get(f"/{name}/file").body for name in ("a", "a-2", "viewer-2", "hid")}
    assert found == {"a": b"a", "a-2": b"b/a", "viewer-2": b"viewer", "hid": b".hid"}
    assert client.get("/b/a/file").status == 404
    assert client.get("/file").status == 404


def test_store_lies_under_its_name(serve, tmp_path):
    store = tmp_path / "w.zarr"
    store.mkdir()
    (store / "zarr.json").write_text("{}")
    (tmp_path / "beside").write_bytes(CANARY)
    client = serve([store])
    assert client.get("/w.zarr/zarr.json").body == b"{}"
    for path in ("/zarr.json", "/beside", "/w.zarr/../beside", "/w.zarr", "/w.zarr/"):
        assert client.get(path).status == 404
