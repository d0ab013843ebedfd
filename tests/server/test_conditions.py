"""Tags and dates: what need not be sent again."""

from __future__ import annotations

import os
import sys
import time

import pytest

DAY_S = 86_400


@pytest.fixture
def file(client):
    answer = client.head("/file.bin")
    return answer["etag"], answer["last-modified"]


def date(seconds):
    return time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(seconds))


def test_tag_is_strong_and_of_the_file(client, root):
    status = (root / "file.bin").stat()
    tag = client.head("/file.bin")["etag"]
    assert tag == f'"{status.st_mtime_ns:x}-{status.st_size:x}-{status.st_ino:x}"'
    assert client.head("/file.bin")["last-modified"] == date(int(status.st_mtime))


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', '"a" , W/"b",{}', "*"])
def test_known_tag_is_304(client, file, form):
    answer = client.get("/file.bin", If_None_Match=form.format(file[0]))
    assert answer.status == 304
    assert answer.body == b""
    assert answer["etag"] == file[0]
    assert answer["cache-control"] == "no-cache"
    assert answer["content-length"] is None


@pytest.mark.parametrize("tag", ['"old"', 'W/"old"', "", "garbage", '"a", "b"'])
def test_other_tag_is_the_file(client, content, tag):
    assert client.get("/file.bin", If_None_Match=tag).body == content


def test_known_tag_wins_over_the_range(client, file):
    assert client.get("/file.bin", If_None_Match=file[0], Range="bytes=0-3").status == 304


def test_date(client, file, root):
    changed = (root / "file.bin").stat().st_mtime
    assert client.get("/file.bin", If_Modified_Since=file[1]).status == 304
    assert client.get("/file.bin", If_Modified_Since=date(changed + DAY_S)).status == 304
    assert client.get("/file.bin", If_Modified_Since=date(changed - DAY_S)).status == 200


@pytest.mark.parametrize(
    "text",
    ["Thu, 01 Jan 1960 00:00:00 GMT", "yesterday", "", "0", "Mon, 99 Foo 9999 99:99:99 GMT", "-1"],
)
def test_strange_dates_are_the_file(client, text):
    assert client.get("/file.bin", If_Modified_Since=text).status == 200


def test_tag_wins_over_the_date(client, file):
    answer = client.get("/file.bin", If_None_Match='"other"', If_Modified_Since=file[1])
    assert answer.status == 200


def test_if_range(client, file, content):
    tag, changed = file
    for known in (tag, changed):
        answer = client.get("/file.bin", Range="bytes=0-3", If_Range=known)
        assert (answer.status, answer.body) == (206, content[:4])
    for other in ('"old"', f"W/{tag}", date(0), "", "garbage"):
        answer = client.get("/file.bin", Range="bytes=0-3", If_Range=other)
        assert (answer.status, answer.body) == (200, content)


def test_if_match(client, file):
    assert client.get("/file.bin", If_Match=file[0]).status == 200
    assert client.get("/file.bin", If_Match="*").status == 200
    assert client.get("/file.bin", If_Match='"old"').status == 412
    assert client.get("/file.bin", If_Unmodified_Since=file[1]).status == 200
    assert client.get("/file.bin", If_Unmodified_Since=date(0)).status == 412


def test_cache_control(client):
    assert client.get("/file.bin")["cache-control"] == "no-cache"
    assert "immutable" in client.get("/file.bin?v=17")["cache-control"]
    assert client.get("/file.bin?v=")["cache-control"] == "no-cache"
    assert client.get("/nothing?v=17")["cache-control"] == "no-store"


def replace(path, text):
    new = path.with_name("new")
    new.write_text(text)
    os.replace(new, path)  # noqa: PTH105


def grow(path, text):
    path.write_text(text)


@pytest.mark.parametrize("change", [replace, grow])
def test_changed_file_is_seen_at_once(serve, tmp_path, change):
    path = tmp_path / "file"
    path.write_text("first")
    client = serve([tmp_path])
    first = client.get("/file")
    assert client.get("/file", If_None_Match=first["etag"]).status == 304
    change(path, "second, and longer")
    second = client.get("/file", If_None_Match=first["etag"])
    assert (second.status, second.body) == (200, b"second, and longer")
    path.unlink()
    assert client.get("/file").status == 404


@pytest.mark.skipif(sys.platform != "linux", reason="counts descriptors in /proc")
def test_files_are_not_kept_open_for_ever(tmp_path):
    from pyramidion.server._open_files import OpenFile, OpenFiles

    kept = OpenFiles()
    for k in range(300):
        path = tmp_path / str(k)
        path.write_bytes(b"x")
        fd = os.open(path, os.O_RDONLY)
        kept.put(b"%d" % k, OpenFile(fd, str(path), os.fstat(fd)))
    still = len([name for name in os.listdir("/proc/self/fd") if _leads_into(name, tmp_path)])  # noqa: PTH208
    assert still == 128
    kept.clear()
    assert not [name for name in os.listdir("/proc/self/fd") if _leads_into(name, tmp_path)]  # noqa: PTH208


def _leads_into(fd, folder):
    try:
        return os.readlink(f"/proc/self/fd/{fd}").startswith(str(folder))  # noqa: PTH115
    except OSError:
        return False
