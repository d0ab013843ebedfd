"""Objects of stores, handed on: every answer is the one that a local file gets."""

from __future__ import annotations

import contextlib
import itertools
import json
import socket
import time
from email.utils import formatdate

import numpy as np
import pytest
from tests.object_store.fault_proxy import FaultProxy
from tests.object_store.faults import Fault, Plan, Rule
from tests.server.conftest import N_BYTES
from tests.server.http import Client, read_answer
from tests.server.remote import Far
from tests.server.test_ranges import BEYOND, GOOD, IGNORED

from pyramidion.server import _remote_objects, build_app, serve_background
from pyramidion.storage import forget_buckets

SEVERAL = ["bytes=0-9,20-29", f"bytes=5-5,100-8000,-3,{N_BYTES}-", "bytes=" + "1-2," * 9 + "4-5"]
EVERY = [None, *(header for header, _ in GOOD), *BEYOND, *IGNORED, *SEVERAL]
OWN = ("date", "etag", "last-modified")
"""Headers whose values come from the store."""

numbers = itertools.count()


def far_in(kind, request):
    if kind == "memory":
        return Far(f"memory://m{next(numbers)}/p")
    server = request.getfixturevalue(f"{kind}_environment")
    bucket = request.getfixturevalue(f"{kind}_bucket")
    return Far(f"s3://{bucket}/p", server, bucket)


@pytest.fixture(params=["memory", "moto", "s3"])
def far(request):
    return far_in(request.param, request)


@pytest.fixture
def memory(request):
    return far_in("memory", request)


@pytest.fixture
def here(tmp_path):
    """A folder of this machine that holds the same."""
    folder = tmp_path / "here"
    folder.mkdir()
    return folder


@pytest.fixture
def moto(request):
    return far_in("moto", request)


def told(answer):
    """What an answer says, apart from what depends on the store or on chance."""
    pairs = [pair for pair in answer.pairs if pair[0] not in OWN]
    body = answer.body
    boundary = (answer["content-type"] or "").partition("boundary=")[2]
    if boundary:
        pairs = [pair for pair in pairs if pair[0] != "content-type"]
        body = body.replace(boundary.encode(), b"BOUNDARY")
    return answer.status, pairs, body


def test_every_range_of_an_object_nobody_asked_for_before(far, here, serve, content):
    far.put({f"{number}.bin": content for number in range(len(EVERY))})
    (here / "0.bin").write_bytes(content)
    local, there = serve([here]), serve([far.url])
    for number, header in enumerate(EVERY):
        headers = {} if header is None else {"Range": header}
        expected = told(local.ask("GET", "/0.bin", headers))
        assert told(there.ask("GET", f"/{number}.bin", headers)) == expected, header


def test_every_range_of_an_object_that_is_known(far, here, serve, content):
    far.put({"k.bin": content, "empty": b""})
    (here / "k.bin").write_bytes(content)
    (here / "empty").write_bytes(b"")
    local, there = serve([here]), serve([far.url])
    for header in EVERY:
        headers = {} if header is None else {"Range": header}
        for method, path in (("GET", "/k.bin"), ("HEAD", "/k.bin"), ("GET", "/empty")):
            expected = told(local.ask(method, path, headers))
            assert told(there.ask(method, path, headers)) == expected, (method, path, header)
    assert there.n_connections == 1


@pytest.mark.parametrize(
    "header", ["bytes=0-", "bytes=-5", "bytes=3-8000002", "bytes=0-4999999,6000000-7999999", None]
)
def test_large_answers_are_handed_on_whole(far, here, serve, large, header):
    far.put({"large.bin": large})
    (here / "large.bin").write_bytes(large)
    headers = {} if header is None else {"Range": header}
    expected = told(serve([here]).ask("GET", "/large.bin", headers))
    there = serve([far.url])
    assert told(there.ask("GET", "/large.bin", headers)) == expected
    assert told(there.ask("GET", "/large.bin", headers)) == expected


NAMES = {
    "top.json": b"{}",
    "a/.zattrs": b"{}",
    "a/0.0.0": b"chunk",
    "page.html": b"<script>",
    "x y/ü%20.bin": b"escaped",
    ".env": b"secret",
    "a/.manifest.json": b"secret",
    "a/.git/config": b"secret",
    "a/c.part": b"half",
    "a/c.partial": b"half",
    "a/.zattrs/x": b"no",
}


def test_names_are_those_of_local_files(far, here, serve):
    far.put(NAMES)
    for key, body in NAMES.items():
        path = here / key
        if path.parent.is_file():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    local, there = serve([here]), serve([far.url])
    for path in (
        "/top.json", "/a/.zattrs", "/a/0.0.0", "/page.html", "/x%20y/%C3%BC%2520.bin", "/.env",
        "/a/.manifest.json", "/a/.git/config", "/a/c.part", "/a/c.partial", "/a/.zattrs/x", "/a/",
        "/nothing", "/%2e%2e/here/top.json", "/../here/top.json", "/a/..%2ftop.json", "/a%2f0.0.0",
        "/%00", "/a//0.0.0", "/%ff", "/a%01b", "/top.json?v=1", "/" + "a" * 300,
    ):  # fmt: skip
        assert told(there.get(path))[:2] == told(local.get(path))[:2], path
    assert there.get("/x%20y/%C3%BC%2520.bin").body == b"escaped"
    assert there.get("/a/0.0.0/").status == 404


def test_conditions(far, serve, content):
    far.put({"k": content})
    there = serve([far.url])
    first = there.get("/k")
    tag, date = first["etag"], first["last-modified"]
    assert tag
    assert date
    for headers, status in (
        ({"If-None-Match": tag}, 304),
        ({"If-None-Match": "W/" + tag}, 304),
        ({"If-None-Match": '"other"'}, 200),
        ({"If-None-Match": "*"}, 304),
        ({"If-Modified-Since": date}, 304),
        ({"If-Modified-Since": formatdate(0, usegmt=True)}, 200),
        ({"If-Match": tag}, 200),
        ({"If-Match": '"other"'}, 412),
        ({"If-Unmodified-Since": formatdate(0, usegmt=True)}, 412),
        ({"Range": "bytes=0-9", "If-Range": tag}, 206),
        ({"Range": "bytes=0-9", "If-Range": date}, 206),
        ({"Range": "bytes=0-9", "If-Range": '"other"'}, 200),
        ({"Range": "bytes=0-9", "If-None-Match": tag}, 304),
    ):
        answer = there.ask("GET", "/k", headers)
        assert answer.status == status, headers
        if status == 304:
            assert (answer["etag"], answer.body) == (tag, b"")


def test_an_object_that_is_replaced_is_the_new_one(memory, serve):
    memory.put({"k": b"first"})
    there = serve([memory.url])
    old = there.get("/k", Range="bytes=0-2")
    memory.put({"k": b"second and longer"})
    time.sleep(2.1)  # what was known is asked for anew
    new = there.get("/k", Range="bytes=0-2")
    assert (old.body, new.body) == (b"fir", b"sec")
    assert new["content-range"] == "bytes 0-2/17"
    assert there.ask("GET", "/k", {"If-None-Match": old["etag"]}).status == 200


def test_an_object_that_is_replaced_under_an_answer_is_never_mixed(memory, serve, rng):
    parts = {}
    memory.put({"k": b""})
    there = serve([memory.url])
    for number in range(30):
        body = rng.integers(0, 256, int(rng.integers(100, 5000)), np.uint8).tobytes()
        parts[len(body)] = body
        memory.put({"k": body})
        for header in ("bytes=10-59", "bytes=0-9,20-29", "bytes=-50"):
            answer = there.get("/k", Range=header)
            assert answer.status == 206
            if header == "bytes=10-59":
                size = int(answer["content-range"].rpartition("/")[2])
                assert answer.body == parts[size][10:60], number


def test_host_token_origin_and_method_are_checked(memory, serve):
    memory.put({"k": b"text"})
    there = serve([memory.url], token="secret")
    assert there.get("/k").status == 401
    assert there.get("/k", Authorization="Bearer secret").body == b"text"
    there = serve([memory.url], cors=("https://a.example",))
    assert there.ask("PUT", "/k").status == 405
    assert there.ask("GET", "/k", {"Host": "elsewhere"}).status == 421
    assert there.get("/k", Origin="https://a.example").cors
    assert not there.get("/k", Origin="https://b.example").cors


def test_what_is_asked_again_is_not_fetched_again(moto, moto_server, monkeypatch, serve, content):
    moto.put({"k": content, "zarr.json": b"{}"})
    with FaultProxy(moto_server.endpoint) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        forget_buckets()
        there = serve([moto.url])
        proxy.log.clear()
        monkeypatch.setattr(_remote_objects, "_KNOWN_S", 60.0)
        for _ in range(5):
            assert there.get("/k", Range="bytes=10-99").body == content[10:100]
            assert there.get("/nothing").status == 404
        assert proxy.requests() == {"GET": 2}
        there.get("/k", Range="bytes=-7")  # the size is known: no other question
        there.head("/k")
        assert proxy.requests() == {"GET": 3}
        monkeypatch.setattr(_remote_objects, "_KNOWN_S", 2.0)
        time.sleep(2.1)
        there.get(
            "/k", Range="bytes=10-99"
        )  # kept, so that the store is only asked whether it changed
        assert proxy.requests() == {"GET": 3, "HEAD": 1}
    forget_buckets()


@contextlib.contextmanager
def behind(moto, moto_server, monkeypatch, plan):
    """Serve a place whose store fails as planned."""
    with FaultProxy(moto_server.endpoint, plan) as proxy:
        proxy.faults_on = False
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        forget_buckets()
        with serve_background(build_app([moto.url])) as url, Client(url) as client:
            proxy.faults_on = True
            yield client, proxy
    forget_buckets()


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [(Fault.FORBIDDEN, 502, "access denied"), (Fault.HTML_PAGE, 502, "")],
)
def test_a_store_that_refuses(moto, moto_server, monkeypatch, caplog, fault, status, words):
    moto.put({"k": b"text"})
    with behind(moto, moto_server, monkeypatch, Plan.always(fault)) as (client, proxy):
        for headers in ({}, {"Range": "bytes=0-1"}, {"If-None-Match": '"x"'}):
            answer = client.ask("GET", "/k", headers)
            if fault is Fault.HTML_PAGE and answer.status == 200:
                continue  # a web page looks like an object: nothing tells them apart
            assert answer.status == status
            assert answer.json["error"]["id"].startswith("PYR-UPL-")
            assert words in answer.json["error"]["what"]
            for secret in (proxy.endpoint, moto_server.secret_key, moto_server.access_key):
                assert secret.encode() not in answer.body
                assert secret not in told_by_us(caplog).replace(proxy.endpoint, "")


def told_by_us(caplog):
    """What this program logged; the test's own client logs its keys when another test asks it to."""
    records = [record for record in caplog.records if record.name.startswith("pyramidion")]
    return "\n".join(record.getMessage() for record in records)


def test_a_store_that_is_gone_is_503(moto, moto_server, monkeypatch):
    moto.put({"k": b"text"})
    monkeypatch.setattr("pyramidion.server._remote_objects._PATIENCE_S", 1.0)
    plan = Plan.always(Fault.STALLED_ANSWER)
    with behind(moto, moto_server, monkeypatch, plan) as (client, _):
        answer = client.get("/k")
        assert (answer.status, answer["retry-after"]) == (503, "2")
        assert answer.json["error"]["id"] == "PYR-UPL-07"


def test_faults_that_pass_are_not_seen(moto, moto_server, monkeypatch, large):
    moto.put({"k": large, **{f"{n}": large[n : n + 5000] for n in range(20)}})
    shares = (Fault.SLOW_DOWN, Fault.RESET_BEFORE_BODY, Fault.TRUNCATED_ANSWER, Fault.EMPTY_ANSWER)
    plan = Plan.mixed(0.3, shares)
    with behind(moto, moto_server, monkeypatch, plan) as (client, proxy):
        for n in range(20):
            assert client.get(f"/{n}", Range="bytes=1-4000").body == large[n + 1 : n + 4001]
        assert client.get("/k").body == large
        assert proxy.faults()


def test_client_that_leaves_ends_the_request(moto, moto_server, monkeypatch):
    moto.put({"k": b"text"})
    plan = Plan(rules=(Rule(Fault.STALLED_ANSWER, path="/k"),))
    with behind(moto, moto_server, monkeypatch, plan) as (client, proxy):
        for _ in range(40):  # more than are asked for at once
            with socket.create_connection(client.address, 10) as leaving:
                leaving.sendall(f"GET /k HTTP/1.1\r\nHost: {client.host}\r\n\r\n".encode())
                time.sleep(0.02)
        proxy.faults_on = False
        begin = time.monotonic()
        assert client.get("/k").body == b"text"
        assert time.monotonic() - begin < 5


def test_slow_readers_of_large_answers_do_not_stop_others(memory, serve):
    body = bytes(20 * 2**20)
    memory.put({"large": body, "small": b"text"})
    there = serve([memory.url])
    request = f"GET /large HTTP/1.1\r\nHost: {there.host}\r\n\r\n".encode()
    with contextlib.ExitStack() as stack:
        for _ in range(80):  # more than are sent at once
            slow = stack.enter_context(socket.create_connection(there.address, 10))
            slow.sendall(request)
        assert there.get("/small").body == b"text"  # once the buffers of all of them are full
        begin = time.monotonic()
        assert there.get("/small").body == b"text"
        assert time.monotonic() - begin < 2
    assert there.get("/large", Range="bytes=-1").body == b"\0"
    with socket.create_connection(there.address, 10) as last:
        last.sendall(request)
        assert len(read_answer(last.makefile("rb")).body) == len(body)


def test_content_encoding_goes_along(moto, moto_server, serve):
    moto_server.client().put_object(
        Bucket=moto.bucket, Key="p/k.json", Body=b"packed", ContentEncoding="gzip"
    )
    answer = serve([moto.url]).get("/k.json")
    assert (answer["content-encoding"], answer.body) == ("gzip", b"packed")


def test_web_server(tmp_path, serve, content):
    store = tmp_path / "data" / "w.zarr"
    store.mkdir(parents=True)
    attributes = {"horiz_interval": 1e-9}
    group = {"zarr_format": 3, "node_type": "group", "attributes": attributes}
    array = {"zarr_format": 3, "node_type": "array", "shape": [1, 1, 1, 9], "data_type": "int16"}
    (store / "zarr.json").write_text(json.dumps(group))
    (store / "raw").mkdir()
    (store / "raw" / "zarr.json").write_text(json.dumps(array))
    (store / "raw" / "c").write_bytes(content)
    origin = serve([tmp_path / "data"])
    there = serve([f"{origin.url}/w.zarr", str(tmp_path)])
    assert {d["name"] for d in there.get("/api/datasets").json["datasets"]} >= {"w.zarr"}
    for header in EVERY:
        headers = {} if header is None else {"Range": header}
        expected = told(origin.ask("GET", "/w.zarr/raw/c", headers))
        assert told(there.ask("GET", "/w.zarr/raw/c", headers)) == expected, header
    here = there.get("/w.zarr/zarr.json")
    assert here["etag"] == origin.get("/w.zarr/zarr.json")["etag"]


def test_web_server_that_knows_no_ranges(tmp_path, serve, content):
    import functools
    import threading
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

    store = tmp_path / "w.zarr"
    store.mkdir()
    array = {"zarr_format": 3, "node_type": "array", "shape": [9, 9], "data_type": "int16"}
    (store / "zarr.json").write_text(json.dumps(array))
    (store / "c").write_bytes(content)

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Quiet, directory=tmp_path)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        there = serve([f"http://127.0.0.1:{server.server_address[1]}/w.zarr"])
        whole = there.get("/w.zarr/c")
        assert whole.body == content
        assert whole["etag"].startswith("W/")  # it says only a date
        assert there.ask("GET", "/w.zarr/c", {"If-None-Match": whole["etag"]}).status == 304
        part = there.get("/w.zarr/c", Range="bytes=5-9")
        assert part.status == 502
        server.shutdown()
