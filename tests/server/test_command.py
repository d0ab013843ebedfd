"""``pyramidion serve`` and ``view`` as people start them."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.server.http import Client


@pytest.fixture
def store(tmp_path):
    store = tmp_path / "w.zarr"
    store.mkdir()
    (store / "zarr.json").write_text(json.dumps({"zarr_format": 3, "node_type": "group"}))
    return store


@contextlib.contextmanager
def pyramidion(*arguments, cwd=None):
    process = subprocess.Popen(
        [sys.executable, "-m", "pyramidion", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env={**os.environ, "DISPLAY": "", "WAYLAND_DISPLAY": "", "BROWSER": ""},
    )
    with process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def fails(*arguments):
    with pyramidion(*arguments) as process:
        out, error = process.communicate(timeout=30)
    assert out == ""
    assert len(error.splitlines()) == 1
    return process.returncode, error.strip()


def url_in(line):
    return re.search(r"http://[^\s?]*:\d+", line)[0]


@pytest.mark.parametrize("command", [["serve"], ["view", "--no-browser"], ["view"]])
def test_store(store, command):
    with pyramidion(*command, store, "--port", "0") as process:
        first, second = process.stdout.readline(), process.stdout.readline()
        url = url_in(first)
        assert first == f"Serving w.zarr at {url}/\n"
        assert second == f"View it at {url}/viewer/?data=/w.zarr\n"
        with Client(url) as client:
            assert client.get("/w.zarr/zarr.json").json["zarr_format"] == 3
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=20) == ("", "")
    assert process.returncode == 143


IDX = Path(__file__).parents[1] / "data" / "idx"


@pytest.fixture
def pictures(tmp_path):
    import imagecodecs

    (tmp_path / "slices").mkdir()
    for z in range(3):
        picture = np.full((70, 80), z, np.uint8)
        (tmp_path / "slices" / f"{z}.png").write_bytes(imagecodecs.png_encode(picture))
    np.save(tmp_path / "v.npy", np.zeros((9, 70, 80), np.uint16))
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("command", [["serve"], ["view", "--no-browser"]])
@pytest.mark.parametrize(
    ("what", "name", "place"),
    [
        (
            str(IDX / "u16_3d_arco_zip" / "visus.idx"),
            "u16_3d_arco_zip",
            "u16_3d_arco_zip/visus.idx",
        ),
        ("{tmp}/slices", "slices", "slices"),
        ("{tmp}/slices/*.png", "slices", "slices"),
        ("{tmp}/v.npy", "v.npy", "v.npy"),
    ],
)
def test_image(pictures, command, what, name, place):
    what = what.format(tmp=pictures)
    with pyramidion(*command, what, "--port", "0") as process:
        first, second = process.stdout.readline(), process.stdout.readline()
        url = url_in(first)
        assert first == f"Serving {name} at {url}/\n"
        assert second == f"View it at {url}/viewer/?data=/zarr/{place}/\n"
        with Client(url) as client:
            assert client.get(f"/zarr/{place}/0/zarr.json").json["node_type"] == "array"
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=20) == ("", "")
    assert process.returncode == 143


@pytest.mark.slow
def test_config(tmp_path):
    config = tmp_path / "datasets.config"
    url = IDX / "u8_2d_mv_raw" / "visus.idx"
    config.write_text(f'<datasets><dataset name="mine" url="{url}"/></datasets>')
    with pyramidion("serve", "--config", config, "--port", "0", "--max-pixels", "100") as process:
        url = url_in(process.stdout.readline())
        with Client(url) as client:
            assert client.get("/mod_visus?dataset=mine").status == 200
            assert client.get("/mod_visus?action=boxquery&dataset=mine").status == 413
        process.terminate()


def test_ctrl_c_finishes_what_was_begun(tmp_path):
    (tmp_path / "large").write_bytes(b"x" * 30_000_000)
    with pyramidion("serve", tmp_path, "--port", "0") as process:
        url = url_in(process.stdout.readline())
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), 20) as connection:
            connection.sendall(f"GET /large HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
            received = len(connection.recv(1000))
            process.send_signal(signal.SIGINT)
            while piece := connection.recv(2**20):
                received += len(piece)
        assert received > 30_000_000
        assert process.communicate(timeout=20) == ("", "")
    assert process.returncode == 130


def test_busy_default_port_is_avoided_and_said(store):
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):  # somebody else's is as good
            stack.enter_context(socket.create_server(("127.0.0.1", 8000)))
        process = stack.enter_context(pyramidion("serve", store))
        url = url_in(process.stdout.readline())
        assert not url.endswith(":8000")
        with Client(url) as client:
            assert client.get("/w.zarr/zarr.json").status == 200
        process.terminate()
        _, error = process.communicate(timeout=20)
        assert re.match(
            r"pyramidion serve: port 8000 in use( by process \d+)?: taking \d+\n", error
        )


def test_busy_port_that_was_asked_for_is_an_error(store):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, line = fails("serve", store, "--port", port)
    assert status == 1
    assert f"--port: {port} in use by process {os.getpid()}: use --port 0 for a free one" in line


def test_other_machines_get_a_token_shown_once(store):
    with pyramidion("serve", store, "--host", "0.0.0.0", "--port", "0") as process:
        text = process.stdout.readline() + process.stdout.readline()
        (token,) = re.findall(r"token=([\w-]{43})", text)
        port = url_in(text).rpartition(":")[2]
        with Client(f"http://127.0.0.1:{port}") as client:
            assert client.get("/w.zarr/zarr.json").status == 401
            headers = {"Authorization": f"Bearer {token}"}
            assert client.ask("GET", "/w.zarr/zarr.json", headers).status == 200
            named = {**headers, "Host": f"{socket.gethostname()}:{port}"}
            assert client.ask("GET", "/w.zarr/zarr.json", named).status == 200
        process.terminate()
        out, error = process.communicate(timeout=20)
        assert token not in out + error


def test_options_reach_the_server(store):
    options = [
        "--cors",
        "https://a.org",
        "--cors",
        "https://b.org",
        "--allowed-host",
        "lab3",
        "--port",
        "0",
    ]
    with pyramidion("serve", store, *options) as process:
        with Client(url_in(process.stdout.readline())) as client:
            answer = client.get("/w.zarr/zarr.json", Origin="https://b.org", Host="lab3")
            assert answer["access-control-allow-origin"] == "https://b.org"
        process.terminate()


def test_cors_server_is_a_plain_file_server_for_every_page(store):
    with pyramidion("cors_server", "--port", "0", cwd=store) as process:
        with Client(url_in(process.stdout.readline())) as client:
            answer = client.get("/zarr.json", Origin="https://a.org", Range="bytes=0-0")
            assert (answer.status, answer.body) == (206, b"{")
            assert answer["access-control-allow-origin"] == "*"
            assert b'href="./zarr.json"' in client.get("/").body
        process.terminate()


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["serve", "{store}", "--port", "70000"], 2, "--port: not a port (70000)"),
        (["serve", "{store}", "--port", "x"], 2, "--port: not a whole number (x)"),
        (["serve", "/"], 2, "/: refusing to serve the whole disk: name a folder (--really)"),
        (["serve", "/no/where"], 2, "/no/where: no such folder"),
        (["serve", "{store}", "--host", "0.0.0.0", "--no-token"], 2, "--really"),
        (["serve", "{store}", "--cors", "*", "--token", "x"], 2, "`*` cannot be used with a token"),
        (
            ["serve", "{store}", "--cors", "*", "--host", "0.0.0.0"],
            2,
            "`*` cannot be used with a token",
        ),
        (
            ["serve", "{store}", "--cors", "a.org/x"],
            2,
            "not an origin (a.org/x): write https://a.org",
        ),
        (["view", "/no/where.zarr"], 1, "/no/where.zarr: no such file"),
        (["view", "{store}/zarr.json"], 2, "convert it first: pyramidion convert"),
        (["serve"], 2, "nothing to serve: name a folder"),
        (["serve", "{store}/*.png"], 1, "matches no file"),
        (["view", "{store}/*.png"], 1, "matches no file"),
        (["serve", "--config", "{store}/none"], 1, "{store}/none: no such file"),
        (["serve", "--config", "{store}/zarr.json"], 2, "not XML"),
        (["serve", "{store}", "--max-pixels", "x"], 2, "--max-pixels: not a whole number (x)"),
    ],
)
def test_mistakes_are_one_line(store, arguments, status, words):
    code, line = fails(*(argument.format(store=store) for argument in arguments))
    assert code == status
    assert line.startswith(f"pyramidion {arguments[0]}: error: ")
    assert words.format(store=store) in line
