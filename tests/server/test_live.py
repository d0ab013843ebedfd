"""The live camera over HTTP: bodies, headers and errors of dcam2zarr, and what was added."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest
from tests.server.http import Client
from tests.server.live import HEIGHT, WIDTH, frame_of, push, ring_of, spec_of

from pyramidion.kernels import mean_blocks_reference
from pyramidion.server import LiveView, Served, ServerSettings, build_app, serve_background
from pyramidion.storage import FAILED

ALL = "All ROI parameters (x, y, w, h) must be provided together"
INVALID = "Invalid ROI parameters"
OUTSIDE = "ROI exceeds frame bounds"

# As printed in the documentation of dcam2zarr.
PYTHON_CLIENT = """
import requests
import numpy as np

# Fetch full frame
resp = requests.get("http://localhost:8080/latest")
shape = tuple(map(int, resp.headers["X-Frame-Shape"].split(",")))
dtype = np.dtype(resp.headers["X-Frame-Dtype"])
frame = np.frombuffer(resp.content, dtype=dtype).reshape(shape)

# Fetch ROI
resp = requests.get("http://localhost:8080/latest", 
                    params={"x": 100, "y": 100, "w": 256, "h": 256})
shape = tuple(map(int, resp.headers["X-Frame-Shape"].split(",")))
roi = np.frombuffer(resp.content, dtype=dtype).reshape(shape)
"""  # noqa: W291


@pytest.fixture
def ring():
    with ring_of() as ring:
        yield ring


@pytest.fixture
def open_client():
    """Return a function that serves a ring for the rest of the test."""
    import contextlib

    with contextlib.ExitStack() as stack:

        def start(ring, roots=None, store=None, **settings):
            settings = ServerSettings(**{"port": 0, **settings})
            live = LiveView(ring.name, store)
            stack.callback(wait_for_compiler, live)
            app = build_app(roots or Served(), settings, live)
            url = stack.enter_context(serve_background(app, settings))
            return stack.enter_context(Client(url))

        yield start


def wait_for_compiler(live):
    """Leave none to the next test: it changes which warnings are shown, in the whole process."""
    if live._frames._compiling is not None:
        live._frames._compiling.join()


@pytest.fixture
def client(ring, open_client):
    return open_client(ring)


@pytest.fixture
def push_later(ring):
    """Return a function that pushes a frame a moment later, from a thread."""
    timers = []

    def start(number):
        timers.append(threading.Timer(0.3, push, (ring, number)))
        timers[-1].start()

    yield start
    for timer in timers:
        timer.join()


def picture(answer):
    assert answer.status == 200, answer
    shape = tuple(map(int, answer["X-Frame-Shape"].split(",")))
    return np.frombuffer(answer.body, np.dtype(answer["X-Frame-Dtype"])).reshape(shape)


class TestFrames:
    def test_whole_frame_and_its_headers(self, ring, client):
        push(ring, 41, time_host=1_700_000_000.25)
        answer = client.get("/latest")
        np.testing.assert_array_equal(picture(answer), frame_of(41))
        assert answer["content-type"] == "application/octet-stream"
        assert answer["x-frame-number"] == "41"
        assert float(answer["x-timestamp"]) == 1_700_000_000.25
        assert answer["x-frame-shape"] == f"{HEIGHT},{WIDTH}"
        assert answer["x-frame-dtype"] == "uint16"
        assert answer["cache-control"] == "no-cache"
        assert float(answer["x-frame-age"]) > 0

    def test_head_is_the_same_without_a_body(self, ring, client):
        push(ring, 3)
        head, whole = client.head("/latest?scale=3"), client.get("/latest?scale=3")
        ignored = {"date", "x-frame-age"}
        assert head.status == 200
        assert {p for p in head.pairs if p[0] not in ignored} == {
            p for p in whole.pairs if p[0] not in ignored
        }

    def test_newest_frame_wins(self, ring, client):
        for number in range(40):
            push(ring, number)
            assert client.get("/latest")["x-frame-number"] == str(number)

    @pytest.mark.parametrize("place", [(0, 0, 1, 1), (3, 5, 40, 20), (99, 59, 1, 1), (0, 0, WIDTH, HEIGHT)])  # fmt: skip
    def test_region_in_sensor_pixels(self, ring, client, place):
        push(ring, 8)
        x, y, w, h = place
        answer = client.get(f"/latest?x={x}&y={y}&w={w}&h={h}")
        np.testing.assert_array_equal(picture(answer), frame_of(8)[y : y + h, x : x + w])

    @pytest.mark.parametrize("scale", [1, 2, 3, 4, 7, 8, 64])
    def test_scale_is_a_rounded_mean(self, ring, client, scale):
        push(ring, 9)
        for region, part in [
            ("", slice(None)),
            ("&x=3&y=5&w=50&h=31", (slice(5, 36), slice(3, 53))),
        ]:
            expected = mean_blocks_reference(frame_of(9)[part], scale)
            for _ in range(2):
                answer = client.get(f"/latest?scale={scale}{region}")
                np.testing.assert_array_equal(picture(answer), expected)

    @pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4"])
    def test_every_type(self, open_client, dtype):
        with ring_of(spec_of(12, 20, dtype)) as ring:
            client = open_client(ring)
            push(ring, 5)
            expected = frame_of(5, (12, 20), dtype)
            answer = client.get("/latest")
            assert answer["x-frame-dtype"] == np.dtype(dtype).name
            np.testing.assert_array_equal(picture(answer), expected)
            scaled = picture(client.get("/latest?scale=4"))
            np.testing.assert_array_equal(scaled, mean_blocks_reference(expected, 4))
            client.close()

    def test_the_printed_client_works_as_it_stands(self, open_client):
        with ring_of(spec_of(2304, 4096), 5, 3) as ring:
            client = open_client(ring)
            frame = np.arange(2304 * 4096, dtype=np.uint32).astype("u2").reshape(2304, 4096)
            push(ring, 1, frame=frame)
            text = PYTHON_CLIENT.replace("8080", str(client.address[1]))
            found = {}
            exec(text, found)
            np.testing.assert_array_equal(found["frame"], frame)
            np.testing.assert_array_equal(found["roi"], frame[100:356, 100:356])


class TestErrors:
    @pytest.mark.parametrize(
        ("query", "detail", "field"),
        [
            ("x=0", ALL, "y"),
            ("x=0&y=0&w=1", ALL, "h"),
            ("w=5&h=5", ALL, "x"),
            ("x=abc&y=0&w=1", ALL, "h"),
            ("x=-1&y=0&w=1&h=1", INVALID, "x"),
            ("x=0&y=-5&w=1&h=1", INVALID, "y"),
            ("x=0&y=0&w=0&h=1", INVALID, "w"),
            ("x=0&y=0&w=1&h=-3", INVALID, "h"),
            ("x=abc&y=0&w=1&h=1", INVALID, "x"),
            ("x=1.5&y=0&w=1&h=1", INVALID, "x"),
            ("x=&y=0&w=1&h=1", INVALID, "x"),
            ("x=NaN&y=0&w=1&h=1", INVALID, "x"),
            ("x=0&y=0&w=1&h=" + "9" * 31, INVALID, "h"),
            ("x=0&x=1&y=0&w=1&h=1", INVALID, "x"),
            ("x=[1]&y=0&w=1&h=1", INVALID, "x"),
            ("x=%F0%9F%98%80&y=0&w=1&h=1", INVALID, "x"),
            ("x=%D9%A3&y=0&w=1&h=1", INVALID, "x"),
            ("x=+1&y=0&w=1&h=1", INVALID, "x"),
            (f"x=0&y=0&w={WIDTH + 1}&h=1", OUTSIDE, "w"),
            (f"x=1&y=0&w={WIDTH}&h=1", OUTSIDE, "w"),
            (f"x={WIDTH}&y=0&w=1&h=1", OUTSIDE, "x"),
            (f"x=0&y=1&w=1&h={HEIGHT}", OUTSIDE, "h"),
            ("x=0&y=0&w=1&h=1000000000000000000", INVALID, "h"),
            ("x=0&y=0&w=1&h=100000000000000000", OUTSIDE, "h"),
        ],
    )
    def test_regions(self, ring, client, query, detail, field):
        push(ring, 1)
        answer = client.get(f"/latest?{query}")
        assert answer.status == 400
        assert answer.json["detail"] == detail
        error = answer.json["error"]
        assert (error["id"], error["field"]) == ("PYR-HTTP-11", field)
        assert error["allowed"]

    def test_allowed_values_are_named(self, ring, client):
        push(ring, 1)
        error = client.get("/latest?x=90&y=0&w=50&h=1").json["error"]
        assert (error["value"], error["allowed"]) == ("50", "1..10")

    @pytest.mark.parametrize(
        "query",
        [
            "scale=0",
            "scale=65",
            "scale=-4",
            "scale=1.5",
            "scale=",
            "scale=4&scale=4",
            "scale=x",
            "after=x",
            "after=-2",
            "after=1e3",
            "wait=-1",
            "wait=30001",
            "wait=inf",
            "after=" + "1" * 30,
        ],
    )
    def test_other_parameters(self, ring, client, query):
        push(ring, 1)
        answer = client.get(f"/latest?{query}")
        assert answer.status == 400
        error = answer.json["error"]
        assert (error["id"], error["field"]) == ("PYR-HTTP-11", query.partition("=")[0])
        assert ".." in error["allowed"]

    def test_unknown_parameters_are_passed_over(self, ring, client):
        push(ring, 1)
        assert client.get("/latest?_=17&t=3").status == 200

    def test_before_the_first_frame(self, client):
        answer = client.get("/latest")
        assert answer.status == 503
        assert answer.json["state"] == "waiting"
        assert answer["retry-after"] == "1"
        assert answer["cache-control"] == "no-store"
        info = client.get("/info")
        assert info.status == 200
        assert info.json["frame_number"] is None
        assert info.json["shape"] == [HEIGHT, WIDTH]

    @pytest.mark.parametrize("path", ["/latest/roi", "/latest/", "/info/x"])
    def test_no_other_paths(self, ring, client, path):
        push(ring, 1)
        assert client.get(path).status == 404

    def test_only_reading(self, client):
        assert client.ask("POST", "/latest").status == 405


class TestTags:
    def test_same_frame_is_not_sent_twice(self, ring, client):
        push(ring, 6)
        first = client.get("/latest?scale=2")
        again = client.get("/latest?scale=2", If_None_Match=first["etag"])
        assert again.status == 304
        assert (again["x-frame-number"], again["etag"]) == ("6", first["etag"])
        push(ring, 7)
        newer = client.get("/latest?scale=2", If_None_Match=first["etag"])
        assert (newer.status, newer["x-frame-number"]) == (200, "7")

    def test_tag_names_frame_region_scale_and_run(self, ring, client, open_client):
        push(ring, 6)
        paths = ["/latest", "/latest?scale=2", "/latest?x=0&y=0&w=2&h=2", "/latest?x=1&y=0&w=2&h=2"]
        tags = {client.get(path)["etag"] for path in paths}
        with ring_of() as other:
            push(other, 6)
            second = open_client(other)
            tags.add(second.get("/latest")["etag"])
            second.close()
        assert len(tags) == 5


class TestWaiting:
    def test_a_newer_frame_comes_at_once(self, ring, client):
        push(ring, 10)
        answer = client.get("/latest?after=9&wait=20000")
        assert answer["x-frame-number"] == "10"
        # Also when numbers began anew: the client has seen another run.
        assert client.get("/latest?after=5000&wait=20000")["x-frame-number"] == "10"

    def test_waits_for_the_next_frame(self, ring, client, push_later):
        push(ring, 10)
        began = time.monotonic()
        push_later(11)
        answer = client.get("/latest?after=10&wait=20000&scale=2")
        assert answer["x-frame-number"] == "11"
        assert 0.25 < time.monotonic() - began < 5

    def test_waits_for_the_first_frame(self, client, push_later):
        push_later(0)
        assert client.get("/latest?wait=20000")["x-frame-number"] == "0"

    def test_nothing_new(self, ring, client):
        push(ring, 10)
        began = time.monotonic()
        answer = client.get("/latest?after=10&wait=200")
        assert (answer.status, answer.body, answer["x-frame-number"]) == (204, b"", "10")
        assert 0.15 < time.monotonic() - began < 5
        assert client.get("/latest?after=10").status == 204
        kept = client.get("/latest?after=10&wait=50", If_None_Match=answer["etag"])
        assert kept.status == 304

    def test_many_wait_while_others_are_answered(self, ring, client):
        push(ring, 0)

        def wait_for_next(_):
            with Client(client.url) as mine:
                return mine.get("/latest?after=0&wait=20000&scale=4")

        with ThreadPoolExecutor(60) as threads:
            waiting = [threads.submit(wait_for_next, k) for k in range(60)]
            time.sleep(0.3)
            began = time.monotonic()
            for _ in range(20):
                assert client.get("/info").status == 200
            assert time.monotonic() - began < 3
            assert not any(each.done() for each in waiting)
            push(ring, 1)
            answers = [each.result() for each in waiting]
        assert {answer["x-frame-number"] for answer in answers} == {"1"}
        assert len({answer.body for answer in answers}) == 1

    def test_clients_that_leave_leave_nothing(self, ring, client):
        push(ring, 0)
        for _ in range(20):
            leaving = Client(client.url)
            with pytest.raises(TimeoutError):
                leaving_get(leaving, "/latest?after=0&wait=30000")
        began = time.monotonic()
        push(ring, 1)
        assert client.get("/latest?after=0&wait=5000")["x-frame-number"] == "1"
        assert time.monotonic() - began < 3


def leaving_get(client, path):
    import socket

    with socket.create_connection(client.address, 0.05) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {client.host}\r\n\r\n".encode())
        connection.recv(1)


class TestState:
    def test_info(self, ring, client):
        ring.tell_status(
            {"state": "recording", "camera": "C1", "frames_lost": 2, "store": "a.zarr"}
        )
        push(ring, 12, time_host=time.time() - 5)
        info = client.get("/info").json
        assert info["frame_number"] == 12
        assert info["shape"] == [HEIGHT, WIDTH]
        assert info["dtype"] == "uint16"
        assert abs(info["timestamp"] + 5 - time.time()) < 2
        assert 4.9 < info["age_s"] < 8
        assert (info["state"], info["frames_lost"], info["store"]) == ("recording", 2, "a.zarr")

    def test_silent_camera_is_lost_and_its_last_frame_stays(self, ring, client):
        ring.tell_status({"state": "recording"})
        push(ring, 1)
        assert client.get("/info").json["state"] == "recording"
        time.sleep(2.2)
        info = client.get("/info").json
        assert info["state"] == "camera lost"
        assert info["age_s"] > 2
        answer = client.get("/latest")
        assert answer.status == 200
        assert float(answer["x-frame-age"]) > 2

    def test_failed_camera(self, ring, client):
        ring.tell_status({"state": "recording"})
        ring.beat(0, FAILED)
        assert client.get("/info").json["state"] == "camera lost"
        assert client.get("/latest").json["state"] == "camera lost"
        ring.tell_status({"state": "failed", "error": "unplugged"})
        assert client.get("/info").json["state"] == "failed"


class TestPages:
    def test_index_for_programs(self, client):
        answer = client.get("/", Accept="*/*")
        assert answer.json["frame_shape"] == [HEIGHT, WIDTH]
        assert set(answer.json) == {"camera_index", "frame_shape", "dtype", "endpoints"}
        assert answer.json["dtype"] == "uint16"
        assert {"/latest", "/info", "/viewer"} <= set(answer.json["endpoints"])
        assert ("vary", "Accept") in answer.pairs
        for path in answer.json["endpoints"]:
            assert client.get(path).status in (200, 307, 503)

    @pytest.mark.parametrize(("address", "index"), [("dcam:3", 3), ("0", 0), ("sim:width=5", None), (None, None)])  # fmt: skip
    def test_camera_index(self, ring, client, address, index):
        ring.tell_status({"state": "looking", "address": address})
        assert client.get("/").json["camera_index"] == index

    def test_catalogue_for_browsers(self, ring, client):
        ring.tell_status({"state": "recording", "camera": "<b>C1</b>"})
        push(ring, 1)
        answer = client.get("/", Accept="text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")
        text = answer.body.decode()
        assert answer["content-type"].startswith("text/html")
        assert "Live camera" in text
        assert "&lt;b&gt;C1" in text
        assert 'href="/viewer/?live=/"' in text
        assert "recording" in text

    def test_catalogue_lists_the_camera_first(self, ring, client):
        ring.tell_status({"state": "looking", "camera": "C1"})
        first = client.get("/api/datasets").json["datasets"][0]
        assert first["kind"] == "live"
        assert first["viewer"] == "/viewer/?live=/"
        assert (first["camera"], first["state"]) == ("C1", "looking")
        assert first["shape"] == [HEIGHT, WIDTH]

    @pytest.mark.parametrize(
        ("path", "place"),
        [
            ("/viewer", "/viewer/?live=/"),
            ("/viewer?theme=dark", "/viewer/?live=/&theme=dark"),
            ("/viewer?data=/a.zarr", "/viewer/?data=/a.zarr"),
            ("/viewer?live=/x/", "/viewer/?live=/x/"),
        ],
    )
    def test_viewer_opens_the_camera(self, client, path, place):
        answer = client.get(path)
        assert (answer.status, answer["location"]) == (307, place)
        assert client.get(place).status == 200

    def test_pages_may_read_the_headers(self, ring, client):
        push(ring, 1)
        answer = client.get("/latest", Origin="http://localhost:5173")
        assert answer["access-control-allow-origin"] == "http://localhost:5173"
        exposed = {name.strip() for name in answer["access-control-expose-headers"].split(",")}
        wanted = {"X-Frame-Number", "X-Timestamp", "X-Frame-Shape", "X-Frame-Dtype", "X-Frame-Age", "ETag"}  # fmt: skip
        assert wanted <= exposed
        assert not client.get("/latest", Origin="https://example.org").cors

    def test_without_a_camera_nothing_of_this_is_there(self, serve, tmp_path):
        plain = serve([tmp_path])
        assert plain.get("/latest").status == 404
        assert plain.get("/info").status == 404
        assert plain.get("/", Accept="*/*")["content-type"].startswith("text/html")


class TestToken:
    def test_programs_here_need_none(self, ring, open_client):
        push(ring, 1)
        client = open_client(ring, host="0.0.0.0", token="secret", free_for_this_machine=True)
        assert client.get("/latest").status == 200
        for header in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via", "X-Forwarded-Host"):
            assert client.ask("GET", "/latest", {header: "10.0.0.7"}).status == 401
        assert client.get("/latest", Host="evil.org").status == 421
        assert client.get("/latest?token=wrong").status == 401
        assert client.get("/latest?token=secret").status == 303

    @pytest.mark.parametrize(
        ("peer", "status"),
        [
            ("127.0.0.1", 200),
            ("127.8.8.8", 200),
            ("::1", 200),
            ("::ffff:127.0.0.1", 200),
            ("10.0.0.7", 401),
            ("::ffff:10.0.0.7", 401),
            ("2001:db8::1", 401),
            ("0.0.0.0", 401),
        ],
    )
    def test_others_need_it(self, ring, peer, status):
        push(ring, 1)
        settings = ServerSettings(host="0.0.0.0", token="secret", free_for_this_machine=True)
        live = LiveView(ring.name)

        async def ask(**headers):
            transport = httpx.ASGITransport(build_app(Served(), settings, live), client=(peer, 7))
            async with httpx.AsyncClient(
                transport=transport, base_url="http://127.0.0.1"
            ) as client:
                return await client.get("/latest", headers=headers)

        assert asyncio.run(ask()).status_code == status
        assert asyncio.run(ask(Authorization="Bearer secret")).status_code == 200
        live.close()

    def test_only_where_it_is_asked_for(self, ring, open_client):
        push(ring, 1)
        client = open_client(ring, host="0.0.0.0", token="secret")
        assert client.get("/latest").status == 401
